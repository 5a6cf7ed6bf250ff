#include "cmd/weir/verify.h"

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "cmd/weir/layout.h"
#include "cmd/weir/node_store.h"
#include "cmd/weir/progress.h"

#include "weir/backup/backup_directory.h"
#include "weir/backup/files.h"
#include "weir/shard/position.h"
#include "weir/shard/range_map.h"
#include "weir/store/rocksdb/verifier.h"

namespace weir::cmd {
namespace {

using backup::Manifest;

// One database to verify: its name for messages, and which shards of the range map it holds.
struct Part {
  std::string name;
  std::unique_ptr<store::Verifier> verifier;
  std::vector<uint32_t> shards;  // Their numbers in the range map.
};

class Verification {
 public:
  void Problem(const std::string& text) { report_.Add(text); }

  // Reads and checks the range map, which lives in the first part.
  void CheckMap(std::vector<Part>& parts) {
    size_t shards = 0;
    for (const Part& part : parts) shards += part.shards.size();
    const Result<std::optional<shard::StoredMap>> stored = ReadRangeMap(*parts.front().verifier);
    if (!stored.ok()) {
      Problem("the range map cannot be read: " + stored.error().message);
    } else if (!stored.value().has_value()) {
      Problem(parts.front().name +
              " has no range map; if it is one of several data directories, "
              "name all in [[shard]] sections and give the file by --config");
    } else {
      if (!stored.value()->damage.empty()) {
        Problem("one copy of the range map is damaged, the other is used: " +
                stored.value()->damage);
      }
      Result<Ok> fits = CheckRanges(stored.value()->map, shards);
      if (fits.ok()) {
        map_ = stored.value()->map;
      } else {
        Problem("the range map: " + fits.error().message);
      }
    }
  }

  // Reads and checks the table of nodes, if there is one, which lives there too.
  void CheckNodes(Part& first) {
    Result<std::optional<nodes::StoredTable>> stored = ReadNodeTable(*first.verifier);
    if (!stored.ok())
      return Problem("the table of nodes cannot be read: " + stored.error().message);
    if (!stored.value().has_value()) return;
    if (!stored.value()->damage.empty()) {
      Problem("one copy of the table of nodes is damaged, the other is used: " +
              stored.value()->damage);
    }
    nodes_ = std::make_unique<nodes::NodeTable>(std::move(stored.value()->table));
  }

  void CheckPart(Part& part) {
    store::VerifyOptions options;
    options.progress = [&](const store::VerifyProgress& progress) {
      progress_.Show(part.name + ": " + progress.what + ", " + std::to_string(progress.done) +
                     " of " + std::to_string(progress.total));
    };
    options.check_place = [&](uint32_t shard, uint64_t position, std::string_view key) {
      return WrongPlace(part.shards[shard], position, key);
    };
    const store::VerifyReport found = part.verifier->Run(options);
    report_.records += found.records;
    report_.with_expiry += found.with_expiry;
    report_.tables += found.tables;
    for (const std::string& problem : found.problems) Problem(part.name + ": " + problem);
    report_.problem_count += found.problem_count - found.problems.size();
  }

  ProgressLine& progress() { return progress_; }
  const store::VerifyReport& report() const { return report_; }

 private:
  std::string WrongPlace(uint32_t shard, uint64_t position, std::string_view key) const {
    const shard::Position right = shard::PositionOf(key);
    if (right.value != position) {
      return "its position should be " + std::to_string(right.value);
    }
    if (nodes_ != nullptr) {
      const ring::NodeId node = nodes_->Owner(TagSlot(KeyTag(key)));
      if (node != nodes_->self()) return "its slot is served by node " + nodes_->node(node).id;
    }
    if (!map_) return "";
    const auto owner = static_cast<uint32_t>(map_->ShardOf(right));
    if (owner == shard) return "";
    const shard::Move* move = map_->MoveAt(right);
    if (move != nullptr && move->copy == shard::ShardId{shard}) return "";
    return "the range map gives it to shard " + std::to_string(owner) + ", not " +
           std::to_string(shard);
  }

