// The part of Pipeline that is about commands in parts: a write for each database, or what each of
// several nodes serves of a command, and the reply that is made of theirs.
#include <algorithm>
#include <cassert>
#include <charconv>
#include <map>
#include <string_view>
#include <utility>

#include "weir/gateway/errors.h"
#include "weir/gateway/peers.h"
#include "weir/gateway/pipeline.h"

namespace weir::gateway {
namespace {

// The reply of a split command: a sum, or OK. One part's error is the whole's only if every part
// says that it did nothing; else nobody can say what the command did as a whole.
Reply Combine(std::vector<Reply> parts) {
  Reply whole = parts.front();
  whole.integer = 0;
  const Reply* failed = nullptr;
  bool nothing_done = true;
  for (const Reply& part : parts) {
    const bool error = part.kind == Reply::Kind::kError;
    if (error) failed = &part;
    nothing_done &= error && !part.text.starts_with("UNKNOWN");
    whole.integer += part.integer;
  }
  if (failed == nullptr) return whole;
  return nothing_done ? *failed : Reply::Failure(errors::PartlyApplied(failed->text));
}

// The number of a header, as in "$12\r\n" and ":7\r\n", and where the next line begins.
std::optional<int64_t> TakeNumber(std::string_view* text) {
  const size_t end = text->find("\r\n");
  if (text->size() < 2 || end == std::string_view::npos) return std::nullopt;
  int64_t number = 0;
  const auto [at, error] = std::from_chars(text->data() + 1, text->data() + end, number);
  if (error != std::errc() || at != text->data() + end) return std::nullopt;
  text->remove_prefix(end + 2);
  return number;
}

// The value at the front of an MGET's reply, a bulk string or none, as it goes over the wire.
std::optional<std::string_view> TakeValue(std::string_view* text) {
  const std::string_view whole = *text;
  if (whole.starts_with("_\r\n")) {
    text->remove_prefix(3);
    return whole.substr(0, 3);
  }
  if (!whole.starts_with('$')) return std::nullopt;
  const std::optional<int64_t> size = TakeNumber(text);
  if (!size.has_value() || *size < -1) return std::nullopt;
  const size_t bytes = *size < 0 ? 0 : static_cast<size_t>(*size) + 2;
  if (bytes > text->size()) return std::nullopt;
  text->remove_prefix(bytes);
  return whole.substr(0, whole.size() - text->size());
}

Bytes AsEncoded(const Reply& reply, resp::Protocol protocol) {
  if (reply.kind == Reply::Kind::kEncoded && reply.items.empty()) return reply.bulk;
  resp::OutputBuffer output;
  resp::Writer writer(output, protocol);
  reply.WriteTo(writer);
  return TakeAll(output);
}

Reply NoSuchAnswer() {
  return Reply::Failure(std::string(errors::kNoSuchAnswer));
}

// A node's answer that is a number, as one.
void ReadNumber(Reply* part) {
  if (part->kind != Reply::Kind::kEncoded) return;
  std::string_view text = part->bulk.view();
  const auto number = text.starts_with(':') ? TakeNumber(&text) : std::nullopt;
  *part = number.has_value() ? Reply::Integer(*number) : NoSuchAnswer();
}

}  // namespace

// Which of the command's keys each node serves, in order of its first one.
std::vector<Pipeline::Share> Pipeline::SharesOf(const CommandSpec& spec, Args args) const {
  std::vector<Share> shares;
  std::map<ring::NodeId, size_t> of_node;
  for (size_t key = 0; key < spec.KeyCount(args); ++key) {
    const ring::NodeId node = gateway_.nodes()->Owner(TagSlot(KeyTag(args[spec.KeyIndex(key)])));
    const auto [found, added] = of_node.try_emplace(node, shares.size());
    if (added) shares.push_back({.node = node, .words = {0}});
    shares[found->second].words.push_back(spec.KeyIndex(key));
  }
  return shares;
}

// What is wrong with the part of a command that this node serves of it: limits and sizes. So if it
// is refused here, nothing of it has been done anywhere.
std::optional<Reply> Pipeline::RejectShare(const CommandSpec& spec, Args args) {
  std::vector<std::string_view> own = {args[0]};
  for (const Share& share : SharesOf(spec, args)) {
    if (share.node != gateway_.nodes()->self()) continue;
    for (size_t i = 1; i < share.words.size(); ++i) own.push_back(args[share.words[i]]);
  }
  const size_t keys = own.size() - 1;
  if (keys == 0) return std::nullopt;
  Resolved resolved{&spec, keys, {}};
  if (resolved.IsReadOfOneKey()) resolved.hash = gateway_.placement().Hash(own[1]);
  NoteInJournal(resolved, own);
  if (!gateway_.admission().unlimited()) {
    if (std::optional<Reply> throttled = Throttled(spec, own, nullptr)) return throttled;
  }
  if (spec.kind == CommandKind::kWrite && keys > gateway_.write_keys_max()) {
    return Reply::Failure(errors::TooManyKeys(gateway_.write_keys_max()));
  }
  const bool too_long = std::any_of(own.begin() + 1, own.end(), [this](std::string_view key) {
    return key.size() > gateway_.key_bytes_max();
  });
  if (too_long) return Reply::Failure(std::string(errors::kKeyTooLong));
  return std::nullopt;
}

// All parts at once: what other nodes serve goes there, the rest is read or written here.
void Pipeline::BeginShares(Queued& queued, uint64_t sequence) {
  queued.shares = SharesOf(*queued.spec, queued.args.views());
  queued.parts.resize(queued.shares.size());
  queued.pending = static_cast<uint32_t>(queued.shares.size());
  for (uint32_t i = 0; i < queued.shares.size(); ++i) {
    const Share& share = queued.shares[i];
    Origin origin = OriginOf(sequence);
    origin.part = i;
    OwnedArgs args = queued.args.Select(share.words);
    if (share.node != gateway_.nodes()->self()) {
      SendForward(share.node, origin, *queued.spec, std::move(args));
    } else if (queued.spec->kind == CommandKind::kRead) {
      queued.many = std::make_shared<ManyKeysRead>(origin, *queued.spec, std::move(args),
                                                   session_.protocol, gateway_);
      if (ManyKeysRead::LookUp(queued.many)) continue;
      queued.many = nullptr;
      TakePart(queued, i, Reply::Failure(errors::TooMuchHeavyWork()));
    } else {  // For each database; the first takes the place of this part.
      BeginParts(queued, args, sequence, i);
    }
  }
}

void Pipeline::TakePart(Queued& queued, uint32_t part, Reply reply) {
  queued.parts[part] = std::move(reply);
  if (--queued.pending > 0) return;
  queued.state = State::kAnswered;
  queued.reply = queued.shares.empty() ? Combine(std::move(queued.parts)) : JoinShares(queued);
  queued.parts.clear();
}

// The reply that one node would have given: a sum, or the values in the order of the keys. A read
// has failed when a part of it has.
Reply Pipeline::JoinShares(Queued& queued) const {
  const CommandSpec& spec = *queued.spec;
  const bool read = spec.kind == CommandKind::kRead;
  for (Reply& part : queued.parts) {
    if (read && part.kind == Reply::Kind::kError) return std::move(part);
  }
  if (read && spec.NeedsValues()) return JoinValues(queued);
  for (Reply& part : queued.parts) ReadNumber(&part);
  return Combine(std::move(queued.parts));
}

Reply Pipeline::JoinValues(const Queued& queued) const {
  std::vector<Bytes> answers;
  std::vector<std::string_view> values(queued.args.size());  // By argument.
  size_t bytes = 0;
  for (size_t i = 0; i < queued.shares.size(); ++i) {
    const std::vector<size_t>& words = queued.shares[i].words;
    answers.push_back(AsEncoded(queued.parts[i], session_.protocol));
    std::string_view left = answers.back().view();
    const auto count = left.starts_with('*') ? TakeNumber(&left) : std::nullopt;
    if (count != static_cast<int64_t>(words.size() - 1)) return NoSuchAnswer();
    for (size_t word = 1; word < words.size(); ++word) {
      const std::optional<std::string_view> value = TakeValue(&left);
      if (!value.has_value()) return NoSuchAnswer();
      values[words[word]] = *value;
      bytes += value->size();
    }
  }
  if (bytes > gateway_.memory().reply_bytes_max()) {
    return Reply::Failure(std::string(errors::kReplyTooLarge));
  }
  resp::OutputBuffer output;
  resp::Writer(output, session_.protocol).ArrayHeader(values.size() - 1);
  for (const std::string_view value : values) output.Append(value);
  return Reply::Encoded(TakeAll(output));
}

}  // namespace weir::gateway
