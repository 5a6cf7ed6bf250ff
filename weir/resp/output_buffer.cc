#include "weir/resp/output_buffer.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace weir::resp {

void OutputBuffer::Append(std::string_view bytes) {
  while (!bytes.empty()) {
    if (room() == 0) OpenBlock();
    const size_t size = std::min(room(), bytes.size());
    std::memcpy(tail_end_, bytes.data(), size);
    tail_end_ += size;
    bytes.remove_prefix(size);
  }
}

void OutputBuffer::AppendShared(Bytes owner, std::string_view part) {
  if (part.empty()) return;
  assert(part.data() >= owner.view().data());
  assert(part.data() + part.size() <= owner.view().data() + owner.size());
  if (tail_begin_ != tail_end_) CloseTail(nullptr);
  queued_bytes_ += part.size();
  shared_bytes_ += part.size();
  pieces_.push_back({part.data(), part.size(), std::move(owner), nullptr});
}

size_t OutputBuffer::Spans(std::span<Span> spans) const {
  assert(!spans.empty());
  size_t filled = 0;
  for (size_t i = first_; i < pieces_.size() && filled < spans.size(); ++i) {
    if (pieces_[i].size > 0) spans[filled++] = {pieces_[i].data, pieces_[i].size};
  }
  if (filled < spans.size() && tail_begin_ != tail_end_) {
    spans[filled++] = {tail_begin_, static_cast<size_t>(tail_end_ - tail_begin_)};
  }
  return filled;
}

void OutputBuffer::Consume(size_t size) {
  assert(size <= pending_bytes());
  while (first_ < pieces_.size() && pieces_[first_].size <= size) {
    size -= pieces_[first_].size;
    PopPiece();
  }
  if (first_ < pieces_.size()) {
    Piece& piece = pieces_[first_];
    piece.data += size;
    piece.size -= size;
    queued_bytes_ -= size;
    if (!piece.shared.empty()) shared_bytes_ -= size;
    // Sent pieces in front are dropped when they are the greater half: O(1) a piece.
    if (first_ > pieces_.size() / 2) {
      pieces_.erase(pieces_.begin(), pieces_.begin() + static_cast<std::ptrdiff_t>(first_));
      first_ = 0;
    }
    return;
  }
  pieces_.clear();
  first_ = 0;
  if (pieces_.capacity() > kOutputPiecesRetained) std::vector<Piece>().swap(pieces_);
  tail_begin_ += size;
  if (tail_begin_ == tail_end_) tail_begin_ = tail_end_ = block_.get();
}

void OutputBuffer::PopPiece() {
  Piece& piece = pieces_[first_++];
  queued_bytes_ -= piece.size;
  if (!piece.shared.empty()) shared_bytes_ -= piece.size;
  piece.size = 0;
  piece.shared = Bytes();
  if (piece.block != nullptr) Retire(std::move(piece.block));
}

void OutputBuffer::Retire(Block block) {
  if (spare_.size() < kOutputSpareBlocks) {
    spare_.push_back(std::move(block));
  } else {
    --block_count_;
  }
}

// Requires: the block's pieces before the tail, if any, are in pieces_.
void OutputBuffer::CloseTail(Block block) {
  const size_t size = static_cast<size_t>(tail_end_ - tail_begin_);
  pieces_.push_back({tail_begin_, size, Bytes(), std::move(block)});
  queued_bytes_ += size;
  tail_begin_ = tail_end_;
}

void OutputBuffer::OpenBlock() {
  if (block_ != nullptr) CloseTail(std::move(block_));
  if (spare_.empty()) {
    block_ = std::make_unique_for_overwrite<char[]>(kOutputBlockBytes);
    ++block_count_;
  } else {
    block_ = std::move(spare_.back());
    spare_.pop_back();
  }
  tail_begin_ = tail_end_ = block_.get();
  limit_ = block_.get() + kOutputBlockBytes;
}

void OutputBuffer::ReleaseIdle() {
  if (!empty()) return;
  assert(queued_bytes_ == 0);
  std::vector<Piece>().swap(pieces_);
  std::vector<Block>().swap(spare_);
  first_ = 0;
  block_.reset();
  block_count_ = 0;
  tail_begin_ = tail_end_ = limit_ = nullptr;
}

}  // namespace weir::resp