  ProgressLine progress_;
  std::optional<shard::RangeMap> map_;
  std::unique_ptr<nodes::NodeTable> nodes_;  // nullptr: there is none.
  store::VerifyReport report_;
};

int Refuse(const Error& error) {
  std::fprintf(stderr, "weir: not verified: %s\n", error.message.c_str());
  return 1;
}

int Conclude(const store::VerifyReport& report, const std::string& what_to_do) {
  if (report.problem_count == 0) {
    std::printf("verified: %llu records, %llu with expiry, %llu tables; all is right\n",
                static_cast<unsigned long long>(report.records),
                static_cast<unsigned long long>(report.with_expiry),
                static_cast<unsigned long long>(report.tables));
    return 0;
  }
  for (const std::string& problem : report.problems) std::printf("%s\n", problem.c_str());
  if (report.problem_count > report.problems.size()) {
    std::printf("... and %llu more\n",
                static_cast<unsigned long long>(report.problem_count - report.problems.size()));
  }
  std::fprintf(stderr, "weir: %llu problems; %s\n",
               static_cast<unsigned long long>(report.problem_count), what_to_do.c_str());
  return 1;
}

// Compares each file of the backup with the manifest.
void CheckSums(const std::string& directory, const Manifest& manifest, Verification* verification) {
  const uint64_t total = manifest.TotalBytes();
  uint64_t done = 0;
  for (const Manifest::File& file : manifest.files) {
    const auto sum = backup::SumFile(directory + "/" + file.path, [&](uint64_t bytes) {
      done += bytes;
      verification->progress().Show("files, " + ProgressLine::Bytes(done, total));
      return true;
    });
    if (!sum.ok()) {
      verification->Problem(sum.error().message);
    } else if (sum.value().bytes != file.bytes || sum.value().hash != file.hash) {
      verification->Problem(file.path + " is not what the manifest says");
    }
  }
}

void CheckCounts(const Manifest& manifest, Verification* verification) {
  const store::VerifyReport& found = verification->report();
  if (found.problem_count > 0 || found.records == manifest.TotalRecords()) return;
  verification->Problem("the manifest counts " + std::to_string(manifest.TotalRecords()) +
                        " records, and there are " + std::to_string(found.records));
}

}  // namespace

int RunVerify(const Config& config) {
  Layout layout = LayOut(config);
  std::vector<Part> parts;
  std::vector<std::optional<std::string>> marks(1);
  for (size_t i = 0; i < layout.directories.size(); ++i) {
    const std::string directory = layout.directories[i];
    auto opened = store::Verifier::Open(directory);
    if (!opened.ok()) return Refuse(opened.error());
    parts.push_back({directory, std::move(opened).value(), {}});
    if (i == 0) {
      UseShardsThere(&layout, parts[0].verifier->shards());
      const Result<std::vector<AddedShard>> added = ReadAddedShards(layout.directories[0]);
      if (!added.ok()) return Refuse(added.error());
      auto extended = Extend(&layout, added.value());
      if (!extended.ok()) return Refuse(extended.error());
      marks = std::move(extended).value();
    }
    const Result<Ok> right = CheckMark(*parts[i].verifier, directory, marks[i]);
    if (!right.ok()) return Refuse(right.error());
  }
  for (uint32_t i = 0; i < layout.places.size(); ++i) {
    parts[layout.places[i].database].shards.push_back(i);
  }
  Verification verification;
  for (const Part& part : parts) {
    if (part.shards.size() == part.verifier->shards()) continue;
    return Refuse({ErrorCode::kInvalid, part.name + " holds " +
                                            std::to_string(part.verifier->shards()) +
                                            " shards, and the configuration names " +
                                            std::to_string(part.shards.size()) + " for it"});
  }
  verification.CheckMap(parts);
  verification.CheckNodes(parts.front());
  for (Part& part : parts) verification.CheckPart(part);
  return Conclude(verification.report(),
                  "keep this directory, check the device, and restore the last backup that "
                  "verifies into a new one");
}

int RunVerifyBackup(const std::string& directory) {
  const Result<Manifest> manifest = backup::OpenBackup(directory);
  if (!manifest.ok()) return Refuse(manifest.error());
  Verification verification;
  CheckSums(directory, manifest.value(), &verification);
  std::vector<Part> parts;
  for (size_t i = 0; i < manifest.value().databases.size(); ++i) {
    const std::string folder = backup::DatabaseFolder(i);
    auto opened = store::Verifier::OpenCheckpoint(std::filesystem::path(directory) / folder,
                                                  manifest.value().databases[i].shards);
    if (!opened.ok()) {
      verification.Problem(opened.error().message);
      return Conclude(verification.report(), "use another backup");
    }
    parts.push_back({folder, std::move(opened).value(), {}});
  }
  for (uint32_t i = 0; i < manifest.value().shards.size(); ++i) {
    parts[manifest.value().shards[i].database].shards.push_back(i);
  }
  verification.CheckMap(parts);
  verification.CheckNodes(parts.front());
  for (Part& part : parts) verification.CheckPart(part);
  CheckCounts(manifest.value(), &verification);
  return Conclude(verification.report(), "use another backup");
}

}  // namespace weir::cmd
