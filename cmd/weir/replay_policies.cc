#include "cmd/weir/replay_policies.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <queue>
#include <set>
#include <utility>

#include "cmd/weir/replay_lists.h"

#include "weir/base/random.h"

namespace weir::cmd {
namespace {

class Lru : public ReferencePolicy {
 public:
  explicit Lru(uint64_t capacity) : capacity_(capacity) {}
  uint64_t size() const override { return list_.size(); }
  bool Access(uint32_t key, uint64_t size) override {
    if (list_.Has(key)) {
      list_.ToFront(key);
      return true;
    }
    nodes_[key].size = size;
    while (list_.size() + size > capacity_) list_.PopBack();
    list_.PushFront(key);
    return false;
  }

 private:
  uint64_t capacity_;
  KeyNodes nodes_;
  KeyList list_{nodes_, 1};
};

// Megiddo, Modha, "ARC", FAST 2003, figure 4.
class Arc : public ReferencePolicy {
 public:
  explicit Arc(uint64_t capacity) : capacity_(capacity) {}
  uint64_t size() const override { return recent_.size() + frequent_.size(); }
  bool Access(uint32_t key, uint64_t size) override {
    if (recent_.Has(key) || frequent_.Has(key)) {
      (recent_.Has(key) ? recent_ : frequent_).Remove(key);
      frequent_.PushFront(key);
      return true;
    }
    const bool in_recent_ghosts = recent_ghosts_.Has(key);
    const bool in_frequent_ghosts = frequent_ghosts_.Has(key);
    if (in_recent_ghosts) {
      target_ = std::min<double>(static_cast<double>(capacity_),
                                 target_ + Step(frequent_ghosts_, recent_ghosts_, size));
      recent_ghosts_.Remove(key);
    } else if (in_frequent_ghosts) {
      target_ = std::max(0.0, target_ - Step(recent_ghosts_, frequent_ghosts_, size));
      frequent_ghosts_.Remove(key);
    }
    nodes_[key].size = size;
    while (this->size() + size > capacity_) Replace(in_frequent_ghosts);
    (in_recent_ghosts || in_frequent_ghosts ? frequent_ : recent_).PushFront(key);
    while (!recent_ghosts_.empty() && recent_.size() + recent_ghosts_.size() > capacity_) {
      recent_ghosts_.PopBack();
    }
    while (!frequent_ghosts_.empty() &&
           this->size() + recent_ghosts_.size() + frequent_ghosts_.size() > 2 * capacity_) {
      frequent_ghosts_.PopBack();
    }
    return false;
  }

 private:
  static double Step(const KeyList& other, const KeyList& own, uint64_t size) {
    return static_cast<double>(size) *
           std::max(1.0, static_cast<double>(other.size()) /
                             static_cast<double>(std::max<uint64_t>(1, own.size() + size)));
  }
  void Replace(bool frequent_ghost) {
    const auto recent = static_cast<double>(recent_.size());
    const bool from_recent =
        !recent_.empty() &&
        (recent > target_ || (frequent_ghost && recent == target_) || frequent_.empty());
    const uint32_t key = (from_recent ? recent_ : frequent_).PopBack();
    (from_recent ? recent_ghosts_ : frequent_ghosts_).PushFront(key);
  }

  uint64_t capacity_;
  double target_ = 0;
  KeyNodes nodes_;
  KeyList recent_{nodes_, 1};
  KeyList frequent_{nodes_, 2};
  KeyList recent_ghosts_{nodes_, 3};
  KeyList frequent_ghosts_{nodes_, 4};
};

// Johnson, Shasha, "2Q", VLDB 1994, the full version: a quarter for new keys, half in ghosts.
class TwoQueues : public ReferencePolicy {
 public:
  explicit TwoQueues(uint64_t capacity) : capacity_(capacity) {}
  uint64_t size() const override { return in_.size() + main_.size(); }
  bool Access(uint32_t key, uint64_t size) override {
    if (main_.Has(key)) {
      main_.ToFront(key);
      return true;
    }
    if (in_.Has(key)) return true;
    const bool ghost = out_.Has(key);
    if (ghost) out_.Remove(key);
    nodes_[key].size = size;
    while (this->size() + size > capacity_) Reclaim(size);
    (ghost ? main_ : in_).PushFront(key);
    return false;
  }

 private:
  void Reclaim(uint64_t incoming) {
    if (!in_.empty() && (in_.size() + incoming > capacity_ / 4 || main_.empty())) {
      out_.PushFront(in_.PopBack());
      while (out_.size() > capacity_ / 2) out_.PopBack();
    } else {
      main_.PopBack();
    }
  }

