// WEIR.BACKUP: weir's own; `weir backup` speaks it.
#include <memory>
#include <string>
#include <utility>

#include "weir/gateway/backup_control.h"
#include "weir/gateway/commands/commands.h"
#include "weir/gateway/errors.h"
#include "weir/gateway/gateway.h"

namespace weir::gateway::commands {
namespace {

class BackupStart final : public Operation {
 public:
  using Operation::Operation;
};

std::string_view NameOf(BackupStatus::State state) {
  switch (state) {
    case BackupStatus::State::kNone:
      return "none";
    case BackupStatus::State::kRunning:
      return "running";
    case BackupStatus::State::kDone:
      return "done";
    case BackupStatus::State::kFailed:
      return "failed";
    case BackupStatus::State::kCancelled:
      return "cancelled";
  }
  return "";
}

}  // namespace

std::optional<Reply> WeirBackupStart(const OperationCall& call) {
  BackupControl* backup = call.gateway.backup();
  if (backup == nullptr) return Reply::Failure(std::string(errors::kNoBackup));
  auto operation = std::make_shared<BackupStart>(call.origin);
  backup->Start(std::string(call.args[2]), [operation](const Result<Ok>& begun) {
    operation->reply() = begun.ok() ? Reply::Ok() : ErrorReply(begun.error());
    Completions completions;
    completions.operations.push_back(operation);
    operation->origin().home->Deliver(std::move(completions));
  });
  return std::nullopt;
}

void WeirBackupStatus(const LocalCall& call, resp::Writer& writer) {
  BackupStatus status;
  if (const BackupControl* backup = call.gateway.backup()) status = backup->status();
  const std::pair<std::string_view, uint64_t> numbers[] = {
      {"files_done", status.files_done}, {"files_total", status.files_total},
      {"bytes_done", status.bytes_done}, {"bytes_total", status.bytes_total},
      {"records", status.records},       {"writes_held_us", status.writes_held_us}};
  writer.MapHeader(3 + std::size(numbers));
  writer.Bulk("state");
  writer.Bulk(NameOf(status.state));
  writer.Bulk("directory");
  writer.Bulk(status.directory);
  writer.Bulk("message");
  writer.Bulk(status.message);
  for (const auto& [name, number] : numbers) {
    writer.Bulk(name);
    writer.Integer(static_cast<int64_t>(number));
  }
}

void WeirBackupCancel(const LocalCall& call, resp::Writer& writer) {
  BackupControl* backup = call.gateway.backup();
  if (backup != nullptr && backup->Cancel()) {
    writer.SimpleString("OK");
  } else {
    WriteError(writer, "ERR no backup is running");
  }
}

}  // namespace weir::gateway::commands
