#include "cmd/weir/backup_client.h"

#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <map>
#include <thread>
#include <utility>

#include "cmd/weir/progress.h"
#include "cmd/weir/server_session.h"

namespace weir::cmd {
namespace {

constexpr std::chrono::milliseconds kPollPause{50};

volatile std::sig_atomic_t interrupted = 0;

void Complain(const std::string& text) {
  std::fprintf(stderr, "weir: %s\n", text.c_str());
}

struct Status {
  std::map<std::string, std::string> texts;
  std::map<std::string, uint64_t> numbers;
};

Result<Status> AskStatus(ServerLink& link) {
  Result<resp::Value> reply = Ask(link, {"WEIR.BACKUP", "STATUS"});
  if (!reply.ok()) return reply.error();
  Status status;
  const std::vector<resp::Value>& items = reply.value().items;
  for (size_t i = 0; i + 1 < items.size(); i += 2) {
    status.texts[items[i].text] = items[i + 1].text;
    status.numbers[items[i].text] = static_cast<uint64_t>(items[i + 1].integer);
  }
  return status;
}

std::string Describe(const Status& status) {
  const std::map<std::string, uint64_t>& numbers = status.numbers;
  if (numbers.at("files_total") == 0) return "preparing";
  return ProgressLine::Bytes(numbers.at("bytes_done"), numbers.at("bytes_total")) + ", " +
         std::to_string(numbers.at("files_done")) + " of " +
         std::to_string(numbers.at("files_total")) + " files";
}

// Follows the backup to its end.
Result<Status> Follow(ServerLink& link) {
  ProgressLine progress;
  bool cancelling = false;
  for (;;) {
    if (interrupted != 0 && !std::exchange(cancelling, true)) {
      if (auto asked = link.Call({"WEIR.BACKUP", "CANCEL"}); !asked.ok()) return asked.error();
    }
    Result<Status> status = AskStatus(link);
    if (!status.ok() || status.value().texts["state"] != "running") return status;
    progress.Show(Describe(status.value()));
    std::this_thread::sleep_for(kPollPause);
  }
}

Result<Status> MakeBackup(const BackupArguments& arguments) {
  Result<ServerLink> link = OpenSession(arguments.server);
  if (!link.ok()) return link.error();
  const std::string directory = std::filesystem::absolute(arguments.directory).string();
  std::signal(SIGINT, [](int) { interrupted = 1; });
  std::signal(SIGTERM, [](int) { interrupted = 1; });
  const Result<resp::Value> begun = Ask(link.value(), {"WEIR.BACKUP", "START", directory});
  if (!begun.ok()) return begun.error();
  return Follow(link.value());
}

}  // namespace

int RunBackup(const BackupArguments& arguments) {
  if (const std::string wrong = CheckServerArguments(arguments.server); !wrong.empty()) {
    Complain(wrong);
    return 2;
  }
  Result<Status> status = MakeBackup(arguments);
  if (!status.ok()) {
    Complain("no backup was made: " + status.error().message);
    return 1;
  }
  if (status.value().texts["state"] != "done") {
    Complain("no backup was made: " + status.value().texts["message"]);
    return 1;
  }
  const std::map<std::string, uint64_t>& numbers = status.value().numbers;
  std::printf("backup complete: %s, %llu records, %llu files, %s; writes were held for %.1f ms\n",
              status.value().texts["directory"].c_str(),
              static_cast<unsigned long long>(numbers.at("records")),
              static_cast<unsigned long long>(numbers.at("files_done")),
              ProgressLine::Size(numbers.at("bytes_done")).c_str(),
              static_cast<double>(numbers.at("writes_held_us")) / 1000.0);
  return 0;
}

}  // namespace weir::cmd
