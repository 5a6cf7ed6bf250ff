// What to say of words on the command line that mean nothing there.
#pragma once

#include <string>
#include <vector>

namespace weir::cmd {

// Names the words, and beside each the known one nearest to it when one is near.
std::string DescribeUnexpected(const std::vector<std::string>& words);

}  // namespace weir::cmd
