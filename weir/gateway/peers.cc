#include "weir/gateway/peers.h"

#include <string_view>

namespace weir::gateway {
namespace {

size_t DecimalDigits(size_t number) {
  size_t digits = 1;
  while ((number /= 10) > 0) ++digits;
  return digits;
}

}  // namespace

size_t Forward::request_bytes() const {
  constexpr size_t kFraming = 3;  // A marker, and CR and LF.
  size_t bytes = kFraming + DecimalDigits(args_.size());
  for (const std::string_view arg : args_.views()) {
    bytes += kFraming + DecimalDigits(arg.size()) + arg.size() + 2;
  }
  return bytes;
}

void Forward::WriteRequest(resp::OutputBuffer& output) const {
  resp::Writer writer(output);
  writer.ArrayHeader(args_.size());
  for (size_t i = 0; i < args_.size(); ++i) {
    const std::string_view arg = args_[i];
    arg.size() > resp::kBigArgumentBytes ? writer.Bulk(args_.Share(i)) : writer.Bulk(arg);
  }
}

}  // namespace weir::gateway
