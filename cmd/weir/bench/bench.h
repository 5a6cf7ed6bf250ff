// The command `weir bench`: loads a server that speaks Redis, and tells how it did.
#pragma once

#include <cstdint>
#include <string>

#include <CLI/App.hpp>

namespace weir::cmd {

struct BenchArguments {
  std::string server = "127.0.0.1:6390";
  std::string user;           // Empty: `default`, if there is a password.
  std::string password_file;  // Empty: none; "-": standard input.
  std::string mix = "get:9,set:1";
  std::string key_prefix = "key:";
  uint64_t keys = 100'000;
  std::string distribution = "uniform";
  double zipf_exponent = 0.99;
  double hot_keys = 0.01;
  double hot_requests = 0.9;
  uint64_t value_bytes = 100;
  bool fill = false;
  uint32_t connections = 50;
  uint32_t pipeline = 1;
  uint32_t threads = 1;
  double rate = 0;
  std::string arrivals = "even";
  double seconds = 10;
  double warmup = 0;
  uint64_t requests = 0;
  double deadline_ms = 0;
  uint64_t seed = 1;
  bool json = false;
};

// Adds `bench` with all its options. Borrows `arguments`.
void DeclareBench(CLI::App& app, BenchArguments& arguments);

// Returns the exit code: 0 when the load was sent, 1 when it could not be or connections were lost,
// 2 for wrong arguments.
int RunBench(const BenchArguments& arguments);

}  // namespace weir::cmd
