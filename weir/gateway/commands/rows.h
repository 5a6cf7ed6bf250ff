// How rows of the command table are written. One header x_rows.h is one table:
//
//   inline constexpr Row kStringRows[] = {
//       Read("get", 2, kFast, OneKey(kReads), "1.0.0", "Get the value of a key.", c::Get),
//       ...
//   };
//
// and command_table.cc merges the tables, in any order. Columns: name, arity, flags, keys (of reads
// and writes), since, summary, function. Read and Write imply the flags `readonly` and `write`; a
// table gives its rows their group and that group's category, `In` names other categories instead;
// those that follow from the flags (read, write, admin, dangerous, fast, slow) are added.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "weir/gateway/command.h"
#include "weir/gateway/commands/commands.h"

namespace weir::gateway::rows {

namespace c = commands;

inline constexpr uint32_t kNone = 0;
inline constexpr uint32_t kFast = kFlagFast;
inline constexpr uint32_t kDenyOom = kFlagDenyOom;
inline constexpr uint32_t kAlways = kFlagLoading | kFlagStale;  // Whatever state the server is in.
inline constexpr uint32_t kCopies = kFlagCopies;
inline constexpr uint32_t kNoScript = kFlagNoScript;
inline constexpr uint32_t kAdmin = kFlagAdmin | kFlagNoScript;

// Uses of keys.
inline constexpr uint16_t kReads = kKeyRo | kKeyAccess;
inline constexpr uint16_t kLooksAt = kKeyRo;
inline constexpr uint16_t kChanges = kKeyRw | kKeyUpdate;
inline constexpr uint16_t kReadsAndChanges = kKeyRw | kKeyAccess | kKeyUpdate;
inline constexpr uint16_t kTakes = kKeyRw | kKeyAccess | kKeyDelete;
inline constexpr uint16_t kOverwrites = kKeyOw | kKeyUpdate;
inline constexpr uint16_t kInserts = kKeyOw | kKeyInsert;
inline constexpr uint16_t kRemoves = kKeyRm | kKeyDelete;

// Differences that several commands share.
inline constexpr std::string_view kShorterValues =
    "Values are at most `max_value` of their keyspace, 64 MB unless configured; Redis allows 512 "
    "MB.";
inline constexpr std::string_view kOneDirectory =
    "Keys in different data directories are refused: `CROSSSLOT`.";
inline constexpr std::string_view kKeyByKey =
    "Keys in different data directories are written key by key, not all at one moment.";
inline constexpr std::string_view kSeveralLooks =
    "Of keys that are not in memory, each 4096 and each data directory are looked at in one "
    "moment, "
    "not all together.";
inline constexpr std::string_view kOwnHelp = "The text is weir's own.";

constexpr KeySpec OneKey(uint16_t use) {
  return {1, 1, 1, use};
}
constexpr KeySpec AllKeys(uint16_t use) {
  return {1, -1, 1, use};
}

inline constexpr uint32_t kCatOfGroup = uint32_t{1} << 31;

struct Row : CommandSpec {
  constexpr Row With(auto change) const {
    Row row = *this;
    change(row);
    return row;
  }
  // Categories instead of the one of its group.
  constexpr Row In(uint32_t explicit_categories) const {
    return With([=](Row& row) { row.categories = explicit_categories; });
  }
  constexpr Row Tips(std::string_view text) const {
    return With([=](Row& row) { row.tips = text; });
  }
  // One sentence on what it does otherwise than Redis 7.0.
  constexpr Row Differs(std::string_view text) const {
    return With([=](Row& row) { row.differs = text; });
  }
  // An operation's part in a transaction.
  constexpr Row InTransaction(WriteFunction* function) const {
    return With([=](Row& row) { row.in_transaction = function; });
  }
  constexpr Row Blind(bool (*predicate)(Args)) const {
    return With([=](Row& row) { row.blind = predicate; });
  }
  constexpr Row Heavy(bool (*predicate)(const ReadCall&)) const {
    return With([=](Row& row) { row.heavy = predicate; });
  }
  constexpr Row Told(const Documentation& told) const {
    return With([&](Row& row) { row.docs = &told; });
  }
  constexpr Row Uses(uint16_t (*function)(Args)) const {
    return With([=](Row& row) {
      row.use = function;
      row.keys.use |= kKeyVariable;
    });
  }
};

constexpr Row Any(std::string_view name, int arity, CommandKind kind, uint32_t flags, KeySpec keys,
                  std::string_view since, std::string_view summary) {
  Row row;
  row.name = name;
  row.arity = arity;
  row.kind = kind;
  row.flags = flags;
  row.categories = kCatOfGroup;
  row.keys = keys;
  row.since = since;
  row.summary = summary;
  return row;
}

constexpr Row Local(std::string_view name, int arity, uint32_t flags, std::string_view since,
                    std::string_view summary, LocalFunction* function) {
  return Any(name, arity, CommandKind::kLocal, flags, {}, since, summary).With([=](Row& row) {
    row.local = function;
  });
}

constexpr Row Authenticate(std::string_view name, int arity, uint32_t flags, std::string_view since,
                           std::string_view summary, LocalFunction* function,
                           CredentialsFunction* credentials) {
  return Any(name, arity, CommandKind::kAuthenticate, flags | kFlagBarrier | kFlagChangesUser, {},
             since, summary)
      .With([=](Row& row) {
        row.local = function;
        row.credentials = credentials;
      });
}

// A command that only holds subcommands.
constexpr Row Container(std::string_view name, std::string_view since, std::string_view summary) {
  return Any(name, -2, CommandKind::kLocal, kNone, {}, since, summary).In(0);
}

constexpr Row Read(std::string_view name, int arity, uint32_t flags, KeySpec keys,
                   std::string_view since, std::string_view summary, ReadFunction* function) {
  return Any(name, arity, CommandKind::kRead, flags | kFlagReadOnly, keys, since, summary)
      .With([=](Row& row) { row.read = function; });
}

constexpr Row Write(std::string_view name, int arity, uint32_t flags, KeySpec keys,
                    std::string_view since, std::string_view summary, WriteFunction* function) {
  return Any(name, arity, CommandKind::kWrite, flags | kFlagWrite, keys, since, summary)
      .With([=](Row& row) { row.write = function; });
}

constexpr Row Operates(std::string_view name, int arity, uint32_t flags, std::string_view since,
                       std::string_view summary, OperationFunction* function) {
  return Any(name, arity, CommandKind::kOperation, flags, {}, since, summary).With([=](Row& row) {
    row.operation = function;
  });
}

// As Redis implies them.
constexpr uint32_t ImpliedCategories(uint32_t flags) {
  uint32_t categories = (flags & kFlagFast) != 0 ? kCatFast : kCatSlow;
  if ((flags & kFlagWrite) != 0) categories |= kCatWrite;
  if ((flags & kFlagReadOnly) != 0) categories |= kCatRead;
  if ((flags & kFlagAdmin) != 0) categories |= kCatAdmin | kCatDangerous;
  if ((flags & kFlagPubSub) != 0) categories |= kCatPubSub;
  return categories;
}

template <size_t N>
consteval std::array<CommandSpec, N> Table(std::string_view group, uint32_t group_category,
                                           const Row (&rows)[N]) {
  std::array<CommandSpec, N> table;
  for (size_t i = 0; i < N; ++i) {
    table[i] = rows[i];
    CommandSpec& row = table[i];
    row.group = group;
    if (row.categories == kCatOfGroup) row.categories = group_category;
    row.categories |= ImpliedCategories(row.flags);
  }
  return table;
}

}  // namespace weir::gateway::rows
