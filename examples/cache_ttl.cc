// A cache with a TTL of 3600 s in front of a database, read and written through: the database is
// asked once for each key and hour, for a key that does not exist too, and never shows old values.

#include <chrono>
#include <cstdio>
#include <map>
#include <string>

#include "weir/cache/through.h"

namespace {

using weir::Result, weir::WallTime;
using Value = std::optional<std::string>;

int wrong = 0;

void Expect(const char* what, const Result<Value>& got, const Value& value, const int& reads,
            int expected) {
  const bool right = got.ok() && got.value() == value && reads == expected;
  wrong += right ? 0 : 1;
  std::printf("%-36s %-10s database reads %d%s\n", what,
              got.ok() ? got.value().value_or("(nothing)").c_str() : "(error)", reads,
              right ? "" : "  WRONG");
}

}  // namespace

int main() {
  std::map<std::string, std::string> database = {{"user:1", "Ada"}, {"user:2", ""}};
  int reads = 0;
  weir::cache::ThroughCache cache(
      {.ttl = std::chrono::seconds(3600), .negative_ttl = std::chrono::seconds(5)},
      [&](std::string_view key) -> Result<Value> {
        ++reads;
        const auto row = database.find(std::string(key));
        return row == database.end() ? Value() : Value(row->second);
      },
      [&](std::string_view key, const Value& value) -> Result<weir::Ok> {
        database.erase(std::string(key));
        if (value.has_value()) database.emplace(key, *value);
        return weir::Ok{};
      });

  const WallTime start{1'700'000'000'000};
  const auto after = [&](int64_t seconds) { return WallTime{start.ms + seconds * 1000}; };
  Expect("first read", cache.Get("user:1", after(0)), "Ada", reads, 1);
  Expect("again within the hour", cache.Get("user:1", after(3599)), "Ada", reads, 1);
  Expect("an hour later", cache.Get("user:1", after(3600)), "Ada", reads, 2);
  Expect("an empty value", cache.Get("user:2", after(0)), "", reads, 3);
  Expect("is kept too", cache.Get("user:2", after(1)), "", reads, 3);
  Expect("a key that is not there", cache.Get("user:9", after(0)), Value(), reads, 4);
  Expect("its absence is kept", cache.Get("user:9", after(4)), Value(), reads, 4);
  if (!cache.Put("user:9", "Grace", after(4)).ok()) ++wrong;
  Expect("a write shows at once", cache.Get("user:9", after(4)), "Grace", reads, 4);
  if (!cache.Put("user:9", std::nullopt, after(5)).ok()) ++wrong;
  Expect("and so does a removal", cache.Get("user:9", after(5)), Value(), reads, 4);
  return wrong == 0 ? 0 : 1;
}
