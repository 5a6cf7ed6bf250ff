// ZoneCheck: whether the reads and writes of one key, each write with a value of its own, can have
// happened one after another.
//
// The operations on one value span a zone, from the first end to the last beginning. Nothing else
// may have happened within a zone that goes forward: so no two of those overlap, and no zone that
// goes backward lies within one. That is all there is to look at.
// A write whose outcome is unknown counts when somebody has read its value.
// Cost: O(n log n).
// Source: Gibbons, Korach, "Testing shared memories", SIAM J. Comput. 1997.
#pragma once

#include <map>
#include <string>

#include "sim/op.h"

namespace weir::sim {

class ZoneCheck {
 public:
  // The value that stood there before everything; "" for none.
  explicit ZoneCheck(const std::string& initial = "");

  void Wrote(const std::string& value, Stamp begin, Stamp end, bool known);
  void Read(const std::string& value, Stamp begin, Stamp end);

  // Returns what is wrong, or nothing.
  std::string Explain() const;

 private:
  struct Zone {
    bool written = false;
    bool known = false;
    bool read = false;
    Stamp write_begin = kNoStamp;
    Stamp first_read_end = kNoStamp;
    Stamp first_end = kNoStamp;
    Stamp last_begin = 0;
  };
  std::map<std::string, Zone> zones_;
};

}  // namespace weir::sim
