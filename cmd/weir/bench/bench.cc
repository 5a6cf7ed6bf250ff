#include "cmd/weir/bench/bench.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "cmd/weir/bench/load_thread.h"
#include "cmd/weir/bench/report.h"
#include "cmd/weir/progress.h"
#include "cmd/weir/server_session.h"
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace weir::cmd {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kPollPause{20};
constexpr double kSilence = 0.5;  // Seconds of no progress shown.
constexpr uint32_t kFillPipeline = 32;
constexpr std::chrono::hours kFillMost{24};

volatile std::sig_atomic_t interrupted = 0;

void Complain(const std::string& text) {
  std::fprintf(stderr, "weir: %s\n", text.c_str());
}

std::chrono::nanoseconds Nanoseconds(double seconds) {
  return std::chrono::nanoseconds(static_cast<int64_t>(seconds * 1e9));
}

// Letters and digits that do not compress, the same for a seed.
std::string MakeData(uint64_t bytes, uint64_t seed) {
  constexpr std::string_view kLetters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
  Random random(seed);
  std::string data(bytes, ' ');
  for (char& c : data) c = kLetters[random.Below(kLetters.size())];
  return data;
}

KeyNumbers::Spec KeysOf(const BenchArguments& arguments) {
  KeyNumbers::Spec keys;
  keys.kind = arguments.distribution == "zipf"       ? KeyNumbers::Kind::kZipf
              : arguments.distribution == "hot-spot" ? KeyNumbers::Kind::kHotSpot
              : arguments.distribution == "uniform"  ? KeyNumbers::Kind::kUniform
                                                     : KeyNumbers::Kind::kSequential;
  keys.count = arguments.keys;
  keys.zipf_exponent = arguments.zipf_exponent;
  keys.hot_keys_share = arguments.hot_keys;
  keys.hot_requests_share = arguments.hot_requests;
  return keys;
}

Result<LoadPlan> PlanOf(const BenchArguments& arguments, const std::string& data) {
  LoadPlan plan;
  auto address = net::ParseAddress(arguments.server);
  if (!address.ok()) return address.error();
  plan.server = address.value();
  if (!arguments.password_file.empty()) {
    const Result<std::string> password = ReadPasswordFile(arguments.password_file);
    if (!password.ok()) return password.error();
    plan.authentication = {"AUTH"};
    if (!arguments.user.empty()) plan.authentication.push_back(arguments.user);
    plan.authentication.push_back(password.value());
  } else if (!arguments.user.empty()) {
    return Error{ErrorCode::kInvalid, "--user needs --password-file"};
  }
  auto mix = ParseMix(arguments.mix, arguments.key_prefix, data);
  if (!mix.ok()) return mix.error();
  plan.mix = std::move(mix).value();
  plan.keys = KeysOf(arguments);
  plan.connections = arguments.connections;
  plan.threads = std::min(arguments.threads, arguments.connections);
  plan.pipeline = arguments.pipeline;
  plan.rate = arguments.rate;
  plan.arrivals =
      arguments.arrivals == "poisson" ? Schedule::Arrivals::kPoisson : Schedule::Arrivals::kEven;
  plan.warmup = Nanoseconds(arguments.warmup);
  plan.duration = Nanoseconds(arguments.seconds);
  plan.requests_max = arguments.requests;
  plan.deadline = Nanoseconds(arguments.deadline_ms / 1000);
  plan.seed = arguments.seed;
  return plan;
}

// SETs every key once.
LoadPlan FillOf(const LoadPlan& plan, const BenchArguments& arguments, const std::string& data) {
  LoadPlan fill = plan;
  fill.mix = ParseMix("set", arguments.key_prefix, data).value();
  fill.keys.kind = KeyNumbers::Kind::kSequential;
  fill.pipeline = std::max(plan.pipeline, kFillPipeline);
  fill.rate = 0;
  fill.warmup = {};
  fill.duration = kFillMost;
  fill.requests_max = plan.keys.count;
  return fill;
}

struct Measured {
  LoadOutcome outcome;
  double seconds = 0;
};

using Threads = std::vector<std::unique_ptr<LoadThread>>;

void ShowUntilEnd(const char* label, const Threads& threads, const std::atomic<size_t>& ended) {
  ProgressLine progress;
  const auto begin = Clock::now();
  while (ended < threads.size()) {
    if (interrupted != 0) {
      for (const auto& thread : threads) thread->Stop();
    }
    LoadThread::Progress sum{0, 0};
    for (const auto& thread : threads) {
      sum.answers += thread->progress().answers;
      sum.errors += thread->progress().errors;
    }
    const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    progress.Show(
        fmt::format("{}: {:.1f} s, {} answers, {:.0f}/s, {} errors", label, seconds, sum.answers,
                    static_cast<double>(sum.answers) / std::max(seconds, 0.001), sum.errors));
    std::this_thread::sleep_for(kPollPause);
  }
}

Result<Measured> Load(const LoadPlan& plan, const char* label) {
  Threads threads;
  for (uint32_t i = 0; i < plan.threads; ++i) {
    threads.push_back(std::make_unique<LoadThread>(plan, i));
    if (auto connected = threads.back()->Connect(); !connected.ok()) return connected.error();
  }
  const Clock::time_point begin = Clock::now();
  std::atomic<size_t> ended{0};
  std::vector<std::thread> running;
  for (const auto& thread : threads) {
    running.emplace_back([&ended, begin, load = thread.get()] {
      load->Run(begin);
      ++ended;
    });
  }
  ShowUntilEnd(label, threads, ended);
  for (std::thread& thread : running) thread.join();
  const auto measured =
      std::min<Clock::duration>(Clock::now() - begin - plan.warmup, plan.duration);
  Measured result;
  result.seconds = std::max(std::chrono::duration<double>(measured).count(), 1e-6);
  for (const auto& thread : threads) result.outcome.Merge(thread->TakeOutcome());
  return result;
}

// Takes numbers from `min` to `max`, and says so.
template <typename T>
void Within(CLI::Option* option, T min, T max) {
  option->check(CLI::Range(min, max).description(""))->type_name("N");
  option->description(option->get_description() + fmt::format(" From {} to {}.", min, max));
}

void OneOf(CLI::Option* option, const std::vector<std::string>& words) {
  option->check(CLI::IsMember(words).description(""))
      ->type_name(fmt::format("{}", fmt::join(words, "|")));
}

void DeclareLoad(CLI::App& bench, BenchArguments& arguments) {
  Within(bench.add_option("--connections", arguments.connections, "Connections, of all threads."),
         1, 100'000);
  Within(bench.add_option("--pipeline", arguments.pipeline, "Requests under way on a connection."),
         1, 10'000);
  Within(bench.add_option("--threads", arguments.threads, "Threads that send."), 1, 64);
  Within(bench.add_option(
             "--rate", arguments.rate,
             "Requests a second, whatever the server does (open loop); 0: each connection "
             "sends when it is answered (closed loop)."),
         0.0, 1e9);
  OneOf(
      bench.add_option("--arrivals", arguments.arrivals,
                       "How requests of an open loop are spaced: even, or poisson as those of many "
                       "independent users."),
      {"even", "poisson"});
  Within(bench.add_option("--seconds", arguments.seconds, "How long, after the warm-up."), 0.01,
         1e6);
  Within(bench.add_option("--warmup", arguments.warmup, "Seconds before, which are not counted."),
         0.0, 1e6);
  bench.add_option("--requests", arguments.requests, "End after so many; 0: no bound.")
      ->type_name("N");
  Within(bench.add_option("--deadline-ms", arguments.deadline_ms,
                          "Answers that take longer are counted as late; 0: none are."),
         0.0, 1e6);
  bench.add_option("--seed", arguments.seed, "The same seed sends the same keys.")->type_name("N");
  bench.add_flag("--json", arguments.json, "Print one JSON object, as docs/bench.md tells.");
}

}  // namespace

void DeclareBench(CLI::App& app, BenchArguments& arguments) {
  CLI::App* bench =
      app.add_subcommand("bench", "Load any server that speaks Redis and measure it.");
  bench->option_defaults()->always_capture_default()->multi_option_policy(
      CLI::MultiOptionPolicy::TakeLast);
  bench->add_option("--server", arguments.server, "Where it listens.")->type_name("ADDR:PORT");
  bench->add_option("--user", arguments.user, "Whom to authenticate as.")->type_name("NAME");
  bench
      ->add_option("--password-file", arguments.password_file,
                   "Its first line is the password; - for standard input.")
      ->type_name("FILE");
  bench
      ->add_option("--mix", arguments.mix,
                   "What is sent: get, set, setex, incr, del, exists, mget, mset, ping, or whole "
                   "commands with __key__ and __data__ in them; each with its weight.")
      ->type_name("WORDS");
  Within(bench->add_option("--keys", arguments.keys, "How many keys there are."), uint64_t{1},
         RequestTemplate::kKeysMax);
  bench->add_option("--key-prefix", arguments.key_prefix, "What keys begin with.")
      ->type_name("PREFIX");
  OneOf(bench->add_option("--distribution", arguments.distribution, "Which keys are asked for."),
        {"uniform", "zipf", "hot-spot", "sequential"});
  Within(bench->add_option("--zipf-exponent", arguments.zipf_exponent, "Of zipf."), 0.01, 10.0);
  Within(bench->add_option("--hot-keys", arguments.hot_keys, "Of hot-spot: the share of the keys."),
         0.0, 1.0);
  Within(bench->add_option("--hot-requests", arguments.hot_requests,
                           "Of hot-spot: the share of the requests that goes to them."),
         0.0, 1.0);
  Within(bench->add_option("--value-bytes", arguments.value_bytes, "How long __data__ is."),
         uint64_t{0}, uint64_t{64} << 20);
  bench->add_flag("--fill", arguments.fill, "SET every key once before.");
  DeclareLoad(*bench, arguments);
}

int RunBench(const BenchArguments& arguments) {
  const std::string data = MakeData(arguments.value_bytes, arguments.seed);
  const Result<LoadPlan> plan = PlanOf(arguments, data);
  if (!plan.ok()) {
    Complain(plan.error().message);
    return 2;
  }
  std::signal(SIGINT, [](int) { interrupted = 1; });
  std::signal(SIGTERM, [](int) { interrupted = 1; });
  if (arguments.fill) {
    const LoadPlan fill = FillOf(plan.value(), arguments, data);
    const Result<Measured> filled = Load(fill, "fill");
    if (!filled.ok() || filled.value().outcome.connections_lost > 0) {
      Complain(filled.ok() ? filled.value().outcome.broken : filled.error().message);
      return 1;
    }
    if (interrupted != 0) return 1;
  }
  const Result<Measured> measured = Load(plan.value(), "bench");
  if (!measured.ok()) {
    Complain(measured.error().message);
    return 1;
  }
  const auto& [outcome, seconds] = measured.value();
  const std::string report = arguments.json ? ReportJson(plan.value(), outcome, seconds)
                                            : ReportTable(plan.value(), outcome, seconds);
  std::fputs(report.c_str(), stdout);
  return outcome.connections_lost > 0 ? 1 : 0;
}

}  // namespace weir::cmd
