#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "weir/gateway/commands/commands.h"
#include "weir/gateway/commands/values.h"
#include "weir/gateway/errors.h"
#include "weir/gateway/gateway.h"
#include "weir/gateway/session.h"

namespace weir::gateway::commands {
namespace {

// A name that can be shown in a list without breaking it: printable, without blanks.
bool IsPlain(std::string_view name) {
  return name.size() <= Session::kNameBytesMax &&
         std::all_of(name.begin(), name.end(), [](char c) { return c >= '!' && c <= '~'; });
}

struct HelloRequest {
  std::optional<resp::Protocol> protocol;
  std::optional<std::string_view> name;
  std::optional<Credentials> credentials;
};

// Errors: kInvalid, with the whole reply as message.
Result<HelloRequest> ParseHello(Args args) {
  const auto fault = [](std::string_view text) {
    return Error{ErrorCode::kInvalid, std::string(text)};
  };
  HelloRequest request;
  if (args.size() > 1) {
    int64_t version = 0;
    if (!ParseInteger(args[1], &version)) return fault(errors::kProtoNotInteger);
    if (version != 2 && version != 3) return fault(errors::kNoProto);
    request.protocol = version == 2 ? resp::Protocol::kResp2 : resp::Protocol::kResp3;
  }
  for (size_t i = 2; i < args.size(); ++i) {
    if (SameWord(args[i], "auth") && i + 2 < args.size()) {
      request.credentials = {args[i + 1], args[i + 2]};
      i += 2;
    } else if (SameWord(args[i], "setname") && i + 1 < args.size()) {
      request.name = args[++i];
      if (!IsPlain(*request.name)) return fault(errors::kClientName);
    } else {
      return fault(errors::HelloSyntax(args[i]));
    }
  }
  return request;
}

void SetProtocol(const LocalCall& call, resp::Protocol protocol, resp::Writer& writer) {
  call.session.protocol = protocol;
  call.gateway.tracking().SetProtocol(call.session.id, protocol);
  writer.SetProtocol(protocol);
}

void WriteHello(const LocalCall& call, resp::Writer& writer) {
  writer.MapHeader(7);
  writer.Bulk("server");
  writer.Bulk("weir");
  writer.Bulk("version");
  writer.Bulk(call.gateway.process().version);
  writer.Bulk("proto");
  writer.Integer(static_cast<int64_t>(writer.protocol()));
  writer.Bulk("id");
  writer.Integer(static_cast<int64_t>(call.session.id));
  writer.Bulk("mode");
  writer.Bulk(call.gateway.nodes() == nullptr ? "standalone" : "cluster");
  writer.Bulk("role");
  writer.Bulk("master");
  writer.Bulk("modules");
  writer.ArrayHeader(0);
}

}  // namespace

void Ping(const LocalCall& call, resp::Writer& writer) {
  if (call.args.size() > 2) {
    WriteError(writer, errors::WrongArity("ping"));
  } else if (call.args.size() == 2) {
    writer.Bulk(call.args[1]);
  } else {
    writer.SimpleString("PONG");
  }
}

void Echo(const LocalCall& call, resp::Writer& writer) {
  writer.Bulk(call.args[1]);
}

void Quit(const LocalCall& call, resp::Writer& writer) {
  writer.SimpleString("OK");
  call.session.closing = true;
}

// The pipeline has dropped the transaction when this came.
void Reset(const LocalCall& call, resp::Writer& writer) {
  call.gateway.authentication().Welcome(call.session);
  call.session.name.clear();
  call.session.speaks_cluster = false;
  call.session.replies = Session::Replies::kOn;
  if (std::exchange(call.session.monitors, false)) call.gateway.monitors().Leave(call.home);
  call.session.tracking = {};
  call.gateway.tracking().End(call.session.id);
  SetProtocol(call, resp::Protocol::kResp2, writer);
  writer.SimpleString("RESET");
}

std::optional<Credentials> AuthCredentials(Args args) {
  if (args.size() == 2) return Credentials{users::kDefaultUser, args[1]};
  if (args.size() == 3) return Credentials{args[1], args[2]};
  return std::nullopt;
}

void Auth(const LocalCall& call, resp::Writer& writer) {
  if (call.args.size() > 3) {
    WriteError(writer, errors::kSyntax);
  } else if (call.args.size() == 2 && call.session.users->open()) {
    WriteError(writer, errors::kNoPassword);
  } else {
    writer.SimpleString("OK");
  }
}

std::optional<Credentials> HelloCredentials(Args args) {
  const Result<HelloRequest> request = ParseHello(args);
  return request.ok() ? request.value().credentials : std::nullopt;
}

void Hello(const LocalCall& call, resp::Writer& writer) {
  const Result<HelloRequest> request = ParseHello(call.args);
  if (!request.ok()) {
    WriteError(writer, request.error().message);
    return;
  }
  if (call.session.user == nullptr) {
    WriteError(writer, errors::kNoAuthHello);
    return;
  }
  if (request.value().name.has_value()) call.session.name = *request.value().name;
  SetProtocol(call, request.value().protocol.value_or(writer.protocol()), writer);
  WriteHello(call, writer);
}

void Select(const LocalCall& call, resp::Writer& writer) {
  const Result<int32_t> index = ParseInt32(call.args[1]);
  if (!index.ok()) {
    WriteError(writer, index.error().message);
  } else if (index.value() != 0) {
    WriteError(writer, errors::kDbIndex);
  } else {
    writer.SimpleString("OK");
  }
}

void ClientId(const LocalCall& call, resp::Writer& writer) {
  writer.Integer(static_cast<int64_t>(call.session.id));
}

void ClientGetname(const LocalCall& call, resp::Writer& writer) {
  if (call.session.name.empty()) {
    writer.Null();
  } else {
    writer.Bulk(call.session.name);
  }
}

void ClientSetname(const LocalCall& call, resp::Writer& writer) {
  if (!IsPlain(call.args[2])) {
    WriteError(writer, errors::kClientName);
    return;
  }
  call.session.name = call.args[2];
  writer.SimpleString("OK");
}

void ClientSetinfo(const LocalCall& call, resp::Writer& writer) {
  const std::string_view attribute = call.args[2];
  const std::string_view value = call.args[3];
  if (!IsPlain(value)) {
    WriteError(writer, errors::NotPlain(attribute));
  } else if (SameWord(attribute, "lib-name")) {
    call.session.library_name = value;
    writer.SimpleString("OK");
  } else if (SameWord(attribute, "lib-ver")) {
    call.session.library_version = value;
    writer.SimpleString("OK");
  } else {
    WriteError(writer, errors::UnrecognizedOption(attribute));
  }
}

}  // namespace weir::gateway::commands
