// Workload: what clients ask, drawn at random: every command of the table, on few keys, so that
// everything meets everything.
//
// Threads: single-owner.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "sim/limit_workload.h"
#include "sim/model.h"
#include "sim/op.h"
#include "sim/plan.h"

#include "weir/base/random.h"

namespace weir::sim {

// One command on the wire. A transaction is several requests of one operation.
struct Request {
  Words words;
  Op* op = nullptr;
  bool last = true;  // The one whose reply is the operation's.
};

class Workload {
 public:
  // `database_of`: where the node keeps a key.
  Workload(const Plan& plan, std::function<uint32_t(const std::string&)> database_of);

  // All keys that are ever named; the cells of the model.
  const std::vector<std::string>& keys() const { return keys_; }
  // Where the first process keeps them.
  const std::vector<uint32_t>& databases() const { return databases_; }
  bool is_crowd(uint32_t cell) const { return cell >= general_ && cell < first_register_; }
  // The last ones are registers: they are read, and written with values of their own, only.
  bool is_register(uint32_t cell) const { return cell >= first_register_; }

  // What a client does next: one operation, as the requests that make it.
  struct Next {
    Op op;
    std::vector<Words> requests;
  };
  Next Draw(bool watching);
  // One command as an operation.
  Op OpOf(const Words& words) const;

  LimitWorkload& limits() { return limits_; }

 private:
  using Make = Words (Workload::*)();
  struct Choice {
    uint64_t weight;
    Make make;
  };

  Words Read();
  Words TellExpiry();
  Words Store();
  Words Change();
  Words Count();
  Words Window(const std::string& key);
  Words Many();
  Words Expire();
  Words Move();
  Words Bits();
  Words Clear();
  Words Register();
  Words Crowd();
  Words Other();
  bool MayBeStep(const Words& words) const;
  Words AnyModelled();
  static Next Unmodelled(Words words);
  Next Transaction();
  Next Watch();

  std::string Key();
  std::string Shard();
  std::string KeyOf(uint32_t database);
  std::string Value();
  std::string Ms();
  std::string WhenMs();
  uint64_t Below(uint64_t bound) { return random_.Below(bound); }
  Step StepOf(const Words& words) const;
  uint32_t CellOf(const std::string& key) const;
  uint32_t DatabaseOf(size_t cell) const;
  std::vector<uint32_t> GroupsOf(const std::vector<uint32_t>& cells) const;

  const Plan& plan_;
  Random random_;
  Random getx_;  // Of its own, so that it changes no other draw.
  LimitWorkload limits_;
  std::vector<std::string> keys_;
  std::unordered_map<std::string, uint32_t> cells_;
  std::function<uint32_t(const std::string&)> database_of_;
  std::vector<uint32_t> databases_;
  size_t general_ = 0;  // Keys for everything.
  uint32_t first_register_ = 0;
  uint64_t values_ = 0;
  std::function<int64_t()> now_ms_;
  std::function<std::string()> range_;
  std::optional<uint32_t> within_;  // Keys are of this database.

 public:
  // For times that a command names.
  void SetClock(std::function<int64_t()> now_ms) { now_ms_ = std::move(now_ms); }
  // For commands that name a range by where it begins.
  void SetRanges(std::function<std::string()> range) { range_ = std::move(range); }
};

// Commands that the model does not know, some of them wrong, as they are typed.
const std::vector<Words>& OtherCommands();

}  // namespace weir::sim
