#include "weir/gateway/commands/serialized.h"

#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>

#include "weir/base/crc64.h"
#include "weir/gateway/command.h"

namespace weir::gateway::commands {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr char kStringType = 0;
constexpr uint16_t kRdbVersion = 10;
constexpr size_t kFooterBytes = sizeof(kRdbVersion) + sizeof(uint64_t);

// The two high bits of the first byte say what follows.
constexpr unsigned kKindShift = 6;
enum Kind : unsigned { kSixBits = 0, kFourteenBits = 1, kWholeLength = 2, kSpecial = 3 };
constexpr unsigned kLowBits = 0x3f;
constexpr unsigned kLength64 = 0x81;  // Of kWholeLength: eight bytes and not four.
enum Special : unsigned { kInt8 = 0, kInt16 = 1, kInt32 = 2, kLzf = 3 };

// The longest run that LZF makes of the fewest bytes: 264 of three.
constexpr size_t kExpansionMax = 88;

template <typename T>
void AppendRaw(T value, std::string* out) {
  out->append(reinterpret_cast<const char*>(&value), sizeof(value));
}

void AppendSpecial(Special special, std::string* out) {
  *out += static_cast<char>(kSpecial << kKindShift | special);
}

void AppendLength(size_t length, std::string* out) {
  if (length <= kLowBits) {
    *out += static_cast<char>(length);
  } else if (length < size_t{1} << 14) {
    *out += static_cast<char>(kFourteenBits << kKindShift | length >> 8);
    *out += static_cast<char>(length & 0xff);
  } else {
    *out += static_cast<char>(kWholeLength << kKindShift);
    AppendRaw(__builtin_bswap32(static_cast<uint32_t>(length)), out);
  }
}

// Returns whether the value is a number that takes less so.
bool AppendNumber(std::string_view value, std::string* out) {
  int64_t number = 0;
  if (!ParseInteger(value, &number)) return false;
  if (number == static_cast<int8_t>(number)) {
    AppendSpecial(kInt8, out);
    AppendRaw(static_cast<int8_t>(number), out);
  } else if (number == static_cast<int16_t>(number)) {
    AppendSpecial(kInt16, out);
    AppendRaw(static_cast<int16_t>(number), out);
  } else if (number == static_cast<int32_t>(number)) {
    AppendSpecial(kInt32, out);
    AppendRaw(static_cast<int32_t>(number), out);
  } else {
    return false;
  }
  return true;
}

// Reads pieces off the front; each is nullopt once there are fewer bytes than it takes.
class Input {
 public:
  explicit Input(std::string_view left) : left_(left) {}

  std::optional<std::string_view> Take(size_t size) {
    if (left_.size() < size) return std::nullopt;
    const std::string_view taken = left_.substr(0, size);
    left_.remove_prefix(size);
    return taken;
  }
  template <typename T>
  std::optional<T> Raw() {
    const std::optional<std::string_view> bytes = Take(sizeof(T));
    if (!bytes) return std::nullopt;
    T value{};
    std::memcpy(&value, bytes->data(), sizeof(value));
    return value;
  }
  // A length, whose first byte is `first`.
  std::optional<uint64_t> Length(unsigned first) {
    switch (first >> kKindShift) {
      case kSixBits:
        return first & kLowBits;
      case kFourteenBits: {
        const auto low = Raw<uint8_t>();
        if (!low) return std::nullopt;
        return uint64_t{first & kLowBits} << 8 | *low;
      }
      case kWholeLength:
        if (first == kLength64) {
          const auto length = Raw<uint64_t>();
          return length ? std::optional(__builtin_bswap64(*length)) : std::nullopt;
        } else {
          const auto length = Raw<uint32_t>();
          return length ? std::optional(uint64_t{__builtin_bswap32(*length)}) : std::nullopt;
        }
      default:
        return std::nullopt;
    }
  }
  std::optional<uint64_t> Length() {
    const auto first = Raw<uint8_t>();
    return first ? Length(*first) : std::nullopt;
  }
  bool empty() const { return left_.empty(); }