  uint64_t capacity_;
  KeyNodes nodes_;
  KeyList in_{nodes_, 1};
  KeyList main_{nodes_, 2};
  KeyList out_{nodes_, 3};
};

// Jiang, Zhang, "LIRS", SIGMETRICS 2002. The stack is known by when its entries were last used: an
// entry is in it while it was used after the oldest of the low ones.
class Lirs : public ReferencePolicy {
 public:
  explicit Lirs(uint64_t capacity)
      : capacity_(capacity), low_capacity_(capacity - std::max<uint64_t>(1, capacity / 100)) {}
  uint64_t size() const override { return low_.size() + high_.size(); }
  bool Access(uint32_t key, uint64_t size) override {
    ++now_;
    const uint64_t before = std::exchange(nodes_[key].used_at, now_);
    if (low_.Has(key)) {
      low_.ToFront(key);
      return true;
    }
    const bool in_stack = before != 0 && !low_.empty() && before > nodes_[low_.back()].used_at;
    const bool hit = high_.Has(key);
    if (hit) {
      high_.Remove(key);
    } else {
      if (ghosts_.Has(key)) ghosts_.Remove(key);
      nodes_[key].size = size;
      while (this->size() + size > capacity_) EvictOne();
    }
    const bool filling = low_.size() + size <= low_capacity_;
    (filling || (in_stack && (hit || before != 0)) ? low_ : high_).PushFront(key);
    while (low_.size() > low_capacity_) high_.PushFront(low_.PopBack());
    return hit;
  }

 private:
  void EvictOne() {
    if (high_.empty()) high_.PushFront(low_.PopBack());
    ghosts_.PushFront(high_.PopBack());
    // Only what has not left the ghosts yet is still in the stack.
    while (ghosts_.size() > 2 * capacity_) nodes_[ghosts_.PopBack()].used_at = 0;
  }

  uint64_t capacity_;
  uint64_t low_capacity_;
  uint64_t now_ = 0;
  KeyNodes nodes_;
  KeyList low_{nodes_, 1};
  KeyList high_{nodes_, 2};
  KeyList ghosts_{nodes_, 3};
};

// Yang et al., "FIFO queues are all you need", SOSP 2023, algorithm 1.
class S3Fifo : public ReferencePolicy {
 public:
  explicit S3Fifo(uint64_t capacity) : capacity_(capacity) {}
  uint64_t size() const override { return small_.size() + main_.size(); }
  bool Access(uint32_t key, uint64_t size) override {
    if (small_.Has(key) || main_.Has(key)) {
      nodes_[key].uses = static_cast<uint8_t>(std::min(3, nodes_[key].uses + 1));
      return true;
    }
    const bool ghost = ghosts_.Has(key);
    if (ghost) ghosts_.Remove(key);
    nodes_[key].size = size;
    nodes_[key].uses = 0;
    while (this->size() + size > capacity_) Evict(size);
    (ghost ? main_ : small_).PushFront(key);
    return false;
  }

 private:
  void Evict(uint64_t incoming) {
    if (!small_.empty() && (small_.size() + incoming > capacity_ / 10 || main_.empty())) {
      const uint32_t key = small_.PopBack();
      if (nodes_[key].uses > 1) {
        nodes_[key].uses = 0;
        return main_.PushFront(key);
      }
      ghosts_.PushFront(key);
      while (ghosts_.size() > capacity_ * 9 / 10) ghosts_.PopBack();
      return;
    }
    const uint32_t key = main_.PopBack();
    if (nodes_[key].uses == 0) return;
    --nodes_[key].uses;
    main_.PushFront(key);
  }

  uint64_t capacity_;
  KeyNodes nodes_;
  KeyList small_{nodes_, 1};
  KeyList main_{nodes_, 2};
  KeyList ghosts_{nodes_, 3};
};

// Zhang et al., "SIEVE", NSDI 2024.
class Sieve : public ReferencePolicy {
 public:
  explicit Sieve(uint64_t capacity) : capacity_(capacity) {}
  uint64_t size() const override { return list_.size(); }
  bool Access(uint32_t key, uint64_t size) override {
    if (list_.Has(key)) {
      nodes_[key].uses = 1;
      return true;
    }
    nodes_[key].size = size;
    nodes_[key].uses = 0;
    while (list_.size() + size > capacity_) EvictOne();
    list_.PushFront(key);
    return false;
  }

 private:
  void EvictOne() {
    uint32_t key = hand_ == kNoKey ? list_.back() : hand_;
    while (nodes_[key].uses != 0) {
      nodes_[key].uses = 0;
      key = nodes_[key].prev == kNoKey ? list_.back() : nodes_[key].prev;
    }
    hand_ = nodes_[key].prev;
    list_.Remove(key);
  }

