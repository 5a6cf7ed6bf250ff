// WEIR.GETX and WEIR.INVALIDATE: weir's own. docs/caching.md says what they promise.
#include <algorithm>
#include <array>
#include <string>

#include "weir/base/key_hash.h"
#include "weir/gateway/commands/commands.h"
#include "weir/gateway/commands/values.h"
#include "weir/gateway/errors.h"
#include "weir/gateway/gateway.h"

namespace weir::gateway::commands {
namespace {

constexpr int64_t kTtlNever = -1;

void CountInvalidation(Gateway& gateway, std::string_view key) {
  gateway.placement().KeyspaceOf(key).counters->invalidations.fetch_add(1);
}

std::string_view StateOf(Found::Source source) {
  switch (source) {
    case Found::Source::kFresh:
      return "fresh";
    case Found::Source::kRefreshing:
      return "refreshing";
    case Found::Source::kStale:
      return "stale";
    case Found::Source::kRevalidating:
      return "revalidating";
    case Found::Source::kLoaded:
      return "loaded";
  }
  return "";
}

void WriteAge(const ReadCall& call, resp::Writer& writer) {
  const Found& found = call.found[0];
  if (found.source == Found::Source::kLoaded) return writer.Integer(0);
  const std::string_view key = call.args[1];
  const auto age = call.placement->KeyspaceOf(key).AgeOf(found.fresh_until, found.expires_at,
                                                         call.placement->Hash(key).hash,
                                                         !found.present, call.now);
  age.has_value() ? writer.Integer(age->count()) : writer.Null();
}

}  // namespace

void WeirGetx(const ReadCall& call, resp::Writer& writer) {
  const Found& found = call.found[0];
  writer.MapHeader(4);
  writer.Bulk("value");
  WriteFound(found, writer);
  writer.Bulk("age");
  WriteAge(call, writer);
  writer.Bulk("ttl");
  writer.Integer(found.fresh_until == kNever
                     ? kTtlNever
                     : std::max<int64_t>(found.fresh_until.ms - call.now.ms, 0));
  writer.Bulk("state");
  writer.Bulk(StateOf(found.source));
}

void WeirInvalidateKey(const LocalCall& call, resp::Writer& writer) {
  const std::string_view key = call.args[2];
  const KeyHash hash = call.gateway.placement().Hash(key);
  call.gateway.lanes().Lock(hash.lane)->Invalidate(key, hash.hash);
  call.gateway.tracking().OnChanged({{{.key = key, .hash = hash.hash}}});
  CountInvalidation(call.gateway, key);
  writer.SimpleString("OK");
}

void WeirInvalidateTag(const LocalCall& call, resp::Writer& writer) {
  const std::string_view tag = KeyTag(call.args[2]);  // Written with its braces or without.
  const KeyHash hash = call.gateway.placement().Hash(tag);
  call.gateway.lanes().Lock(hash.lane)->InvalidateTag(tag);
  call.gateway.tracking().OnAllChanged();  // Which of them clients keep, nobody looks for.
  CountInvalidation(call.gateway, tag);
  writer.SimpleString("OK");
}

void WeirInvalidatePrefix(const LocalCall& call, resp::Writer& writer) {
  const std::string_view prefix = call.args[2];
  const Keyspace* keyspace = call.gateway.placement().FindKeyspace(prefix);
  if (keyspace == nullptr) return WriteError(writer, errors::kNoSuchKeyspace);
  keyspace->counters->invalidations.fetch_add(1);
  call.gateway.lanes().InvalidatePrefix(prefix);
  call.gateway.tracking().OnAllChanged();
  writer.SimpleString("OK");
}

}  // namespace weir::gateway::commands
