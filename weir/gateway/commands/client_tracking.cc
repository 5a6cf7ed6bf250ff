// CLIENT TRACKING and what goes with it: clients that keep what they read in caches of their own.
#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "weir/gateway/access.h"
#include "weir/gateway/commands/commands.h"
#include "weir/gateway/errors.h"
#include "weir/gateway/gateway.h"
#include "weir/gateway/session.h"

namespace weir::gateway::commands {
namespace {

struct TrackingRequest {
  TrackingMode mode;                       // Without prefixes.
  std::vector<std::string_view> prefixes;  // In the order given.
};

Error Fault(std::string_view text) {
  return {ErrorCode::kInvalid, std::string(text)};
}

// Returns the connection that `word` names. Errors: kInvalid, with the whole reply as message.
Result<uint64_t> ReadRedirect(const LocalCall& call, std::string_view word, uint64_t before) {
  int64_t id = 0;
  if (before != 0) return Fault(errors::kOneRedirect);
  if (!ParseInteger(word, &id)) return Fault(errors::kNotInteger);
  const std::optional<resp::Protocol> protocol =
      call.gateway.tracking().ProtocolOf(static_cast<uint64_t>(id));
  if (id <= 0 || !protocol.has_value()) return Fault(errors::kNoRedirectTarget);
  if (*protocol != resp::Protocol::kResp3) return Fault(errors::kRedirectToResp2);
  return static_cast<uint64_t>(id);
}

// Errors: kInvalid, with the whole reply as message.
Result<TrackingRequest> ReadTracking(const LocalCall& call) {
  const Args args = call.args;
  TrackingRequest request;
  TrackingMode& mode = request.mode;
  for (size_t i = 3; i < args.size(); ++i) {
    const bool more = i + 1 < args.size();
    if (SameWord(args[i], "redirect") && more) {
      const Result<uint64_t> target = ReadRedirect(call, args[++i], mode.redirect);
      if (!target.ok()) return target.error();
      mode.redirect = target.value();
    } else if (SameWord(args[i], "prefix") && more) {
      request.prefixes.push_back(args[++i]);
    } else if (SameWord(args[i], "bcast")) {
      mode.broadcast = true;
    } else if (SameWord(args[i], "optin")) {
      mode.opt_in = true;
    } else if (SameWord(args[i], "optout")) {
      mode.opt_out = true;
    } else if (SameWord(args[i], "noloop")) {
      mode.no_loop = true;
    } else {
      return Fault(errors::kSyntax);
    }
  }
  mode.on = SameWord(args[2], "on");
  if (!mode.on && !SameWord(args[2], "off")) return Fault(errors::kSyntax);
  return request;
}

// Returns what is wrong with turning `wanted` on, or with it after `before`.
std::optional<std::string> Conflict(const TrackingRequest& wanted, const TrackingMode& before) {
  const TrackingMode& mode = wanted.mode;
  const auto text = [](std::string_view error) { return std::string(error); };
  if (!mode.broadcast && !wanted.prefixes.empty()) return text(errors::kPrefixWithoutBcast);
  if (before.on && before.broadcast != mode.broadcast) return text(errors::kSwitchBcast);
  if (mode.broadcast && (mode.opt_in || mode.opt_out)) return text(errors::kOptWithBcast);
  if (mode.opt_in && mode.opt_out) return text(errors::kOptInAndOut);
  if ((mode.opt_in && before.opt_out) || (mode.opt_out && before.opt_in)) {
    return text(errors::kSwitchOpt);
  }
  if (wanted.prefixes.size() + before.prefixes.size() > ClientTracking::kPrefixesPerClientMax) {
    return text(errors::kTooManyPrefixes);
  }
  for (size_t i = 0; i < wanted.prefixes.size(); ++i) {
    const std::string_view prefix = wanted.prefixes[i];
    for (const std::string& other : before.prefixes) {
      if (tracking::Prefixes::Overlap(prefix, other)) {
        return errors::OverlapsExistingPrefix(prefix, other);
      }
    }
    for (const std::string_view other : std::span(wanted.prefixes).subspan(i + 1)) {
      if (tracking::Prefixes::Overlap(prefix, other)) {
        return errors::OverlapsProvidedPrefix(prefix, other);
      }
    }
  }
  return std::nullopt;
}

// Returns whether the user may be told of all that `mode` tells of; else it has been answered.
bool MayBeTold(const LocalCall& call, const TrackingMode& mode, resp::Writer& writer) {
  LoopStats& stats = *call.outbox.stats;
  switch (DenyTelling(*call.session.user, mode)) {
    case Denial::kNone:
      return true;
    case Denial::kCommand:
      stats.denied_command.Add(1);
      WriteError(writer, errors::NoCommandPermission("client|tracking"));
      return false;
    case Denial::kKey:
      stats.denied_key.Add(1);
      WriteError(writer, errors::kNoKeyPermission);
      return false;
  }
  return false;
}

void TurnOn(const LocalCall& call, TrackingRequest request, resp::Writer& writer) {
  TrackingMode& before = call.session.tracking;
  if (const std::optional<std::string> conflict = Conflict(request, before)) {
    WriteError(writer, *conflict);
    return;
  }
  TrackingMode& mode = request.mode;
  mode.caching = before.caching;
  mode.prefixes = before.prefixes;
  mode.prefixes.insert(request.prefixes.begin(), request.prefixes.end());
  if (mode.broadcast && request.prefixes.empty()) mode.prefixes.insert("");
  if (!MayBeTold(call, mode, writer)) return;
  if (!call.gateway.tracking().Begin(call.session.id, mode)) {
    WriteError(writer, errors::kTooManyPrefixes);
    return;
  }
  before = std::move(mode);
  writer.SimpleString("OK");
}

}  // namespace

void ClientTracking(const LocalCall& call, resp::Writer& writer) {
  Result<TrackingRequest> request = ReadTracking(call);
  if (!request.ok()) {
    WriteError(writer, request.error().message);
  } else if (request.value().mode.on) {
    TurnOn(call, std::move(request).value(), writer);
  } else {
    call.gateway.tracking().End(call.session.id);
    call.session.tracking = {};
    writer.SimpleString("OK");
  }
}

void ClientCaching(const LocalCall& call, resp::Writer& writer) {
  TrackingMode& mode = call.session.tracking;
  const bool yes = SameWord(call.args[2], "yes");
  if (!mode.on) {
    WriteError(writer, errors::kCaching);
  } else if (!yes && !SameWord(call.args[2], "no")) {
    WriteError(writer, errors::kSyntax);
  } else if (!(yes ? mode.opt_in : mode.opt_out)) {
    WriteError(writer, yes ? errors::kCachingYes : errors::kCachingNo);
  } else {
    mode.caching = true;
    writer.SimpleString("OK");
  }
}

void ClientTrackinginfo(const LocalCall& call, resp::Writer& writer) {
  const TrackingMode& mode = call.session.tracking;
  std::vector<std::string_view> flags = {mode.on ? "on" : "off"};
  if (mode.broadcast) flags.push_back("bcast");
  if (mode.opt_in) flags.push_back("optin");
  if (mode.opt_in && mode.caching) flags.push_back("caching-yes");
  if (mode.opt_out) flags.push_back("optout");
  if (mode.opt_out && mode.caching) flags.push_back("caching-no");
  if (mode.no_loop) flags.push_back("noloop");
  if (mode.on && call.gateway.tracking().redirect_broken(call.session.id)) {
    flags.push_back("broken_redirect");
  }
  writer.MapHeader(3);
  writer.Bulk("flags");
  writer.SetHeader(flags.size());
  for (const std::string_view flag : flags) writer.Bulk(flag);
  writer.Bulk("redirect");
  ClientGetredir(call, writer);
  writer.Bulk("prefixes");
  writer.ArrayHeader(mode.prefixes.size());
  for (const std::string& prefix : mode.prefixes) writer.Bulk(prefix);
}

void ClientGetredir(const LocalCall& call, resp::Writer& writer) {
  const TrackingMode& mode = call.session.tracking;
  writer.Integer(mode.on ? static_cast<int64_t>(mode.redirect) : -1);
}

}  // namespace weir::gateway::commands
