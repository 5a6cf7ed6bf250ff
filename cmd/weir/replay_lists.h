// What the reference policies are made of: lists of keys, each key in at most one of a policy's.
// Threads: single-owner.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace weir::cmd {

inline constexpr uint32_t kNoKey = ~uint32_t{0};

// The state of every key, grown as keys appear.
struct KeyNode {
  uint32_t prev = kNoKey;
  uint32_t next = kNoKey;
  uint8_t list = 0;  // 0: in none.
  uint8_t uses = 0;
  uint64_t size = 0;
  uint64_t used_at = 0;
};

class KeyNodes {
 public:
  KeyNode& operator[](uint32_t key) {
    if (key >= nodes_.size()) nodes_.resize(std::max<size_t>(key + 1, nodes_.size() * 2));
    return nodes_[key];
  }

 private:
  std::vector<KeyNode> nodes_;
};

class KeyList {
 public:
  KeyList(KeyNodes& nodes, uint8_t name) : nodes_(nodes), name_(name) {}

  bool Has(uint32_t key) { return nodes_[key].list == name_; }
  bool empty() const { return tail_ == kNoKey; }
  uint32_t front() const { return head_; }
  uint32_t back() const { return tail_; }
  uint64_t size() const { return size_; }

  void PushFront(uint32_t key) {
    KeyNode& node = nodes_[key];
    node.list = name_;
    node.prev = kNoKey;
    node.next = head_;
    if (head_ != kNoKey) nodes_[head_].prev = key;
    head_ = key;
    if (tail_ == kNoKey) tail_ = key;
    size_ += node.size;
  }
  void Remove(uint32_t key) {
    KeyNode& node = nodes_[key];
    (node.prev == kNoKey ? head_ : nodes_[node.prev].next) = node.next;
    (node.next == kNoKey ? tail_ : nodes_[node.next].prev) = node.prev;
    node.list = 0;
    size_ -= node.size;
  }
  uint32_t PopBack() {
    const uint32_t key = tail_;
    Remove(key);
    return key;
  }
  void ToFront(uint32_t key) {
    Remove(key);
    PushFront(key);
  }

 private:
  KeyNodes& nodes_;
  uint8_t name_;
  uint32_t head_ = kNoKey;
  uint32_t tail_ = kNoKey;
  uint64_t size_ = 0;
};

}  // namespace weir::cmd
