#include "weir/gateway/load_queue.h"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <utility>

namespace weir::gateway {

void LoadQueue::Add(std::vector<LoadRequest> requests) {
  waiting_.insert(waiting_.end(), std::make_move_iterator(requests.begin()),
                  std::make_move_iterator(requests.end()));
}

std::optional<LoadQueue::Batch> LoadQueue::Next(size_t room, size_t keys_max) {
  if (in_store_ >= kBatchesMax) return std::nullopt;
  const size_t free = room > reserved_bytes_ ? room - reserved_bytes_ : 0;
  if (std::optional<Batch> large = NextLarge(free)) return large;
  if (waiting_.empty()) return std::nullopt;
  Batch batch;
  batch.bytes_max = std::min(kBatchBytesMax, free / kBatchesMax);
  const size_t count = std::min(waiting_.size(), keys_max);
  const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(count);
  batch.requests.assign(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(end));
  waiting_.erase(waiting_.begin(), end);
  ++in_store_;
  return batch;
}

std::optional<LoadQueue::Batch> LoadQueue::NextLarge(size_t room) {
  if (large_.empty() || large_.front().bytes > room) return std::nullopt;
  const size_t bytes = large_.front().bytes;
  if (reserved_bytes_ > 0 && reserved_bytes_ + bytes > kLargeBytesMax) return std::nullopt;
  Batch batch;
  batch.bytes_max = batch.reserved_bytes = bytes;
  batch.requests.push_back(std::move(large_.front().request));
  large_.pop_front();
  reserved_bytes_ += bytes;
  ++in_store_;
  return batch;
}

void LoadQueue::Finish(Batch batch, const std::vector<store::Loads::LeftOut>& left, MonoTime now) {
  assert(in_store_ > 0);
  assert(reserved_bytes_ >= batch.reserved_bytes);
  --in_store_;
  reserved_bytes_ -= batch.reserved_bytes;
  for (const store::Loads::LeftOut& item : left) {
    large_.push_back({std::move(batch.requests[item.index]), item.bytes, now});
  }
}

std::vector<LoadRequest> LoadQueue::TakeOverdue(MonoTime now) {
  std::vector<LoadRequest> overdue;
  while (!large_.empty() && now - large_.front().since > kLargeWaitMax) {
    overdue.push_back(std::move(large_.front().request));
    large_.pop_front();
  }
  return overdue;
}

}  // namespace weir::gateway
