// COMMAND: what the command table says of itself, and HELP of every command that has subcommands.
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "weir/gateway/command_docs.h"
#include "weir/gateway/commands/commands.h"
#include "weir/gateway/errors.h"
#include "weir/gateway/glob.h"

namespace weir::gateway::commands {
namespace {

// A flag, a category or a use of a key.
using Named = CategoryName;

constexpr auto kFlagNames = std::to_array<Named>({{kFlagWrite, "write"},
                                                  {kFlagReadOnly, "readonly"},
                                                  {kFlagDenyOom, "denyoom"},
                                                  {kFlagAdmin, "admin"},
                                                  {kFlagPubSub, "pubsub"},
                                                  {kFlagNoScript, "noscript"},
                                                  {kFlagLoading, "loading"},
                                                  {kFlagStale, "stale"},
                                                  {kFlagSkipMonitor, "skip_monitor"},
                                                  {kFlagSkipSlowlog, "skip_slowlog"},
                                                  {kFlagFast, "fast"},
                                                  {kFlagNoAuth, "no_auth"},
                                                  {kFlagNoAsyncLoading, "no_async_loading"},
                                                  {kFlagNoMulti, "no_multi"},
                                                  {kFlagAllowBusy, "allow_busy"}});

constexpr auto kCategoryNames = std::to_array<Named>({{kCatKeyspace, "@keyspace"},
                                                      {kCatRead, "@read"},
                                                      {kCatWrite, "@write"},
                                                      {kCatString, "@string"},
                                                      {kCatBitmap, "@bitmap"},
                                                      {kCatPubSub, "@pubsub"},
                                                      {kCatAdmin, "@admin"},
                                                      {kCatFast, "@fast"},
                                                      {kCatSlow, "@slow"},
                                                      {kCatDangerous, "@dangerous"},
                                                      {kCatConnection, "@connection"},
                                                      {kCatTransaction, "@transaction"},
                                                      {kCatScripting, "@scripting"}});

constexpr auto kUseNames = std::to_array<Named>({{kKeyRo, "RO"},
                                                 {kKeyRw, "RW"},
                                                 {kKeyOw, "OW"},
                                                 {kKeyRm, "RM"},
                                                 {kKeyAccess, "access"},
                                                 {kKeyUpdate, "update"},
                                                 {kKeyInsert, "insert"},
                                                 {kKeyDelete, "delete"},
                                                 {kKeyVariable, "variable_flags"}});

constexpr auto kArgumentFlagNames =
    std::to_array<Named>({{Argument::kOptional, "optional"},
                          {Argument::kMultiple, "multiple"},
                          {Argument::kMultipleToken, "multiple_token"}});

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return lower;
}

std::string Upper(std::string_view text) {
  std::string upper(text);
  for (char& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return upper;
}

void WriteNames(uint32_t bits, std::span<const Named> names, resp::Writer& writer) {
  size_t count = 0;
  for (const Named& named : names) count += (bits & named.bit) != 0 ? 1 : 0;
  writer.SetHeader(count);
  for (const Named& named : names) {
    if ((bits & named.bit) != 0) writer.SimpleString(named.name);
  }
}

void WriteTips(std::string_view tips, resp::Writer& writer) {
  if (tips.empty()) {
    writer.SetHeader(0);
    return;
  }
  writer.SetHeader(static_cast<uint64_t>(std::count(tips.begin(), tips.end(), ' ')) + 1);
  for (size_t at = 0; at < tips.size();) {
    const size_t end = std::min(tips.find(' ', at), tips.size());
    writer.Bulk(tips.substr(at, end - at));
    at = end + 1;
  }
}

// One key specification: the keys begin at argument `first`; the last is `last` places after it,
// or counted from the end when negative.
struct KeyRange {
  int first;
  int last;
  int step;
  uint16_t use;
};

void WriteKeyRange(const KeyRange& range, resp::Writer& writer) {
  writer.MapHeader(3);
  writer.Bulk("flags");
  WriteNames(range.use, kUseNames, writer);
  writer.Bulk("begin_search");
  writer.MapHeader(2);
  writer.Bulk("type");
  writer.Bulk("index");
  writer.Bulk("spec");
  writer.MapHeader(1);
  writer.Bulk("index");
  writer.Integer(range.first);
  writer.Bulk("find_keys");
  writer.MapHeader(2);
  writer.Bulk("type");
  writer.Bulk("range");
  writer.Bulk("spec");
  writer.MapHeader(3);
  writer.Bulk("lastkey");
  writer.Integer(range.last);
  writer.Bulk("keystep");
  writer.Integer(range.step);
  writer.Bulk("limit");
  writer.Integer(0);
}

void WriteKeySpecs(const KeySpec& keys, resp::Writer& writer) {
  const auto last_from = [&](int first) { return keys.last < 0 ? keys.last : keys.last - first; };
  if (keys.first == 0) {
    writer.SetHeader(0);
  } else if (keys.rest_use == 0) {
    writer.SetHeader(1);
    WriteKeyRange({keys.first, last_from(keys.first), keys.step, keys.use}, writer);
  } else {
    const int rest = keys.first + keys.step;
    writer.SetHeader(2);
    WriteKeyRange({keys.first, 0, keys.step, keys.use}, writer);
    WriteKeyRange({rest, last_from(rest), keys.step, keys.rest_use}, writer);
  }
}

// One entry of COMMAND and COMMAND INFO, as of Redis 7: ten elements.
void WriteInfo(const CommandSpec& spec, resp::Writer& writer) {
  writer.ArrayHeader(10);
  writer.Bulk(spec.name);
  writer.Integer(spec.arity);
  WriteNames(spec.flags, kFlagNames, writer);
  writer.Integer(spec.keys.first);
  writer.Integer(spec.keys.last);
  writer.Integer(spec.keys.step);
  WriteNames(spec.categories, kCategoryNames, writer);
  WriteTips(spec.tips, writer);
  WriteKeySpecs(spec.keys, writer);
  writer.SetHeader(spec.subcommands);
  for (const CommandSpec& subcommand : spec.Subcommands()) WriteInfo(subcommand, writer);
}

std::string_view TypeName(Argument::Type type) {
  switch (type) {
    case Argument::Type::kString:
      return "string";
    case Argument::Type::kInteger:
      return "integer";
    case Argument::Type::kKey:
      return "key";
    case Argument::Type::kOneOf:
      return "oneof";
    case Argument::Type::kBlock:
      return "block";
  }
  __builtin_unreachable();
}

// As of Redis 7.
void WriteArguments(std::span<const Argument> arguments, resp::Writer& writer) {
  writer.ArrayHeader(arguments.size());
  for (const Argument& argument : arguments) {
    writer.MapHeader(2u + (argument.key_spec >= 0 ? 1 : 0) + (argument.token.empty() ? 0 : 1) +
                     (argument.flags != 0 ? 1 : 0) + (argument.part_count != 0 ? 1 : 0));
    writer.Bulk("name");
    writer.Bulk(argument.name);
    writer.Bulk("type");
    writer.Bulk(TypeName(argument.type));
    if (argument.key_spec >= 0) {
      writer.Bulk("key_spec_index");
      writer.Integer(argument.key_spec);
    }
    if (!argument.token.empty()) {
      writer.Bulk("token");
      writer.Bulk(argument.token);
    }
    if (argument.flags != 0) {
      writer.Bulk("flags");
      WriteNames(argument.flags, kArgumentFlagNames, writer);
    }
    if (argument.part_count == 0) continue;
    writer.Bulk("arguments");
    WriteArguments(argument.parts(), writer);
  }
}

// What Redis tells, and after it the reply and the errors, of which it does not.
void WriteDocs(const CommandSpec& spec, resp::Writer& writer) {
  const Documentation none;
  const Documentation& docs = spec.docs != nullptr ? *spec.docs : none;
  const bool takes = !docs.arguments.empty();
  writer.Bulk(spec.name);
  writer.MapHeader(3u + (takes ? 1 : 0) + (spec.docs != nullptr ? 2 : 0) +
                   (spec.subcommands != 0 ? 1 : 0));
  writer.Bulk("summary");
  writer.Bulk(spec.summary);
  writer.Bulk("since");
  writer.Bulk(spec.since);
  writer.Bulk("group");
  writer.Bulk(spec.group);
  if (takes) {
    writer.Bulk("arguments");
    WriteArguments(docs.arguments, writer);
  }
  if (spec.docs != nullptr) {
    writer.Bulk("reply");
    writer.Bulk(TextOf(docs.reply));
    writer.Bulk("errors");
    writer.ArrayHeader(docs.errors.size() + docs.shared_errors().size());
    for (const ErrorDocs& error : docs.errors) writer.Bulk(error.text);
    for (const ErrorDocs& error : docs.shared_errors()) writer.Bulk(error.text);
  }
  if (spec.subcommands == 0) return;
  writer.Bulk("subcommands");
  writer.MapHeader(spec.subcommands);
  for (const CommandSpec& subcommand : spec.Subcommands()) WriteDocs(subcommand, writer);
}

// The keys of a request, each with how it is used if wanted.
void WriteKeys(Args words, bool with_use, resp::Writer& writer) {
  const CommandSpec* spec = ResolveCommand(words);
  if (spec == nullptr) {
    WriteError(writer, errors::kGetkeysCommand);
    return;
  }
  if (spec->keys.first == 0) {
    WriteError(writer, errors::kGetkeysNone);
    return;
  }
  if (!spec->ArityFits(words.size())) {
    WriteError(writer, errors::kGetkeysArity);
    return;
  }
  const uint16_t first_use = spec->use != nullptr ? spec->use(words) : spec->keys.use;
  const uint16_t rest_use = spec->keys.rest_use != 0 ? spec->keys.rest_use : first_use;
  const size_t count = spec->KeyCount(words);
  writer.ArrayHeader(count);
  for (size_t key = 0; key < count; ++key) {
    if (with_use) writer.ArrayHeader(2);
    writer.Bulk(words[spec->KeyIndex(key)]);
    if (with_use) WriteNames(key == 0 ? first_use : rest_use, kUseNames, writer);
  }
}

// The category of this name, without its @; 0 when there is none.
uint32_t CategoryBit(std::string_view name) {
  for (const Named& category : kCategoryNames) {
    if (SameWord(category.name.substr(1), name)) return category.bit;
  }
  return 0;
}

// Calls `visit` with every command that is not a subcommand.
void ForEachCommand(auto visit) {
  for (const CommandSpec& spec : AllCommands()) {
    if (!spec.IsSubcommand()) visit(spec);
  }
}

uint64_t CountCommands() {
  uint64_t count = 0;
  ForEachCommand([&](const CommandSpec&) { ++count; });
  return count;
}

}  // namespace

std::span<const CategoryName> CategoryNames() {
  return kCategoryNames;
}

void Command(const LocalCall&, resp::Writer& writer) {
  writer.ArrayHeader(CountCommands());
  ForEachCommand([&](const CommandSpec& spec) { WriteInfo(spec, writer); });
}

void CommandCount(const LocalCall&, resp::Writer& writer) {
  writer.Integer(static_cast<int64_t>(CountCommands()));
}

void CommandInfo(const LocalCall& call, resp::Writer& writer) {
  const Args names = call.args.subspan(2);
  if (names.empty()) {
    Command(call, writer);
    return;
  }
  writer.ArrayHeader(names.size());
  for (const std::string_view name : names) {
    if (const CommandSpec* spec = FindCommand(name)) {
      WriteInfo(*spec, writer);
    } else {
      writer.Null();
    }
  }
}

void CommandDocs(const LocalCall& call, resp::Writer& writer) {
  const Args names = call.args.subspan(2);
  if (names.empty()) {
    writer.MapHeader(CountCommands());
    ForEachCommand([&](const CommandSpec& spec) { WriteDocs(spec, writer); });
    return;
  }
  size_t known = 0;
  for (const std::string_view name : names) known += FindCommand(name) != nullptr ? 1 : 0;
  writer.MapHeader(known);
  for (const std::string_view name : names) {
    if (const CommandSpec* spec = FindCommand(name)) WriteDocs(*spec, writer);
  }
}

void CommandList(const LocalCall& call, resp::Writer& writer) {
  const Args args = call.args.subspan(2);
  const bool filtered = args.size() == 3 && SameWord(args[0], "filterby");
  const bool by_module = filtered && SameWord(args[1], "module");
  const bool by_category = filtered && SameWord(args[1], "aclcat");
  const bool by_pattern = filtered && SameWord(args[1], "pattern");
  if (!args.empty() && !by_module && !by_category && !by_pattern) {
    WriteError(writer, errors::kSyntax);
    return;
  }
  if (by_pattern && args[2].size() > kNamePatternsBytesMax) {
    WriteError(writer, errors::kNamePatternsTooLong);
    return;
  }
  const std::string pattern = by_pattern ? Lower(args[2]) : "*";
  const uint32_t category = by_category ? CategoryBit(args[2]) : 0;
  std::vector<std::string_view> names;
  for (const CommandSpec& spec : AllCommands()) {
    const bool fits = by_category ? (spec.categories & category) != 0
                                  : !by_module && GlobMatch(pattern, spec.name);
    if (fits) names.push_back(spec.name);
  }
  writer.ArrayHeader(names.size());
  for (const std::string_view name : names) writer.Bulk(name);
}

void CommandGetkeys(const LocalCall& call, resp::Writer& writer) {
  WriteKeys(call.args.subspan(2), false, writer);
}

void CommandGetkeysandflags(const LocalCall& call, resp::Writer& writer) {
  WriteKeys(call.args.subspan(2), true, writer);
}

void Help(const LocalCall& call, resp::Writer& writer) {
  const CommandSpec& container = *FindCommand(call.args[0]);
  writer.ArrayHeader(1 + uint64_t{2} * container.subcommands);
  writer.SimpleString(Upper(container.name) +
                      " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
  for (const CommandSpec& subcommand : container.Subcommands()) {
    writer.SimpleString(Upper(subcommand.name.substr(container.name.size() + 1)));
    writer.SimpleString("    " + std::string(subcommand.summary));
  }
}

}  // namespace weir::gateway::commands
