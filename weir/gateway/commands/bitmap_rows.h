// The rows of bitmaps.
#pragma once

#include "weir/gateway/commands/rows.h"

namespace weir::gateway::rows {

inline constexpr Row kBitmapRows[] = {
    Read("bitcount", -2, kNone, OneKey(kReads), "2.6.0", "Count set bits in a string.", c::Bitcount)
        .Heavy(c::ValueIsHeavy),
    Write("bitfield", -2, kDenyOom | kCopies, OneKey(kReadsAndChanges), "3.2.0",
          "Perform arbitrary bitfield integer operations on strings.", c::Bitfield)
        .Differs(kShorterValues)
        .Uses(c::BitfieldUse),
    Read("bitfield_ro", -2, kFast, OneKey(kReads), "6.0.0",
         "Perform arbitrary bitfield integer operations on strings. Read-only variant of BITFIELD.",
         c::BitfieldRo)
        .Heavy(c::ArgumentsAreHeavy),
    Write("bitop", -4, kDenyOom | kCopies, {2, -1, 1, kOverwrites, kReads}, "2.6.0",
          "Perform bitwise operations between strings.", c::Bitop)
        .Differs(kOneDirectory),
    Read("bitpos", -3, kNone, OneKey(kReads), "2.8.7", "Find first bit set or clear in a string.",
         c::Bitpos)
        .Heavy(c::ValueIsHeavy),
    Read("getbit", 3, kFast, OneKey(kReads), "2.2.0",
         "Returns the bit value at offset in the string value stored at key.", c::Getbit),
    Write("setbit", 4, kDenyOom | kCopies, OneKey(kReadsAndChanges), "2.2.0",
          "Sets or clears the bit at offset in the string value stored at key.", c::Setbit)
        .Differs(kShorterValues),
};

}  // namespace weir::gateway::rows
