#include "weir/gateway/owned_args.h"

#include <cstring>

namespace weir::gateway {

OwnedArgs::OwnedArgs(const resp::Command& command) {
  const Args args = command.args();
  size_t small = 0;
  for (const std::string_view arg : args) {
    bytes_ += arg.size();
    if (arg.size() <= resp::kBigArgumentBytes) small += arg.size();
  }
  block_ = std::make_unique_for_overwrite<char[]>(small);
  views_.reserve(args.size());
  char* next = block_.get();
  for (size_t i = 0; i < args.size(); ++i) {
    if (args[i].size() > resp::kBigArgumentBytes) {
      big_.push_back({i, command.ArgBytes(i)});
      views_.push_back(big_.back().bytes.view());
      continue;
    }
    if (!args[i].empty()) std::memcpy(next, args[i].data(), args[i].size());
    views_.emplace_back(next, args[i].size());
    next += args[i].size();
  }
}

OwnedArgs::OwnedArgs(Args args) {
  for (const std::string_view arg : args) bytes_ += arg.size();
  block_ = std::make_unique_for_overwrite<char[]>(bytes_);
  char* next = block_.get();
  for (const std::string_view arg : args) {
    if (!arg.empty()) std::memcpy(next, arg.data(), arg.size());
    views_.emplace_back(next, arg.size());
    next += arg.size();
  }
}

Bytes OwnedArgs::Share(size_t index) const {
  for (const Big& big : big_) {
    if (big.index == index) return big.bytes;
  }
  return Bytes::Copy(views_[index]);
}

}  // namespace weir::gateway
