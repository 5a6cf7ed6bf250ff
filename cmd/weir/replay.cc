#include "cmd/weir/replay.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <memory>
#include <unordered_map>

#include "cmd/weir/progress.h"
#include "cmd/weir/replay_curve.h"
#include "cmd/weir/replay_policies.h"
#include "cmd/weir/replay_trace.h"

#include "weir/base/key_hash.h"
#include "weir/cache/cache.h"

namespace weir::cmd {
namespace {

constexpr WallTime kNow{1};
constexpr uint64_t kHashSeed = 1;
constexpr size_t kCurveBytes = size_t{1} << 20;
constexpr int kFailure = 1;
constexpr int kUsage = 2;

// Values of every size, which entries may share.
class ValuesOfSize {
 public:
  const cache::Value& At(uint64_t size) {
    cache::Value& value = values_[size];
    if (value.bytes.size() != size) {
      char* data = nullptr;
      value.bytes = Bytes::Allocate(size, &data);
    }
    return value;
  }

 private:
  std::unordered_map<uint64_t, cache::Value> values_;
};

// The server's cache under a trace. A key is its number, so that all entries of one size cost the
// same. With sizes, an entry's whole cost is as near to the size in the trace as it can be.
class AutoPolicy : public ReferencePolicy {
 public:
  AutoPolicy(uint64_t capacity, const ReplayArguments& arguments)
      : sized_(arguments.bytes != 0), cache_(OptionsOf(capacity, arguments)) {}

  uint64_t size() const override { return cache_.bytes(); }
  bool Access(uint32_t key, uint64_t size) override {
    std::array<char, sizeof(uint64_t)> name{};
    std::memcpy(name.data(), &key, sizeof(key));
    const std::string_view text(name.data(), name.size());
    const uint64_t hash = SeededHash(text, kHashSeed);
    if (cache_.Find(text, hash, kNow).has_value()) return true;
    cache_.Put(text, hash, values_.At(sized_ ? ValueBytes(size) : 0), kNever, kNow);
    return false;
  }
  const cache::Cache& cache() const { return cache_; }

 private:
  static cache::Cache::Options OptionsOf(uint64_t capacity, const ReplayArguments& arguments) {
    cache::Cache::Options options;
    options.budget_bytes = arguments.bytes != 0 ? capacity : capacity * CostOf(0);
    options.hash_seed = kHashSeed;
    options.objective = arguments.objective == "bytes" ? cache::Cache::Objective::kBytes
                                                       : cache::Cache::Objective::kHits;
    options.curve_bytes = arguments.curve_file.empty() ? 0 : kCurveBytes;
    options.history = cache::Cache::History::kBesideBudget;
    return options;
  }
  static uint64_t CostOf(uint64_t value_bytes) {
    ValuesOfSize values;
    return cache::Cache::Cost(sizeof(uint64_t), &values.At(value_bytes));
  }
  // The value whose entry costs what is nearest to `size`.
  uint64_t ValueBytes(uint64_t size) {
    const auto [known, fresh] = value_bytes_.try_emplace(size, 0);
    if (!fresh) return known->second;
    uint64_t low = 0;  // The largest that costs no more than `size`.
    uint64_t high = size;
    while (low < high) {
      const uint64_t middle = low + (high - low + 1) / 2;
      (CostOf(middle) <= size ? low : high) = CostOf(middle) <= size ? middle : middle - 1;
    }
    const bool next_is_nearer = CostOf(low) < size && CostOf(low + 1) - size < size - CostOf(low);
    return known->second = next_is_nearer ? low + 1 : low;
  }

