#include "weir/gateway/owned_args.h"

#include <cassert>
#include <cstring>
#include <new>

namespace weir::gateway {

OwnedArgs::OwnedArgs(const resp::Command& command) : count_(command.args().size()) {
  const Args args = command.args();
  size_t small = 0;
  for (const std::string_view arg : args) {
    bytes_ += arg.size();
    if (arg.size() <= resp::kBigArgumentBytes) small += arg.size();
  }
  std::string_view* const views = Allocate(small);
  char* next = reinterpret_cast<char*>(views + count_);
  for (size_t i = 0; i < count_; ++i) {
    if (args[i].size() > resp::kBigArgumentBytes) {
      big_.push_back({i, command.ArgBytes(i)});
      views[i] = big_.back().bytes.view();
    } else {
      next = Place(args[i], next, &views[i]);
    }
  }
}

OwnedArgs::OwnedArgs(Args args) : count_(args.size()) {
  for (const std::string_view arg : args) bytes_ += arg.size();
  std::string_view* const views = Allocate(bytes_);
  char* next = reinterpret_cast<char*>(views + count_);
  for (size_t i = 0; i < count_; ++i) next = Place(args[i], next, &views[i]);
}

OwnedArgs& OwnedArgs::operator=(OwnedArgs&& other) noexcept {
  block_ = std::exchange(other.block_, nullptr);
  count_ = std::exchange(other.count_, 0);
  big_ = std::exchange(other.big_, {});
  bytes_ = std::exchange(other.bytes_, 0);
  own_bytes_ = std::exchange(other.own_bytes_, 0);
  return *this;
}

OwnedArgs OwnedArgs::Select(std::span<const size_t> indexes) const {
  OwnedArgs selected;
  selected.count_ = indexes.size();
  size_t small = 0;
  for (const size_t index : indexes) {
    const size_t size = views()[index].size();
    selected.bytes_ += size;
    if (size <= resp::kBigArgumentBytes) small += size;
  }
  std::string_view* const chosen = selected.Allocate(small);
  char* next = reinterpret_cast<char*>(chosen + selected.count_);
  for (size_t i = 0; i < indexes.size(); ++i) {
    const std::string_view arg = views()[indexes[i]];
    if (arg.size() > resp::kBigArgumentBytes) {
      selected.big_.push_back({i, Share(indexes[i])});
      chosen[i] = selected.big_.back().bytes.view();
    } else {
      next = Place(arg, next, &chosen[i]);
    }
  }
  return selected;
}

// One block: the views, then the bytes that they show.
std::string_view* OwnedArgs::Allocate(size_t bytes) {
  const size_t views_bytes = count_ * sizeof(std::string_view);
  block_ = std::make_unique_for_overwrite<std::byte[]>(views_bytes + bytes);
  bytes_ += views_bytes;
  own_bytes_ = views_bytes + bytes;
  auto* views = reinterpret_cast<std::string_view*>(block_.get());
  for (size_t i = 0; i < count_; ++i) new (views + i) std::string_view;
  return views;
}

// Returns where the next argument goes.
char* OwnedArgs::Place(std::string_view arg, char* at, std::string_view* view) {
  if (!arg.empty()) std::memcpy(at, arg.data(), arg.size());
  *view = {at, arg.size()};
  return at + arg.size();
}

Bytes OwnedArgs::Share(size_t index) const {
  assert(index < count_);
  for (const Big& big : big_) {
    if (big.index == index) return big.bytes;
  }
  return Bytes::Copy(views()[index]);
}

}  // namespace weir::gateway