  uint64_t capacity_;
  uint32_t hand_ = kNoKey;
  KeyNodes nodes_;
  KeyList list_{nodes_, 1};
};

// Einziger, Friedman, Manes, "TinyLFU", TOS 2017, with a window and a segmented main part. Counts
// of use are exact and stop at 15; all are halved when ten times the number of keys kept were
// counted.
class WindowTinyLfu : public ReferencePolicy {
 public:
  WindowTinyLfu(uint64_t capacity, uint64_t per_cent)
      : capacity_(capacity), window_capacity_(std::max<uint64_t>(1, capacity * per_cent / 100)) {}
  uint64_t size() const override { return window_.size() + cold_.size() + hot_.size(); }
  bool Access(uint32_t key, uint64_t size) override {
    Count(key);
    if (window_.Has(key)) {
      window_.ToFront(key);
      return true;
    }
    if (cold_.Has(key) || hot_.Has(key)) {
      (cold_.Has(key) ? cold_ : hot_).Remove(key);
      hot_.PushFront(key);
      while (hot_.size() > (capacity_ - window_capacity_) * 4 / 5) {
        cold_.PushFront(hot_.PopBack());
        if (cold_.front() == key) break;
      }
      return true;
    }
    nodes_[key].size = size;
    window_.PushFront(key);
    ++entries_;
    while (window_.size() > window_capacity_ && window_.back() != key) Admit(window_.PopBack());
    if (window_.size() > window_capacity_) Admit(window_.PopBack());
    return false;
  }

 private:
  // Moves a key from the window to the main part, if it is more popular than what must go for it.
  void Admit(uint32_t candidate) {
    const uint64_t size = nodes_[candidate].size;
    const uint64_t main_capacity = capacity_ - window_capacity_;
    while (size <= main_capacity && cold_.size() + hot_.size() + size > main_capacity) {
      KeyList& from = cold_.empty() ? hot_ : cold_;
      if (nodes_[candidate].uses <= nodes_[from.back()].uses) {
        --entries_;
        return;
      }
      from.PopBack();
      --entries_;
    }
    if (size <= main_capacity) {
      cold_.PushFront(candidate);
    } else {
      --entries_;
    }
  }
  void Count(uint32_t key) {
    keys_ = std::max<uint64_t>(keys_, key + 1);
    if (nodes_[key].uses < 15) ++nodes_[key].uses;
    if (++counted_ < 10 * std::max<uint64_t>(entries_, 64)) return;
    for (uint32_t k = 0; k < keys_; ++k) nodes_[k].uses /= 2;
    counted_ /= 2;
  }

  uint64_t capacity_;
  uint64_t window_capacity_;
  uint64_t entries_ = 0;
  uint64_t counted_ = 0;
  uint64_t keys_ = 0;
  KeyNodes nodes_;
  KeyList window_{nodes_, 1};
  KeyList cold_{nodes_, 2};
  KeyList hot_{nodes_, 3};
};

// Cherkasova, "GreedyDual-Size-Frequency", HP Laboratories 1998: least age + uses / size goes.
class Gdsf : public ReferencePolicy {
 public:
  explicit Gdsf(uint64_t capacity) : capacity_(capacity) {}
  uint64_t size() const override { return size_; }
  bool Access(uint32_t key, uint64_t size) override {
    if (key >= entries_.size()) entries_.resize(std::max<size_t>(key + 1, entries_.size() * 2));
    Entry& entry = entries_[key];
    const bool hit = entry.uses > 0;
    if (hit) {
      order_.erase({entry.priority, key});
    } else {
      while (size_ + size > capacity_) EvictOne();
      size_ += size;
      entry.size = size;
    }
    ++entry.uses;
    entry.priority = age_ + static_cast<double>(entry.uses) / static_cast<double>(size);
    order_.insert({entry.priority, key});
    return hit;
  }

 private:
  struct Entry {
    uint64_t size = 0;
    uint64_t uses = 0;  // 0: not kept.
    double priority = 0;
  };
  void EvictOne() {
    const auto [priority, key] = *order_.begin();
    age_ = priority;
    order_.erase(order_.begin());
    size_ -= entries_[key].size;
    entries_[key].uses = 0;
  }

  uint64_t capacity_;
  uint64_t size_ = 0;
  double age_ = 0;
  std::vector<Entry> entries_;
  std::set<std::pair<double, uint32_t>> order_;
};

}  // namespace

const std::vector<std::string_view>& ReferencePolicyNames() {
  static const std::vector<std::string_view> names = {
      "lru", "arc", "2q", "lirs", "s3fifo", "sieve", "wtinylfu_1pct", "wtinylfu_20pct", "gdsf"};
  return names;
}

std::unique_ptr<ReferencePolicy> MakeReferencePolicy(std::string_view name, uint64_t capacity) {
  if (name == "lru") return std::make_unique<Lru>(capacity);
  if (name == "arc") return std::make_unique<Arc>(capacity);
  if (name == "2q") return std::make_unique<TwoQueues>(capacity);
  if (name == "lirs") return std::make_unique<Lirs>(capacity);
  if (name == "s3fifo") return std::make_unique<S3Fifo>(capacity);
  if (name == "sieve") return std::make_unique<Sieve>(capacity);
  if (name == "wtinylfu_1pct") return std::make_unique<WindowTinyLfu>(capacity, 1);
  if (name == "wtinylfu_20pct") return std::make_unique<WindowTinyLfu>(capacity, 20);
  if (name == "gdsf") return std::make_unique<Gdsf>(capacity);
  return nullptr;
}

}  // namespace weir::cmd