  bool sized_;
  ValuesOfSize values_;
  std::unordered_map<uint64_t, uint64_t> value_bytes_;
  cache::Cache cache_;
};

struct Run {
  uint64_t capacity = 0;
  std::unique_ptr<ReferencePolicy> policy;
  uint64_t hits = 0;
  uint64_t hit_bytes = 0;
};

// The trace's name in the rows: its file's, without folder and endings.
std::string TraceName(const std::string& file) {
  std::string name = file.substr(file.rfind('/') + 1);
  for (const std::string_view ending : {".zst", ".txt", ".csv", ".trace"}) {
    if (name.ends_with(ending)) name.resize(name.size() - ending.size());
  }
  return name;
}

double Percent(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

std::unique_ptr<ReferencePolicy> MakePolicy(const ReplayArguments& arguments, uint64_t capacity) {
  if (arguments.policy != "auto") return MakeReferencePolicy(arguments.policy, capacity);
  return std::make_unique<AutoPolicy>(capacity, arguments);
}

// A curve wants more than one point: around a single capacity, from an eighth to eight times.
std::vector<uint64_t> CapacitiesOf(const ReplayArguments& arguments) {
  std::vector<uint64_t> asked = arguments.entries;
  if (arguments.bytes != 0) asked = {arguments.bytes};
  if (arguments.curve_file.empty() || asked.size() > 1) return asked;
  std::vector<uint64_t> around;
  for (uint64_t eighths = 1; eighths <= 64; eighths *= 2) {
    around.push_back(std::max<uint64_t>(1, asked[0] * eighths / 8));
  }
  return around;
}

void Explain(const std::vector<Run>& runs) {
  for (const Run& run : runs) {
    const auto* policy = dynamic_cast<const AutoPolicy*>(run.policy.get());
    if (policy == nullptr) continue;
    const cache::Shadows::Report report = policy->cache().shadows();
    std::fprintf(stderr, "auto at %llu acts as %.*s after %llu changes; of %llu sampled look-ups",
                 static_cast<unsigned long long>(run.capacity),
                 static_cast<int>(policy->cache().policy().size()), policy->cache().policy().data(),
                 static_cast<unsigned long long>(report.changes),
                 static_cast<unsigned long long>(report.lookups));
    for (size_t way = 0; way < report.hits.size(); ++way) {
      std::fprintf(stderr, " %.*s %.2f %%", static_cast<int>(cache::kBehaviours[way].name.size()),
                   cache::kBehaviours[way].name.data(), Percent(report.hits[way], report.lookups));
    }
    std::fputs("\n", stderr);
  }
}

// The estimate of the cache at the first capacity that was asked for.
std::vector<CurvePoint> EstimateOf(const ReplayArguments& arguments, const std::vector<Run>& runs) {
  const uint64_t asked = arguments.bytes != 0 ? arguments.bytes : arguments.entries[0];
  std::vector<CurvePoint> points;
  for (const Run& run : runs) {
    const auto* policy = dynamic_cast<const AutoPolicy*>(run.policy.get());
    if (policy == nullptr || run.capacity != asked) continue;
    const cache::MissRatioCurve::Counts& counts = policy->cache().curve()->counts();
    for (size_t p = 0; p < cache::MissRatioCurve::kPoints; ++p) {
      const double scale = cache::MissRatioCurve::ScaleOf(p);
      points.push_back(
          {std::max<uint64_t>(1, static_cast<uint64_t>(scale * static_cast<double>(asked))),
           100 * (1 - cache::MissRatioCurve::MissRatio(counts, scale))});
    }
  }
  return points;
}

struct Totals {
  uint64_t requests = 0;
  uint64_t bytes = 0;
};

// Returns nullopt after saying what is wrong with the trace.
std::optional<Totals> ReplayTrace(const ReplayArguments& arguments, std::vector<Run>& runs) {
  const Result<std::unique_ptr<TraceReader>> opened = TraceReader::Open(arguments.trace);
  if (!opened.ok()) {
    std::fprintf(stderr, "weir: %s\n", opened.error().message.c_str());
    return std::nullopt;
  }
  TraceReader& reader = *opened.value();
  Totals totals;
  TraceReader::Request request;
  ProgressLine progress;
  while (true) {
    const Result<bool> more = reader.Next(request);
    if (!more.ok()) {
      std::fprintf(stderr, "weir: %s\n", more.error().message.c_str());
      return std::nullopt;
    }
    if (!more.value()) return totals;
    ++totals.requests;
    totals.bytes += request.size;
    const uint64_t size = arguments.bytes == 0 ? 1 : request.size;
    for (Run& run : runs) {
      if (size > run.capacity || !run.policy->Access(request.key, size)) continue;
      ++run.hits;
      run.hit_bytes += request.size;
    }
    if (totals.requests % 65536 == 0) {
      progress.Show(reader.bytes_total() == 0
                        ? std::to_string(totals.requests) + " requests"
                        : ProgressLine::Bytes(reader.bytes_read(), reader.bytes_total()));
    }
  }
}

}  // namespace

std::vector<std::string> ReplayPolicies() {
  std::vector<std::string> names = {"auto"};
  for (const std::string_view name : ReferencePolicyNames()) names.emplace_back(name);
  return names;
}

int RunReplay(const ReplayArguments& arguments) {
  const bool zero =
      std::find(arguments.entries.begin(), arguments.entries.end(), 0U) != arguments.entries.end();
  if (arguments.entries.empty() == (arguments.bytes == 0) || zero) {
    std::fputs("weir: give either --entries N[,N...] or --bytes N, above 0\n", stderr);
    return kUsage;
  }
  std::vector<Run> runs;
  for (const uint64_t capacity : CapacitiesOf(arguments)) {
    runs.push_back({capacity, MakePolicy(arguments, capacity), 0, 0});
  }
  const std::optional<Totals> totals = ReplayTrace(arguments, runs);
  if (!totals) return kFailure;
  Explain(runs);
  std::puts("trace,capacity,policy,hit_ratio,byte_hit_ratio");
  std::vector<CurvePoint> points;
  for (const Run& run : runs) {
    const double hits = Percent(run.hits, totals->requests);
    points.push_back({run.capacity, hits});
    const bool asked = arguments.bytes == run.capacity ||
                       std::find(arguments.entries.begin(), arguments.entries.end(),
                                 run.capacity) != arguments.entries.end();
    if (!asked) continue;
    std::printf("%s,%llu,%s,%.2f,%.2f\n", TraceName(arguments.trace).c_str(),
                static_cast<unsigned long long>(run.capacity), arguments.policy.c_str(), hits,
                Percent(run.hit_bytes, totals->bytes));
  }
  if (arguments.curve_file.empty()) return 0;
  const std::string unit = arguments.bytes == 0 ? "entries" : "bytes";
  const Curve curve{TraceName(arguments.trace), unit, points, EstimateOf(arguments, runs)};
  if (WriteCurve(arguments.curve_file, curve)) return 0;
  std::fprintf(stderr, "weir: %s: cannot be written\n", arguments.curve_file.c_str());
  return kFailure;
}

}  // namespace weir::cmd
