// OutputBuffer: the bytes that wait to be sent on one connection.
//
// Small pieces are copied into blocks of kOutputBlockBytes; a big value is queued by reference and
// never copied. The owner sends what Spans() shows and says how much went out with Consume().
//
//   blocks   [....used|sent|== pending ==] [== pending ==|....room....]
//   order     piece, piece, shared value, piece, ..., tail
//
// When not to use: as a limit. It queues what it is given; the owner looks at pending_bytes() and
// stops reading its client, or closes.
// Memory: held_bytes(); drained, it keeps at most 1 + kOutputSpareBlocks blocks, and none after
// ReleaseIdle().
// Threads: single-owner.
// Cost: one memcpy a byte (none for a big value); no allocation in steady state.
#pragma once

#include <cassert>
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "weir/base/bytes.h"

namespace weir::resp {

inline constexpr size_t kOutputBlockBytes = size_t{16} * 1024;
// Sent blocks kept for the next replies, besides the one being written.
inline constexpr size_t kOutputSpareBlocks = 4;
// Values above this are queued by reference.
inline constexpr size_t kSharedValueBytes = size_t{16} * 1024;
// Room for so many queued pieces is kept when all is sent; more is given back.
inline constexpr size_t kOutputPiecesRetained = 256;
// The largest piece that Reserve() gives.
inline constexpr size_t kOutputReserveBytesMax = 512;

static_assert(kOutputReserveBytesMax <= kOutputBlockBytes);

class OutputBuffer {
 public:
  // A run of bytes to send, in the order of Spans().
  struct Span {
    const char* data = nullptr;
    size_t size = 0;
  };

  OutputBuffer() = default;
  OutputBuffer(const OutputBuffer&) = delete;
  OutputBuffer& operator=(const OutputBuffer&) = delete;

  // Returns `size` bytes of room; what is written there counts once Advance() is told its end.
  // Requires: size <= kOutputReserveBytesMax; no other call between the two.
  char* Reserve(size_t size) {
    assert(size <= kOutputReserveBytesMax);
    if (room() < size) OpenBlock();
    return tail_end_;
  }
  void Advance(char* end) {
    assert(end >= tail_end_);
    assert(end <= limit_);
    tail_end_ = end;
  }

  // Bytes that can be written without opening another block.
  size_t room() const { return static_cast<size_t>(limit_ - tail_end_); }

  // Copies `bytes` of any size.
  void Append(std::string_view bytes);

  // Queues `part` by reference. Requires: `part` is a view into `owner`. Keeps all of `owner`
  // alive until `part` is sent.
  void AppendShared(Bytes owner, std::string_view part);

  // Fills `spans` from the front and returns how many were filled: 0 when nothing is pending, else
  // at least 1. They are valid until the next non-const call. Requires: spans is not empty.
  size_t Spans(std::span<Span> spans) const;

  // Drops the first `size` pending bytes. Requires: size <= pending_bytes().
  void Consume(size_t size);

  size_t pending_bytes() const {
    return queued_bytes_ + static_cast<size_t>(tail_end_ - tail_begin_);
  }
  bool empty() const { return pending_bytes() == 0; }

  // Bytes allocated for blocks and pieces, and the pending bytes of shared values.
  size_t held_bytes() const { return buffer_bytes() + shared_bytes_; }
  // Of these, all but the shared values, which are Bytes.
  size_t buffer_bytes() const {
    return block_count_ * kOutputBlockBytes + pieces_.capacity() * sizeof(Piece) +
           spare_.capacity() * sizeof(Block);
  }
  // Pending bytes that were copied here.
  size_t copied_bytes() const { return pending_bytes() - shared_bytes_; }

  // Gives all memory back if nothing is pending, else nothing.
  void ReleaseIdle();

 private:
  using Block = std::unique_ptr<char[]>;

  // A finished run of bytes in front of the tail. `shared` holds it, or a block does. A full block
  // is carried by its last piece, and so freed when all before it has been sent.
  struct Piece {
    const char* data = nullptr;
    size_t size = 0;
    Bytes shared;
    Block block;
  };

  void OpenBlock();
  void CloseTail(Block block);
  void PopPiece();
  void Retire(Block block);

  std::vector<Piece> pieces_;
  size_t first_ = 0;         // Pieces before this one are sent.
  size_t queued_bytes_ = 0;  // Of pieces_ from first_ on.

  Block block_;  // The tail's block; null before the first byte.
  char* tail_begin_ = nullptr;
  char* tail_end_ = nullptr;
  char* limit_ = nullptr;

  std::vector<Block> spare_;
  size_t block_count_ = 0;
  size_t shared_bytes_ = 0;
};

}  // namespace weir::resp
