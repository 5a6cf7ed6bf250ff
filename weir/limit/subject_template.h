// SubjectTemplate: what has a bucket, as a text with places in it, such as "{user}/{key.1}".
//
// Places: {client}, {user}, {key}, and {key.1} to {key.9}, the parts of the key between colons; a
// part that a key does not have is empty. Between two places there must be some text, without '%'.
// What fills a place that is followed by another one has its '%', and the first byte of the text
// after it, written as %25 and so on. So two different sets of parts never make one text:
// "{user}/{key.1}" of user "a/b" and key "c" is "a%2Fb/c", that of user "a" and key "b/c" is
// "a/b/c". When not to use: for one place alone; Per says that without making a text.
//
// Threads: immutable, so thread-safe. Errors: Parse answers kInvalid, with what to write instead.
// Cost: one copy of the parts; no allocation up to SubjectText::kNearBytes, but for the text of an
// IPv6 address.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/result.h"
#include "weir/limit/ip_address.h"

namespace weir::limit {

struct Request;

// A text that is put together, and gone with this.
class SubjectText {
 public:
  static constexpr size_t kNearBytes = 256;

  void Append(std::string_view part);
  std::string_view view() const {
    return far_.empty() ? std::string_view(near_.data(), size_) : std::string_view(far_);
  }

 private:
  size_t size_ = 0;
  std::array<char, kNearBytes> near_;
  std::string far_;  // All of it, if it is longer than that.
};

class SubjectTemplate {
 public:
  static constexpr size_t kBytesMax = 64;

  static Result<SubjectTemplate> Parse(std::string_view text);

  // Requires: request.key is there if names_key().
  void FillIn(const Request& request, SubjectText* text) const;

  // Whether it differs from client to client; from key to key; and whether it asks for the key, or
  // for a part of it.
  bool tells_clients() const { return Names(Place::kClient); }
  bool tells_keys() const { return Names(Place::kKey); }
  bool names_key() const { return tells_keys() || Names(Place::kKeyPart); }

 private:
  enum class Place : uint8_t { kNone, kClient, kUser, kKey, kKeyPart };
  // A place, and the text after it; the first has no place.
  struct Part {
    Place place = Place::kNone;
    uint8_t number = 0;  // Of a part of the key, from 1.
    std::string after{};
  };

  SubjectTemplate() = default;
  static bool Read(std::string_view word, Part* part);
  bool Names(Place place) const;

  std::vector<Part> parts_;
};

}  // namespace weir::limit
