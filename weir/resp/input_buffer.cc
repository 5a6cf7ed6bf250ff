#include "weir/resp/input_buffer.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace weir::resp {

std::span<char> InputBuffer::Writable() {
  if (receiving_big() && !big_complete()) {
    if (big_filled_ == big_.size()) GrowBig(big_filled_ * kBigArgumentGrowth);
    return {big_data_ + big_filled_, big_.size() - big_filled_};
  }
  if (empty()) {
    begin_ = 0;
    end_ = 0;
    if (capacity_ == 0 || capacity_ > kInputRetainedBytes) Reallocate(kInputInitialBytes);
  } else if (capacity_ > kInputRetainedBytes && size() < capacity_ / kInputShrinkDivisor) {
    Reallocate(std::max(kInputRetainedBytes, 2 * size()));
  } else if (capacity_ - end_ < kInputReadBytesMin) {
    // Moving costs no more than the bytes that were parsed since the last move, and doubling no
    // more than the bytes received since the last doubling: O(1) a byte, however it arrives.
    if (begin_ >= size() && capacity_ - size() >= kInputReadBytesMin) {
      std::memmove(data_.get(), start(), size());
      end_ = size();
      begin_ = 0;
    } else {
      Reallocate(2 * capacity_);
    }
  }
  return {data_.get() + end_, capacity_ - end_};
}

void InputBuffer::Commit(size_t size) {
  if (receiving_big() && !big_complete()) {
    assert(size <= big_.size() - big_filled_);
    big_filled_ += size;
    return;
  }
  assert(size <= capacity_ - end_);
  end_ += size;
}

void InputBuffer::ReleaseIdle() {
  if (!empty()) return;
  assert(!receiving_big());
  data_.reset();
  capacity_ = 0;
  begin_ = 0;
  end_ = 0;
}

void InputBuffer::Reallocate(size_t capacity) {
  assert(capacity > size());
  std::unique_ptr<char[]> larger = std::make_unique_for_overwrite<char[]>(capacity);
  if (!empty()) std::memcpy(larger.get(), start(), size());
  data_ = std::move(larger);
  capacity_ = capacity;
  end_ = size();
  begin_ = 0;
}

void InputBuffer::StartBig(size_t offset, size_t size) {
  assert(!receiving_big());
  const size_t arrived = this->size() - offset;
  assert(arrived > 0);
  assert(arrived < size);
  big_declared_ = size;
  GrowBig(arrived * kBigArgumentGrowth);
  std::memcpy(big_data_, start() + offset, arrived);
  big_filled_ = arrived;
  end_ -= arrived;
}

void InputBuffer::GrowBig(size_t capacity) {
  Bytes::Grow(&big_, std::min(capacity, big_declared_), &big_data_);
}

Bytes InputBuffer::TakeBig() {
  assert(receiving_big());
  assert(big_complete());
  assert(big_.size() == big_declared_);
  big_declared_ = 0;
  big_filled_ = 0;
  big_data_ = nullptr;
  return std::move(big_);
}

}  // namespace weir::resp
