// PageMemory: pages of one size for Slabs, whose memory is the system's again as soon as they are
// given back.
//
// An allocator for all sizes keeps what is freed between pieces that are in use. Here pages are
// parts of a few large mappings, and the memory of a page that is free is taken out of its mapping.
// One stays, for who gives back and takes in turns. Addresses are kept until the end.
//
// When not to use: for pieces smaller than a page of the machine.
// Threads: single-owner. Cost: Take O(1), and page faults as it is used; Give some 3 us.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace weir::cache {

class PageMemory {
 public:
  static constexpr size_t kPageBytes = 32768;

  // Returns kPageBytes, aligned to them, in use until Give. Throws std::bad_alloc.
  char* Take();
  // Requires: it comes from Take.
  void Give(char* page);

 private:
  static constexpr size_t kPagesMin = 32;   // Of a mapping; of later ones at least
  static constexpr size_t kPagesShare = 8;  // such a part of all before.

  struct Unmap {
    size_t bytes = 0;
    void operator()(char* memory) const;
  };

  void Map();

  std::vector<std::unique_ptr<char, Unmap>> mappings_;
  size_t pages_ = 0;  // Of all mappings.
  char* next_ = nullptr;
  char* end_ = nullptr;      // Of the last mapping; from next_ on no page was taken.
  std::vector<char*> free_;  // Given back.
  char* kept_ = nullptr;     // Given back, with its memory.
};

}  // namespace weir::cache
