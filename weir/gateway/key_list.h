// KeyList: names of keys, in order, in pieces of which each is freed as soon as its keys are taken.
//
//   a piece:  for each key its length, 7 bits a byte with the low ones first and the top bit set on
//             all but the last, and its bytes
//
// Ownership: copies names. Threads: single-owner.
// Cost: O(1) and a copy for each key; a byte or two a key beside its name.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

namespace weir::gateway {

class KeyList {
 public:
  // A piece is no longer, unless it holds but one key.
  static constexpr size_t kPieceBytes = size_t{64} << 10;

  void Add(std::string_view key);
  // Adds the keys of a piece that another list had. Returns false, and adds nothing, when it is
  // none.
  bool AddPiece(std::string piece);
  // Takes the first, or returns nullopt when there is none.
  std::optional<std::string> Take();

  bool empty() const { return count_ == 0; }
  size_t count() const { return count_; }
  // Of what has not been taken, to the piece.
  size_t bytes() const { return bytes_; }
  // What has not been taken. Requires: none has.
  const std::deque<std::string>& pieces() const { return pieces_; }

 private:
  std::deque<std::string> pieces_;
  size_t taken_bytes_ = 0;  // Of the first piece.
  size_t count_ = 0;
  size_t bytes_ = 0;
};

}  // namespace weir::gateway
