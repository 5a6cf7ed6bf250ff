#include <utility>
#include <vector>

#include "cmd/weir/declare.h"

#include "weir/limit/policy.h"

namespace weir::cmd {

void DeclareLimits(std::vector<Option>& table) {
  const auto add = [&table](Option option) { table.push_back(std::move(option)); };
  add(Declare(&LimitConfig::name,
              {.key = "name",
               .doc = "Name in the `THROTTLED` reply and in metrics: 1 to 64 letters, digits and "
                      "`_ . : / -`, used once.",
               .required = true}));
  add(Declare(&LimitConfig::client, {.key = "client",
                                     .doc = "Only clients whose address is in this network.",
                                     .default_words = "all clients"}));
  add(Declare(&LimitConfig::user,
              {.key = "user", .doc = "Only the user of this name.", .default_words = "all users"}));
  add(Declare(&LimitConfig::key_prefix, {.key = "key_prefix",
                                         .doc = "Only commands on keys that begin so.",
                                         .default_words = "all keys"}));
  add(Declare(&LimitConfig::commands,
              {.key = "commands",
               .doc = "Only commands of this class; of none, it is for those who ask by its name: "
                      "`LIMIT.CHECK KEY POLICY name`."}));
  add(Declare(&LimitConfig::per,
              {.key = "per",
               .doc = "What has a bucket of its own: each client address (`client`), each key "
                      "(`key`), each user (`user`), all that matches together (`all`); or each "
                      "text that a template makes, such as `{user}/{key.1}`, of `{client}`, "
                      "`{user}`, `{key}` and the parts of the key between colons, `{key.1}` to "
                      "`{key.9}`."}));
  add(Declare(&LimitConfig::unit,
              {.key = "unit",
               .doc = "What is counted: requests; bytes of keys and values; or the milliseconds "
                      "that databases work for them, which are taken when a request has been "
                      "answered."}));
  add(Declare(&LimitConfig::rate, {.key = "rate",
                                   .doc = "What may pass in the long run.",
                                   .most = Rate{.amount = {uint64_t{1} << 40, true}},
                                   .required = true}));
  add(Declare(&LimitConfig::burst, {.key = "burst",
                                    .doc = "What may pass at once after a pause.",
                                    .least = Amount{1},
                                    .most = Amount{uint64_t{1} << 40, true},
                                    .default_words = "what the rate gives in one period"}));
  add(Declare(&LimitConfig::rates, {.key = "rates",
                                    .doc = "Further rates, such as an hour's and a day's beside a "
                                           "second's; what passes is charged to all of them. "
                                           "`LIMIT.POLICY SET` takes them with commas between.",
                                    .most = Rate{.amount = {uint64_t{1} << 40, true}}}));
  add(Declare(&LimitConfig::cost,
              {.key = "cost",
               .doc = "What a request takes from its bucket, where requests are counted.",
               .least = 1,
               .most = 1'000'000'000}));
  add(Declare(&LimitConfig::enforced,
              {.key = "enforced",
               .doc = "Of a hundred buckets so many refuse; in the others what is over the limit "
                      "passes and is counted. 0: all are in shadow.",
               .least = 0,
               .most = 100}));
  add(Declare(&LimitConfig::delay,
              {.key = "delay",
               .doc = "What is over the limit waits so long for its tokens before it is refused. "
                      "0: it is refused at once.",
               .least = Duration(0),
               .most = Duration(limit::kDelayMax)}));
}

}  // namespace weir::cmd
