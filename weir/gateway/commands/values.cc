#include "weir/gateway/commands/values.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "weir/gateway/command.h"
#include "weir/gateway/errors.h"

namespace weir::gateway::commands {

void WriteFound(const Found& found, resp::Writer& writer) {
  if (!found.present) {
    writer.Null();
  } else if (found.shared != nullptr) {
    writer.Bulk(*found.shared);
  } else {
    writer.Bulk(found.bytes);
  }
}

std::optional<IndexRange> ClampRange(int64_t start, int64_t end, size_t size) {
  const auto length = static_cast<int64_t>(size);
  if (start < 0) start = std::max<int64_t>(start + length, 0);
  if (end < 0) end = std::max<int64_t>(end + length, 0);
  end = std::min(end, length - 1);
  if (start > end || size == 0) return std::nullopt;
  return IndexRange{static_cast<size_t>(start), static_cast<size_t>(end)};
}

Bytes Extended(std::string_view value, size_t size, char** data) {
  size = std::max(size, value.size());
  Bytes bytes = Bytes::Allocate(size, data);
  if (!value.empty()) std::memcpy(*data, value.data(), value.size());
  if (size > value.size()) std::memset(*data + value.size(), 0, size - value.size());
  return bytes;
}

std::optional<uint64_t> ParseBitOffset(std::string_view text, uint64_t max) {
  int64_t offset = 0;
  if (!ParseInteger(text, &offset) || offset < 0) return std::nullopt;
  const auto value = static_cast<uint64_t>(offset);
  return value <= max ? std::optional(value) : std::nullopt;
}

Result<int32_t> ParseInt32(std::string_view text) {
  int64_t number = 0;
  if (!ParseInteger(text, &number)) {
    return Error{ErrorCode::kInvalid, std::string(errors::kNotInteger)};
  }
  if (number < INT32_MIN || number > INT32_MAX) {
    return Error{ErrorCode::kInvalid, std::string(errors::kNotInt32)};
  }
  return static_cast<int32_t>(number);
}

}  // namespace weir::gateway::commands