 private:
  std::string_view left_;
};

// Returns whether `from` makes exactly `size` bytes, which are written to `to`.
bool Decompress(std::string_view from, char* to, size_t size) {
  constexpr unsigned kLiteralsMax = 32;
  constexpr unsigned kLongRun = 7;
  Input input(from);
  size_t made = 0;
  while (!input.empty()) {
    const unsigned control = *input.Raw<uint8_t>();
    if (control < kLiteralsMax) {
      const auto literals = input.Take(control + 1);
      if (!literals || literals->size() > size - made) return false;
      std::memcpy(to + made, literals->data(), literals->size());
      made += literals->size();
      continue;
    }
    size_t run = control >> 5;
    if (run == kLongRun) {
      const auto more = input.Raw<uint8_t>();
      if (!more) return false;
      run += *more;
    }
    run += 2;
    const auto low = input.Raw<uint8_t>();
    if (!low) return false;
    const size_t distance = (size_t{control & 0x1f} << 8 | *low) + 1;
    if (distance > made || run > size - made) return false;
    // Byte by byte, for a run may repeat what it makes itself.
    for (; run > 0; --run, ++made) to[made] = to[made - distance];
  }
  return made == size;
}

const Error kBadFormat{ErrorCode::kInvalid, "Bad data format"};

Result<Bytes> Decompressed(Input* input, size_t bytes_max) {
  const auto compressed_size = input->Length();
  const auto size = compressed_size ? input->Length() : std::nullopt;
  const auto compressed = size ? input->Take(*compressed_size) : std::nullopt;
  if (!compressed || *size > compressed->size() * kExpansionMax) return kBadFormat;
  if (*size > bytes_max) return Error{ErrorCode::kOverloaded, "longer than may be"};
  char* data = nullptr;
  Bytes bytes = Bytes::Allocate(*size, &data);
  if (!Decompress(*compressed, data, *size)) return kBadFormat;
  return bytes;
}

template <typename T>
Result<Bytes> Number(Input* input) {
  const auto number = input->Raw<T>();
  if (!number) return kBadFormat;
  return Bytes::Copy(std::to_string(*number));
}

Result<Bytes> Value(Input* input, size_t bytes_max) {
  const auto first = input->Raw<uint8_t>();
  if (!first) return kBadFormat;
  if (*first >> kKindShift == kSpecial) {
    switch (*first & kLowBits) {
      case kInt8:
        return Number<int8_t>(input);
      case kInt16:
        return Number<int16_t>(input);
      case kInt32:
        return Number<int32_t>(input);
      case kLzf:
        return Decompressed(input, bytes_max);
      default:
        return kBadFormat;
    }
  }
  const auto size = input->Length(*first);
  const auto bytes = size ? input->Take(*size) : std::nullopt;
  if (!bytes) return kBadFormat;
  if (bytes->size() > bytes_max) return Error{ErrorCode::kOverloaded, "longer than may be"};
  return Bytes::Copy(*bytes);
}

}  // namespace

std::string Serialized(std::string_view value) {
  std::string out(1, kStringType);
  if (!AppendNumber(value, &out)) {
    AppendLength(value.size(), &out);
    out += value;
  }
  AppendRaw(kRdbVersion, &out);
  AppendRaw(Crc64(out), &out);
  return out;
}

bool IsWhole(std::string_view payload) {
  if (payload.size() < kFooterBytes) return false;
  const size_t size = payload.size() - sizeof(uint64_t);
  uint64_t checksum = 0;
  std::memcpy(&checksum, payload.data() + size, sizeof(checksum));
  return checksum == Crc64(payload.substr(0, size));
}

Result<Bytes> Deserialized(std::string_view payload, size_t bytes_max) {
  Input input(payload.substr(0, payload.size() - kFooterBytes));
  if (input.Raw<char>() != kStringType) return kBadFormat;
  Result<Bytes> value = Value(&input, bytes_max);
  if (value.ok() && !input.empty()) return kBadFormat;
  return value;
}

}  // namespace weir::gateway::commands
