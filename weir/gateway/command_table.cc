// The command table: the tables of commands/*_rows.h merged. To add a command: one row there, one
// small function beside it.
#include <algorithm>
#include <array>
#include <charconv>

#include "weir/gateway/command.h"
#include "weir/gateway/commands/acl_rows.h"
#include "weir/gateway/commands/bitmap_rows.h"
#include "weir/gateway/commands/cache_rows.h"
#include "weir/gateway/commands/client_rows.h"
#include "weir/gateway/commands/cluster_rows.h"
#include "weir/gateway/commands/connection_rows.h"
#include "weir/gateway/commands/diagnosis_rows.h"
#include "weir/gateway/commands/key_rows.h"
#include "weir/gateway/commands/limit_rows.h"
#include "weir/gateway/commands/scripting_rows.h"
#include "weir/gateway/commands/server_rows.h"
#include "weir/gateway/commands/string_rows.h"
#include "weir/gateway/commands/transaction_rows.h"
#include "weir/gateway/commands/weir_rows.h"

namespace weir::gateway {
namespace {

// Whether `name` is a subcommand of `command`.
constexpr bool BelongsTo(std::string_view name, std::string_view command) {
  return name.size() > command.size() && name.starts_with(command) && name[command.size()] == '|';
}

// All tables in one, in order of name.
template <size_t... Ns>
consteval std::array<CommandSpec, (Ns + ...)> Merge(const std::array<CommandSpec, Ns>&... tables) {
  std::array<CommandSpec, (Ns + ...)> merged;
  auto end = merged.begin();
  ((end = std::copy(tables.begin(), tables.end(), end)), ...);
  std::sort(merged.begin(), merged.end(),
            [](const CommandSpec& a, const CommandSpec& b) { return a.name < b.name; });
  for (size_t row = 0; row < merged.size(); ++row) {
    uint32_t& count = merged[row].subcommands;
    while (row + count + 1 < merged.size() &&
           BelongsTo(merged[row + count + 1].name, merged[row].name)) {
      ++count;
    }
  }
  return merged;
}

constexpr auto kTable = Merge(
    rows::Table("server", 0, rows::kAclRows), rows::Table("bitmap", kCatBitmap, rows::kBitmapRows),
    rows::Table("cache", 0, rows::kCacheRows), rows::Table("cluster", 0, rows::kClusterRows),
    rows::Table("connection", kCatConnection, rows::kClientRows),
    rows::Table("connection", kCatConnection, rows::kConnectionRows),
    rows::Table("server", 0, rows::kDiagnosisRows),
    rows::Table("generic", kCatKeyspace, rows::kKeyRows), rows::Table("limit", 0, rows::kLimitRows),
    rows::Table("scripting", kCatScripting, rows::kScriptingRows),
    rows::Table("server", 0, rows::kServerRows),
    rows::Table("string", kCatString, rows::kStringRows),
    rows::Table("transactions", kCatTransaction, rows::kTransactionRows),
    rows::Table("weir", kCatAdmin, rows::kWeirRows));

constexpr size_t kNameBytesMax = 32;

constexpr bool NamesAreRight() {
  for (size_t row = 0; row < kTable.size(); ++row) {
    const std::string_view name = kTable[row].name;
    if (name.size() > kNameBytesMax) return false;
    if (row > 0 && kTable[row - 1].name >= name) return false;
    // Its command stands before it, with nothing between them but other subcommands.
    if (!kTable[row].IsSubcommand()) continue;
    size_t command = row - 1;
    while (kTable[command].IsSubcommand()) --command;
    if (!BelongsTo(name, kTable[command].name)) return false;
  }
  return true;
}
static_assert(NamesAreRight());

constexpr char LowerChar(char letter) {
  return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

constexpr size_t kBuckets = 2048;

constexpr size_t BucketOf(std::string_view name) {
  uint32_t hash = 2166136261U;
  for (const char letter : name) {
    hash = (hash ^ static_cast<uint8_t>(LowerChar(letter))) * 16777619U;
  }
  return (hash ^ (hash >> 15)) % kBuckets;
}

// Open addressing, filled at compile time: row index + 1, 0 = empty.
constexpr std::array<uint16_t, kBuckets> MakeBuckets() {
  static_assert(kTable.size() < kBuckets / 4, "most names must be found at the first look");
  std::array<uint16_t, kBuckets> buckets{};
  for (size_t row = 0; row < kTable.size(); ++row) {
    size_t bucket = BucketOf(kTable[row].name);
    while (buckets[bucket] != 0) bucket = (bucket + 1) % kBuckets;
    buckets[bucket] = static_cast<uint16_t>(row + 1);
  }
  return buckets;
}

constexpr std::array<uint16_t, kBuckets> kByName = MakeBuckets();

}  // namespace

const CommandSpec* FindCommand(std::string_view name) {
  if (name.size() > kNameBytesMax) return nullptr;
  for (size_t bucket = BucketOf(name); kByName[bucket] != 0; bucket = (bucket + 1) % kBuckets) {
    const CommandSpec& row = kTable[kByName[bucket] - 1U];
    if (SameWord(row.name, name)) return &row;
  }
  return nullptr;
}

const CommandSpec* ResolveCommand(Args args) {
  const CommandSpec* command = FindCommand(args[0]);
  if (command == nullptr || command->IsSubcommand()) return nullptr;
  if (command->subcommands == 0 || args.size() == 1) return command;
  for (const CommandSpec& subcommand : command->Subcommands()) {
    if (SameWord(subcommand.name.substr(command->name.size() + 1), args[1])) return &subcommand;
  }
  return nullptr;
}

std::span<const CommandSpec> AllCommands() {
  return kTable;
}

size_t CommandIndex(const CommandSpec& command) {
  return static_cast<size_t>(&command - kTable.data());
}

size_t CommandSpec::KeyCount(Args args) const {
  if (keys.first == 0) return 0;
  const auto count = static_cast<int>(args.size());
  const int last = keys.last >= 0 ? keys.last : count + keys.last;
  return last < keys.first ? 0 : static_cast<size_t>((last - keys.first) / keys.step + 1);
}

bool SameWord(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
           return LowerChar(x) == LowerChar(y);
         });
}

bool ParseInteger(std::string_view text, int64_t* value) {
  if (text.empty() || text.size() > 20) return false;
  const std::string_view digits = text[0] == '-' ? text.substr(1) : text;
  if (digits.empty() || (digits[0] == '0' && text.size() > 1)) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace weir::gateway
