// CLIENT: other connections, and what a connection says of itself beyond its name.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "weir/gateway/commands/commands.h"
#include "weir/gateway/errors.h"
#include "weir/gateway/gateway.h"
#include "weir/gateway/session.h"

namespace weir::gateway::commands {
namespace {

constexpr size_t kIdsMax = 4096;  // After CLIENT LIST ID: they are sorted on the loop.
constexpr size_t kLineBytes = 512;
constexpr int64_t kPauseMsMax = int64_t{10} * 366 * 24 * 3600 * 1000;

Reply Failure(std::string_view text) {
  return Reply::Failure(std::string(text));
}

// Connections that a command asks for, or closes.
class ClientsOperation final : public Operation {
 public:
  using Operation::Operation;
  void EndConnection() { ends_connection_ = true; }
};

std::string Lines(std::vector<ClientFacts> clients) {
  std::sort(clients.begin(), clients.end(),
            [](const ClientFacts& a, const ClientFacts& b) { return a.id < b.id; });
  std::string text;
  for (const ClientFacts& client : clients) text.append(ShowClient(client)).append("\n");
  return text;
}

// Shows who fits the filter: thousands of lines are written on a thread of heavy work.
void List(const OperationCall& call, ClientFilter filter) {
  auto operation = std::make_shared<ClientsOperation>(call.origin);
  const auto show = [operation, &gateway = call.gateway,
                     protocol = call.session.protocol](std::vector<ClientFacts> clients) {
    const size_t bytes = clients.size() * kLineBytes;
    auto held = std::make_shared<std::vector<ClientFacts>>(std::move(clients));
    const bool begun = bytes <= gateway.memory().reply_bytes_max() &&
                       gateway.heavy_reads().TryPost(bytes, [operation, held, protocol] {
                         const std::string text = Lines(std::move(*held));
                         operation->reply() = EncodedBy(
                             protocol, [&](resp::Writer& writer) { writer.Verbatim("txt", text); });
                         Deliver(operation);
                       });
    if (begun) return;
    operation->reply() = Reply::Failure(errors::TooMuchHeavyWork());
    Deliver(operation);
  };
  call.gateway.clients().Visit(std::move(filter), ClientControl::Action::kLook,
                               call.origin.connection, show);
}

// Sets what `type` means, or returns the error.
std::optional<Reply> ReadType(std::string_view type, ClientFilter* filter) {
  if (SameWord(type, "normal")) return std::nullopt;
  for (const std::string_view absent : {"master", "replica", "slave", "pubsub"}) {
    if (!SameWord(type, absent)) continue;
    filter->nobody = true;
    return std::nullopt;
  }
  return Reply::Failure(errors::UnknownClientType(type));
}

std::optional<Reply> ReadKillOption(const OperationCall& call, std::string_view option,
                                    std::string_view value, ClientFilter* filter) {
  int64_t number = 0;
  if (SameWord(option, "id")) {
    if (!ParseInteger(value, &number) || number < 1) return Failure(errors::kClientIdPositive);
    filter->ids = {static_cast<uint64_t>(number)};
  } else if (SameWord(option, "type")) {
    return ReadType(value, filter);
  } else if (SameWord(option, "addr")) {
    filter->address = value;
  } else if (SameWord(option, "laddr")) {
    filter->local_address = value;
  } else if (SameWord(option, "user")) {
    if (call.session.users->Find(value) == nullptr) {
      return Reply::Failure(errors::NoSuchUser(value));
    }
    filter->user = value;
  } else if (SameWord(option, "maxage")) {
    if (!ParseInteger(value, &number) || number < 1 || number > kPauseMsMax) {
      return Failure(errors::kMaxAge);
    }
    filter->age_min = std::chrono::seconds(number);
  } else if (SameWord(option, "skipme") && SameWord(value, "yes")) {
    filter->skipped = call.origin.connection;
  } else if (SameWord(option, "skipme") && SameWord(value, "no")) {
    filter->skipped = 0;
  } else {
    return Failure(errors::kSyntax);
  }
  return std::nullopt;
}

// Reads ON or OFF.
bool ReadSwitch(const LocalCall& call, resp::Writer& writer, bool* on) {
  const bool known = SameWord(call.args[2], "on") || SameWord(call.args[2], "off");
  if (known) {
    *on = SameWord(call.args[2], "on");
    writer.SimpleString("OK");
  } else {
    WriteError(writer, errors::kSyntax);
  }
  return known;
}

}  // namespace

std::optional<Reply> ClientInfo(const OperationCall& call) {
  ClientFilter filter;
  filter.ids = {call.origin.connection};
  List(call, std::move(filter));
  return std::nullopt;
}

std::optional<Reply> ClientList(const OperationCall& call) {
  const Args args = call.args;
  ClientFilter filter;
  if (args.size() == 4 && SameWord(args[2], "type")) {
    if (std::optional<Reply> error = ReadType(args[3], &filter)) return error;
  } else if (args.size() > 3 && SameWord(args[2], "id")) {
    if (args.size() - 3 > kIdsMax) return Failure(errors::kClientId);
    for (const std::string_view word : args.subspan(3)) {
      int64_t id = 0;
      if (!ParseInteger(word, &id)) return Failure(errors::kClientId);
      if (id > 0) filter.ids.push_back(static_cast<uint64_t>(id));
    }
    filter.nobody = filter.ids.empty();
    std::sort(filter.ids.begin(), filter.ids.end());
  } else if (args.size() != 2) {
    return Failure(errors::kSyntax);
  }
  List(call, std::move(filter));
  return std::nullopt;
}

// The old form, CLIENT KILL ADDR:PORT, may mean the caller itself; the new one skips it unless
// told.
std::optional<Reply> ClientKill(const OperationCall& call) {
  const Args args = call.args;
  const bool old_form = args.size() == 3;
  ClientFilter filter;
  if (old_form) {
    filter.address = args[2];
  } else {
    filter.skipped = call.origin.connection;
    for (size_t i = 2; i < args.size(); i += 2) {
      if (i + 1 == args.size()) return Failure(errors::kSyntax);
      if (auto error = ReadKillOption(call, args[i], args[i + 1], &filter)) return error;
    }
  }
  auto operation = std::make_shared<ClientsOperation>(call.origin);
  const auto done = [operation, old_form,
                     caller = call.origin.connection](const std::vector<ClientFacts>& closed) {
    for (const ClientFacts& client : closed) {
      if (client.id == caller) operation->EndConnection();
    }
    operation->reply() = Reply::Integer(static_cast<int64_t>(closed.size()));
    if (old_form)
      operation->reply() = closed.empty() ? Failure(errors::kNoSuchClient) : Reply::Ok();
    Deliver(operation);
  };
  call.gateway.clients().Visit(std::move(filter), ClientControl::Action::kClose,
                               call.origin.connection, done);
  return std::nullopt;
}

void ClientPause(const LocalCall& call, resp::Writer& writer) {
  using Stops = gateway::ClientPause::Stops;
  const Args args = call.args;
  const bool writes = args.size() == 4 && SameWord(args[3], "write");
  int64_t ms = 0;
  if (args.size() > 4) {
    WriteError(writer, errors::kSyntax);
  } else if (args.size() == 4 && !writes && !SameWord(args[3], "all")) {
    WriteError(writer, errors::kPauseMode);
  } else if (!ParseInteger(args[2], &ms)) {
    WriteError(writer, errors::kTimeout);
  } else if (ms < 0) {
    WriteError(writer, errors::kTimeoutNegative);
  } else {
    const auto time = std::chrono::milliseconds(std::min(ms, kPauseMsMax));
    if (ms > 0) {
      call.gateway.pause().Begin(writes ? Stops::kWrites : Stops::kAll,
                                 call.gateway.clock().Mono() + time);
    }
    writer.SimpleString("OK");
  }
}

void ClientUnpause(const LocalCall& call, resp::Writer& writer) {
  call.gateway.pause().End();
  call.gateway.clients().ResumePaused();
  writer.SimpleString("OK");
}

void ClientNoEvict(const LocalCall& call, resp::Writer& writer) {
  ReadSwitch(call, writer, &call.session.not_evicted);
}

void ClientNoTouch(const LocalCall& call, resp::Writer& writer) {
  ReadSwitch(call, writer, &call.session.touches_none);
}

// The pipeline sends, or drops, what is written here and after it.
void ClientReply(const LocalCall& call, resp::Writer& writer) {
  using Replies = Session::Replies;
  Replies& replies = call.session.replies;
  if (SameWord(call.args[2], "on")) {
    replies = Replies::kOn;
    writer.SimpleString("OK");
  } else if (SameWord(call.args[2], "off")) {
    replies = Replies::kOff;
  } else if (SameWord(call.args[2], "skip")) {
    if (replies != Replies::kOff) replies = Replies::kSkipNext;
  } else {
    WriteError(writer, errors::kSyntax);
  }
}

void ClientUnblock(const LocalCall& call, resp::Writer& writer) {
  int64_t id = 0;
  const Args args = call.args;
  if (args.size() > 4) {
    WriteError(writer, errors::kSyntax);
  } else if (args.size() == 4 && !SameWord(args[3], "timeout") && !SameWord(args[3], "error")) {
    WriteError(writer, errors::kUnblockReason);
  } else if (!ParseInteger(args[2], &id)) {
    WriteError(writer, errors::kNotInteger);
  } else {
    const bool error = args.size() == 4 && SameWord(args[3], "error");
    const bool ended =
        id > 0 && call.gateway.admission().waits().Unblock(
                      static_cast<uint64_t>(id),
                      error ? LimitWaits::Unblocked::kByError : LimitWaits::Unblocked::kAsAtItsMax);
    writer.Integer(ended ? 1 : 0);
  }
}

}  // namespace weir::gateway::commands
