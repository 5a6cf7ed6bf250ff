// InputBuffer: the bytes received on one connection and not yet parsed, in one contiguous piece.
//
// The owner of the connection receives into Writable(), says how much with Commit(), and lets
// resp::Parser take commands out until it needs more. Arguments are views into this buffer; an
// argument above kBigArgumentBytes is received straight into a block of its own, which becomes a
// weir::Bytes without another copy.
//
//   while (connection is readable) {
//     std::span<char> room = input.Writable();
//     input.Commit(Receive(room));
//     while (parser.Next(input, &command) == ParseResult::kCommand) Execute(command);
//   }
//
// Memory: grows only with bytes received, never by a declared length: after Writable() it holds at
// most kInputShrinkDivisor times the bytes of the unfinished command + 2 * kInputRetainedBytes.
// ReleaseIdle() gives back that rest too.
// When not to use: to queue input. Parse until kNeedMore before reading more.
// Threads: single-owner.
// Cost: amortised O(1) a byte; a burst of ordinary commands allocates and moves nothing.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "weir/base/bytes.h"

namespace weir::resp {

// The first allocation, made when there is something to receive.
inline constexpr size_t kInputInitialBytes = size_t{16} * 1024;
// Writable() never offers less, unless a big argument needs less to be complete.
inline constexpr size_t kInputReadBytesMin = size_t{4} * 1024;
// What a parsed-out buffer keeps for the next burst.
inline constexpr size_t kInputRetainedBytes = size_t{64} * 1024;
// A larger buffer shrinks once the unfinished command fills less than this part of it.
inline constexpr size_t kInputShrinkDivisor = 8;
// A bulk argument above this becomes a Bytes of its own.
inline constexpr size_t kBigArgumentBytes = size_t{32} * 1024;
// So much of a big argument must have arrived before it gets a block of its own; what arrived is
// copied there once.
inline constexpr size_t kBigArgumentStartBytes = size_t{16} * 1024;
// The block of a big argument grows to this many times what has arrived, and is copied only up to
// Bytes::kMappedBytesMin.
inline constexpr size_t kBigArgumentGrowth = 4;

static_assert(kBigArgumentStartBytes < kBigArgumentBytes);
static_assert(2 * kBigArgumentBytes <= kInputRetainedBytes,
              "the largest ordinary argument must not make the buffer shrink and grow again");

class InputBuffer {
 public:
  InputBuffer() = default;
  InputBuffer(const InputBuffer&) = delete;
  InputBuffer& operator=(const InputBuffer&) = delete;

  // Returns room for the next receive, never empty. Ends the validity of all views into the buffer.
  std::span<char> Writable();

  // Adds the first `size` bytes of the last Writable(). Requires: size <= its size.
  void Commit(size_t size);

  // Whether no command is half received: what an idle deadline looks at, and a deadline for a
  // command that has begun (slow senders).
  bool empty() const { return begin_ == end_; }

  // Bytes allocated now.
  size_t held_bytes() const { return capacity_ + big_.size(); }
  // Of these, all but the block of a big argument, which is a Bytes.
  size_t buffer_bytes() const { return capacity_; }
  // Bytes of the unfinished command, without its big arguments.
  size_t unparsed_bytes() const { return end_ - begin_; }
  // Whether a big argument is being received in a block of its own.
  bool receiving_big() const { return big_declared_ != 0; }
  // Bytes by which that block grows in the next Writable().
  size_t growth_bytes() const {
    if (!receiving_big() || big_complete() || big_filled_ < big_.size()) return 0;
    return std::min(big_filled_ * kBigArgumentGrowth, big_declared_) - big_filled_;
  }

  // Gives all memory back if the buffer is empty, else nothing. For connections with nothing to
  // say: an idle connection holds 0 bytes. Ends the validity of all views into the buffer.
  void ReleaseIdle();

 private:
  friend class Parser;

  char* start() const { return data_.get() + begin_; }
  size_t size() const { return end_ - begin_; }
  // Drops the first `size` bytes; views stay valid.
  void Consume(size_t size) {
    assert(size <= this->size());
    begin_ += size;
  }

  // Goes on receiving the bytes from `offset` on, which are the first of an argument of `size`
  // bytes, in a block of its own.
  void StartBig(size_t offset, size_t size);
  bool big_complete() const { return big_filled_ == big_declared_; }
  Bytes TakeBig();
  void GrowBig(size_t capacity);

  void Reallocate(size_t capacity);

  std::unique_ptr<char[]> data_;
  size_t capacity_ = 0;
  size_t begin_ = 0;  // Start of the unfinished command.
  size_t end_ = 0;

  Bytes big_;  // Invariant: big_filled_ <= big_.size() <= big_declared_.
  char* big_data_ = nullptr;
  size_t big_declared_ = 0;  // 0 = none is being received.
  size_t big_filled_ = 0;
};

}  // namespace weir::resp
