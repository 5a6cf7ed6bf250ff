// Splits an inline command ("SET key \"a b\"\n" typed into telnet) into arguments.
#pragma once

#include <span>
#include <string_view>
#include <vector>

namespace weir::resp {

// Appends the arguments of `line` to `args` as views into `line`, decoding quotes and escapes in
// place. Returns false when a quote is left open or is not followed by a blank; `line` and `args`
// are then of no use.
//
// Blanks separate. Within double quotes \n \r \t \b \a and \xHH are decoded and a backslash makes
// any other byte plain; within single quotes only \' is. Quotes may open in the middle of an
// argument: a"b" is ab.
// Cost: O(line), no allocation beyond growth of `args`.
// Source: sdssplitargs of redis-server 7.0, which it follows byte for byte, but for NUL (see
// parser.h).
bool SplitInline(std::span<char> line, std::vector<std::string_view>* args);

}  // namespace weir::resp
