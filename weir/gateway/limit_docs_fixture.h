// LimitDocsFixture: a gateway with some policies, to whom what is told of the commands about limits
// is put (commands/limit_docs.h).
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "weir/gateway/command_docs.h"
#include "weir/gateway/limit_waits_fixture.h"

namespace weir::gateway {

inline Words Joint(const Words& a, const Words& b) {
  Words joint = a;
  joint.insert(joint.end(), b.begin(), b.end());
  return joint;
}

inline Words NameOf(const CommandSpec& spec) {
  const std::string name(spec.name);
  const size_t bar = name.find('|');
  if (bar == std::string::npos) return {name};
  return {name.substr(0, bar), name.substr(bar + 1)};
}

inline void ForEachTold(auto visit) {
  for (const CommandSpec& spec : AllCommands()) {
    if (spec.docs != nullptr) visit(spec);
  }
}

class LimitDocsFixture : public LimitWaitsFixture {
 protected:
  explicit LimitDocsFixture(std::vector<users::User> users)
      : LimitWaitsFixture(Options(std::move(users))) {}

  static std::vector<limit::Policy> Policies() {
    const limit::Policy three{.name = "three",
                              .per = limit::Per::kKey,
                              .rate = {9, std::chrono::seconds(1), 9},
                              .only_named = true};
    std::vector<limit::Policy> policies = {
        {.name = "named",
         .per = limit::Per::kKey,
         .rate = {9, std::chrono::seconds(1), 9},
         .only_named = true},
        {.name = "clients",
         .per = limit::Per::kClient,
         .rate = {9, std::chrono::seconds(1), 9},
         .only_named = true},
        // It lets them all pass themselves.
        {.name = "owned",
         .key_prefix = "user:",
         .per = limit::Per::kKey,
         .rate = {1'000'000, std::chrono::seconds(1), 1'000'000}},
        {.name = "time",
         .key_prefix = "t:",
         .unit = limit::Unit::kDatabaseTime,
         .rate = {9, std::chrono::seconds(1), 9}},
        {.name = "long", .user = std::string(25, 'u'), .rate = {9, std::chrono::seconds(1), 9}}};
    for (size_t window = 0; window < 3; ++window) {
      policies.push_back(three);
      policies.back().window = window;
    }
    return policies;
  }
  static GatewayRig::Options Options(std::vector<users::User> users) {
    GatewayRig::Options options;
    options.policies = Policies();
    options.users = std::move(users);
    options.describe = [](ProcessInfo& process) {
      process.parameters = [] {
        return std::make_shared<const Parameters>(
            Parameters{{"limit.named.rate", "9/s"}, {"limit.owned.rate", "9/s"}});
      };
      process.set_policy = [](const auto&, const auto&) { return Result<Ok>(Ok()); };
      process.delete_policy = [](const auto&) { return Result<bool>(true); };
      process.make_policy = [](const auto&, const auto&) {
        return Result<std::vector<limit::Policy>>(std::vector<limit::Policy>{Policies()[2]});
      };
    };
    return options;
  }

  resp::Value Ask(const Words& words) {
    rig_.Send(asks_, words);
    rig_.RunAll();
    std::vector<resp::Value> values = rig_.client(asks_).Values();
    EXPECT_EQ(values.size(), 1u) << Shown(words);
    return values.empty() ? resp::Value() : values[0];
  }
  static std::string Shown(const Words& words) {
    std::string text;
    for (const std::string& word : words) text += word.substr(0, 40) + " ";
    return text;
  }

  // The request that a form stands for: its words in angles replaced by what they may be.
  Words RequestOf(const CommandSpec& spec, const Words& form) {
    Words words = Joint(NameOf(spec), form);
    const auto costs = std::count(words.begin(), words.end(), "<cost>");
    std::string key;
    for (std::string& word : words) {
      if (word == "<key>") word = "k" + std::to_string(keys_++);
      if (word.starts_with("k") && key.empty()) key = word;
      if (word == "<reservation>") word = Reserve(key, static_cast<size_t>(costs));
      if (word == "<lease>") {
        word = Ask({"LIMIT.ACQUIRE", key, "MAX", "3", "TTL", "1000"}).items[3].text;
      }
      if (word == "<name>" && spec.name == "limit.whatif") word = "owned";
      if (const auto given = kGiven.find(word); given != kGiven.end()) word = given->second;
    }
    return words;
  }
  std::string Reserve(const std::string& key, size_t limits) {
    Words words = {"LIMIT.RESERVE", key, "RATE", "10/s"};
    for (size_t i = 1; i < limits; ++i) words = Joint(words, {"RATE", "10/s"});
    return Ask(words).items[5].text;
  }

  const std::map<std::string, std::string> kGiven = {{"<count/period>", "10/s"},
                                                     {"<tokens>", "2"},
                                                     {"<name>", "named"},
                                                     {"<milliseconds>", "1000"},
                                                     {"<cost>", "1"},
                                                     {"<places>", "3"},
                                                     {"<user>", "default"},
                                                     {"<address>", "::1"},
                                                     {"<command>", "PING"},
                                                     {"<arg>", "x"},
                                                     {"<parameter>", "rate"},
                                                     {"<value>", "5/s"},
                                                     {"<max_burst>", "5"},
                                                     {"<count>", "10"},
                                                     {"<period>", "60"},
                                                     {"<quantity>", "1"}};
  size_t keys_ = 0;
  size_t asks_ = a_;
};
}  // namespace weir::gateway
