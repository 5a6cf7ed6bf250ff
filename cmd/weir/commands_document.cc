#include "cmd/weir/commands_document.h"

#include <algorithm>
#include <array>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weir/gateway/command.h"
#include "weir/gateway/command_docs.h"

namespace weir::cmd {
namespace {

using gateway::CommandSpec;
using gateway::ErrorDocs;
using gateway::ErrorGroup;

constexpr std::string_view kHead =
    R"(# Commands

What weir answers, by group. Where the last column is empty, a command answers as redis-server 7.0
does, errors to the letter; a transcript of some three thousand requests is compared byte for byte,
in RESP2 and RESP3. `COMMAND INFO` and `COMMAND DOCS` tell the same to programs.

This page is generated from the command table: run `weir docs commands > docs/commands.md`.

What holds for all of them:

- There is one database, 0. Keys hold strings; a command of another type is an unknown command.
- A key is at most 64 KiB long, a value at most `max_value` of its keyspace (64 MB).
- Keys of one tag (`{tag}`) are always written together, at one moment. So are all keys of one
  command when they live in one data directory.
- Beside Redis's own errors there are four: `THROTTLED` (a rate limit), `OVERLOADED` (no room;
  nothing was done), `UNKNOWN` (nobody knows whether the write was done), and `CROSSSLOT` for keys
  that must be written together and live in different data directories. What they say to programs
  is in [errors.md](errors.md).
- An expiry is exact. The last moment that a key may expire at is a millisecond before Redis's.
)";

constexpr std::string_view kAbsentHead = R"(
## Commands of Redis that are not here

They are unknown commands, with Redis's own error. `COMMAND LIST` names what there is.

| commands | why |
| --- | --- |
)";

struct Absent {
  std::string_view commands;
  std::string_view why;
};
constexpr auto kAbsent = std::to_array<Absent>(
    {{"of lists, sets, sorted sets, hashes, streams, HyperLogLogs, geo positions; `SORT`, "
      "`SORT_RO`",
      "keys hold strings"},
     {"`EVAL`, `EVALSHA`, `FCALL`, `SCRIPT`, and `FUNCTION` but for `FLUSH`, `LIST` and `HELP`",
      "there are no scripts"},
     {"`SUBSCRIBE`, `PUBLISH`, `PUBSUB` and their kin", "there are no channels"},
     {"`MIGRATE`, `RESTORE-ASKING`", "keys leave by DUMP; whole databases by `weir backup`"},
     {"`MOVE`, `SWAPDB`", "there is one database"},
     {"`SAVE`, `BGSAVE`, `BGREWRITEAOF`, `LASTSAVE`",
      "what was acknowledged is on disk, and there is no dump file to copy: `weir backup` makes "
      "one "
      "state of all databases, while they serve"},
     {"`REPLICAOF`, `SLAVEOF`, `FAILOVER`, `PSYNC`, `SYNC`, `REPLCONF`", "there are no replicas"},
     {"`MODULE LOAD`, `LOADEX`, `UNLOAD`", "there are no modules"},
     {"`ACL LOG`", "what was denied is counted, by INFO (`acl_access_denied_*`) and `/metrics`"}});

std::string Upper(std::string_view text) {
  std::string upper(text);
  for (char& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  std::replace(upper.begin(), upper.end(), '|', ' ');
  return upper;
}

std::string Row(const CommandSpec& spec) {
  return "| `" + Upper(spec.name) + "` | " + std::string(spec.since) + " | " +
         std::string(spec.summary) + " | " + std::string(spec.differs) + " |\n";
}

// Whether it only holds the rows that follow it.
bool IsContainer(const CommandSpec& spec) {
  return spec.subcommands > 0 && spec.local == nullptr;
}

constexpr std::string_view kFormsHead = R"(
### Forms

The arguments of these commands, what they answer, and the errors of their own, in which `*` stands
for any text. Where a reply is a map, RESP2 has an array of names and values in turn, and a double
is a string there; all else but null is the same in RESP2 and RESP3. `COMMAND DOCS` tells the same.
)";

std::string ErrorRows(std::span<const ErrorDocs> errors) {
  std::string rows = "\n| error | when |\n| --- | --- |\n";
  for (const ErrorDocs& error : errors) {
    const std::string text(error.text);
    const std::string code =
        text.find('`') == std::string::npos ? "`" + text + "`" : "`` " + text + " ``";
    rows += "| " + code + " | " + std::string(error.when) + " |\n";
  }
  return rows;
}

std::string Form(const CommandSpec& spec) {
  const gateway::Documentation& docs = *spec.docs;
  std::string form = "\n**" + Upper(spec.name) + "**\n\n```\n";
  for (const std::string& line : gateway::SyntaxOf(spec)) form += line + "\n";
  form += "```\n\nReply: " + gateway::TextOf(docs.reply) + ".";
  if (docs.shared != nullptr) {
    form += " Errors: " + std::string(docs.errors.empty() ? "" : "these, and ") + "those of " +
            std::string(docs.shared->name) + ".";
  }
  form += "\n";
  return docs.errors.empty() ? form : form + ErrorRows(docs.errors);
}

// What is told of the commands of a group besides their rows.
std::string Forms(std::string_view group) {
  std::string forms;
  std::vector<const ErrorGroup*> shared;
  for (const CommandSpec& spec : gateway::AllCommands()) {
    if (spec.group != group || spec.docs == nullptr) continue;
    forms += Form(spec);
    const ErrorGroup* errors = spec.docs->shared;
    if (errors == nullptr || std::find(shared.begin(), shared.end(), errors) != shared.end()) {
      continue;
    }
    shared.push_back(errors);
  }
  for (const ErrorGroup* errors : shared) {
    forms += "\n**Errors of " + std::string(errors->name) + "**\n" + ErrorRows(errors->errors);
  }
  return forms.empty() ? forms : std::string(kFormsHead) + forms;
}

}  // namespace

std::string CommandsDocument() {
  std::set<std::string_view> groups;
  for (const CommandSpec& spec : gateway::AllCommands()) groups.insert(spec.group);
  std::string document(kHead);
  for (const std::string_view group : groups) {
    document += "\n## " + std::string(group) + "\n\n";
    document +=
        "| command | since Redis | what it does | what differs |\n| --- | --- | --- | --- |\n";
    for (const CommandSpec& spec : gateway::AllCommands()) {
      if (spec.group == group && !IsContainer(spec)) document += Row(spec);
    }
    document += Forms(group);
  }
  document += kAbsentHead;
  for (const Absent& absent : kAbsent) {
    document += "| " + std::string(absent.commands) + " | " + std::string(absent.why) + " |\n";
  }
  return document;
}

}  // namespace weir::cmd
