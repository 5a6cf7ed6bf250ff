#include "weir/backup/manifest.h"

#include <charconv>
#include <cstdio>
#include <optional>
#include <utility>

#include "weir/base/key_hash.h"

namespace weir::backup {
namespace {

constexpr std::string_view kFirstLine = "weir-backup 1\n";

// Takes words off the front of one line.
class Line {
 public:
  explicit Line(std::string_view text) : rest_(text) {}

  // Takes `word`, or marks the line as wrong.
  Line& Word(std::string_view word) {
    ok_ = ok_ && rest_.starts_with(word);
    if (ok_) rest_.remove_prefix(word.size());
    return *this;
  }
  template <typename T>
  Line& Number(T* number, int base = 10) {
    const auto [end, error] =
        std::from_chars(rest_.data(), rest_.data() + rest_.size(), *number, base);
    ok_ = ok_ && error == std::errc();
    if (ok_) rest_.remove_prefix(static_cast<size_t>(end - rest_.data()));
    return *this;
  }
  Line& Rest(std::string* text) {
    *text = rest_;
    rest_ = {};
    return *this;
  }
  bool ended() const { return ok_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

std::string Hex(uint64_t number) {
  char text[17];
  std::snprintf(text, sizeof(text), "%016llx", static_cast<unsigned long long>(number));
  return text;
}

// Whether `path` is a plain file in the folder of one of the databases.
bool IsPlainPath(const std::string& path, size_t databases) {
  const size_t slash = path.find('/');
  if (slash == std::string::npos || path.find('/', slash + 1) != std::string::npos) return false;
  const std::string name = path.substr(slash + 1);
  if (name.empty() || name == "." || name == "..") return false;
  for (const char c : name) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                       c == '.' || c == '-' || c == '_';
    if (!plain) return false;
  }
  uint32_t database = 0;
  return Line(std::string_view(path).substr(0, slash))
             .Word("database-")
             .Number(&database)
             .ended() &&
         database < databases && path.substr(0, slash) == DatabaseFolder(database);
}

// Whether the shards of each database are numbered in order, and as many as it has.
bool ShardsAreRight(const Manifest& manifest) {
  std::vector<uint32_t> counts(manifest.databases.size());
  for (const Manifest::Shard& shard : manifest.shards) {
    if (shard.index != counts[shard.database]++) return false;
  }
  for (size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] != manifest.databases[i].shards || counts[i] == 0) return false;
  }
  return true;
}

bool TakeLine(std::string_view text, Manifest* manifest) {
  if (text.starts_with("weir ")) {
    return Line(text).Word("weir ").Rest(&manifest->weir_version).ended();
  }
  if (text.starts_with("cut_ms ")) {
    return Line(text).Word("cut_ms ").Number(&manifest->cut_ms).ended();
  }
  if (text.starts_with("database ")) {
    Manifest::Database& database = manifest->databases.emplace_back();
    size_t number = 0;
    Line line(text);
    line.Word("database ").Number(&number).Word(" shards=").Number(&database.shards);
    line.Word(" commit=").Number(&database.commit);
    line.Word(" version_max=").Number(&database.version_max);
    line.Word(" records=").Number(&database.records);
    line.Word(" with_expiry=").Number(&database.with_expiry);
    return line.ended() && manifest->databases.size() <= Manifest::kDatabasesMax;
  }
  if (text.starts_with("shard ")) {
    Manifest::Shard& shard = manifest->shards.emplace_back();
    size_t number = 0;
    Line line(text);
    line.Word("shard ").Number(&number).Word(" database=").Number(&shard.database);
    line.Word(" index=").Number(&shard.index);
    return line.ended() && shard.database < manifest->databases.size();
  }
  Manifest::File& file = manifest->files.emplace_back();
  Line line(text);
  line.Word("file bytes=").Number(&file.bytes).Word(" xxh3=").Number(&file.hash, 16);
  line.Word(" ").Rest(&file.path);
  return line.ended() && IsPlainPath(file.path, manifest->databases.size());
}

}  // namespace

std::string DatabaseFolder(size_t database) {
  return "database-" + std::to_string(database);
}

uint64_t Manifest::TotalBytes() const {
  uint64_t bytes = 0;
  for (const File& file : files) bytes += file.bytes;
  return bytes;
}

uint64_t Manifest::TotalRecords() const {
  uint64_t records = 0;
  for (const Database& database : databases) records += database.records;
  return records;
}

std::string Manifest::ToText() const {
  std::string text(kFirstLine);
  text += "weir " + weir_version + "\n";
  text += "cut_ms " + std::to_string(cut_ms) + "\n";
  for (size_t i = 0; i < databases.size(); ++i) {
    const Database& database = databases[i];
    text += "database " + std::to_string(i) + " shards=" + std::to_string(database.shards) +
            " commit=" + std::to_string(database.commit) +
            " version_max=" + std::to_string(database.version_max) +
            " records=" + std::to_string(database.records) +
            " with_expiry=" + std::to_string(database.with_expiry) + "\n";
  }
  for (size_t i = 0; i < shards.size(); ++i) {
    text += "shard " + std::to_string(i) + " database=" + std::to_string(shards[i].database) +
            " index=" + std::to_string(shards[i].index) + "\n";
  }
  for (const File& file : files) {
    text += "file bytes=" + std::to_string(file.bytes) + " xxh3=" + Hex(file.hash) + " " +
            file.path + "\n";
  }
  return text + "checksum " + Hex(StableHash(text)) + "\n";
}

Result<Manifest> Manifest::FromText(std::string_view text) {
  const Error damaged{ErrorCode::kCorrupt, "the manifest BACKUP is damaged; use another backup"};
  if (text.starts_with("weir-backup ") && !text.starts_with(kFirstLine)) {
    return Error{ErrorCode::kCorrupt,
                 "the backup has a format that this weir does not know; restore it with the "
                 "version of weir that wrote it"};
  }
  if (!text.starts_with(kFirstLine)) return damaged;
  Manifest manifest;
  std::string_view rest = text.substr(kFirstLine.size());
  while (!rest.starts_with("checksum ")) {
    const size_t end = rest.find('\n');
    if (end == std::string_view::npos) return damaged;
    if (!TakeLine(rest.substr(0, end), &manifest)) return damaged;
    rest.remove_prefix(end + 1);
  }
  if (!ShardsAreRight(manifest)) return damaged;
  // One text for one manifest: order, numbering and checksum are those that ToText writes.
  if (manifest.databases.empty() || manifest.ToText() != text) return damaged;
  return manifest;
}

}  // namespace weir::backup
