#include "weir/limit/subject_template.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <optional>
#include <utility>

#include "weir/limit/policy.h"

namespace weir::limit {
namespace {

Error Invalid(std::string message) {
  return Error{ErrorCode::kInvalid, std::move(message)};
}

// One word in replies, in logs and in limits.toml, so no blank and nothing to be quoted; and what
// escapes bytes is no text between places.
bool IsPlain(char byte) {
  return byte > ' ' && byte < 0x7f && byte != '"' && byte != '\\' && byte != '%';
}

// The n-th part of the key between colons, from 1.
std::string_view KeyPart(std::string_view key, uint8_t number) {
  for (uint8_t before = 1; before < number; ++before) {
    const size_t colon = key.find(':');
    if (colon == std::string_view::npos) return {};
    key.remove_prefix(colon + 1);
  }
  return key.substr(0, key.find(':'));
}

// What comes before `end`, so that the first `end` that is not part of a %XX ends it.
void AppendBefore(std::optional<char> end, std::string_view part, SubjectText* text) {
  if (!end.has_value()) return text->Append(part);
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  for (;;) {
    const size_t plain = std::min(part.find(*end), part.find('%'));
    text->Append(part.substr(0, plain));
    if (plain == std::string_view::npos) return;
    const auto byte = static_cast<uint8_t>(part[plain]);
    const std::array<char, 3> escaped = {'%', kDigits[byte >> 4], kDigits[byte & 15]};
    text->Append({escaped.data(), escaped.size()});
    part.remove_prefix(plain + 1);
  }
}

// As clients are told apart: of IPv6 the /64, which stays as it is: only IPv6 has colons, and all
// of it has a /64.
void AppendClient(std::optional<char> end, const Address& client, SubjectText* text) {
  if (client.is_v4()) return AppendBefore(end, AddressText(client), text);
  Address subscriber = client;
  std::fill(subscriber.bytes.begin() + 8, subscriber.bytes.end(), uint8_t{0});
  AppendBefore(end, AddressText(subscriber), text);
  text->Append("/64");
}

}  // namespace

void SubjectText::Append(std::string_view part) {
  if (far_.empty() && part.size() <= kNearBytes - size_) {
    std::copy(part.begin(), part.end(), near_.begin() + static_cast<std::ptrdiff_t>(size_));
    size_ += part.size();
    return;
  }
  if (far_.empty()) far_.assign(near_.data(), size_);
  far_ += part;
}

bool SubjectTemplate::Read(std::string_view word, Part* part) {
  constexpr std::string_view kKeyPart = "key.";
  if (word == "client") part->place = Place::kClient;
  if (word == "user") part->place = Place::kUser;
  if (word == "key") part->place = Place::kKey;
  if (word.size() == kKeyPart.size() + 1 && word.starts_with(kKeyPart) && word.back() >= '1' &&
      word.back() <= '9') {
    part->place = Place::kKeyPart;
    part->number = static_cast<uint8_t>(word.back() - '0');
  }
  return part->place != Place::kNone;
}

Result<SubjectTemplate> SubjectTemplate::Parse(std::string_view text) {
  if (text.size() > kBytesMax) return Invalid("it is above 64 bytes");
  SubjectTemplate made;
  made.parts_.emplace_back();
  for (size_t at = 0; at < text.size();) {
    if (text[at] != '{') {
      if (text[at] == '}') return Invalid("a '}' has no '{' before it");
      if (!IsPlain(text[at])) {
        return Invalid(
            "write letters, digits and signs, without blanks, quotes, backslashes and '%'");
      }
      made.parts_.back().after += text[at++];
      continue;
    }
    const size_t end = text.find('}', at);
    if (end == std::string_view::npos) return Invalid("a '{' has no '}' after it");
    const std::string_view word = text.substr(at + 1, end - at - 1);
    Part part;
    if (!Read(word, &part)) {
      return Invalid("'{" + std::string(word) +
                     "}' is not known here; write {client}, {user}, {key} or {key.1} to {key.9}");
    }
    if (made.parts_.size() > 1 && made.parts_.back().after.empty()) {
      return Invalid("write some text between '" + std::string(text.substr(0, at)) + "' and '" +
                     std::string(text.substr(at)) + "', such as a '/'");
    }
    made.parts_.push_back(std::move(part));
    at = end + 1;
  }
  if (made.parts_.size() == 1) {
    return Invalid("it has no {client}, {user}, {key} or {key.1}, so all would share one bucket");
  }
  return made;
}

void SubjectTemplate::FillIn(const Request& request, SubjectText* text) const {
  for (const Part& part : parts_) {
    const bool last = &part == &parts_.back();
    const std::optional<char> end =
        last || part.place == Place::kNone ? std::nullopt : std::optional(part.after.front());
    switch (part.place) {
      case Place::kNone:
        break;
      case Place::kClient:
        AppendClient(end, request.client, text);
        break;
      case Place::kUser:
        AppendBefore(end, request.user, text);
        break;
      case Place::kKey:
        assert(request.key.has_value());
        AppendBefore(end, *request.key, text);
        break;
      case Place::kKeyPart:
        assert(request.key.has_value());
        AppendBefore(end, KeyPart(*request.key, part.number), text);
        break;
    }
    text->Append(part.after);
  }
}

bool SubjectTemplate::Names(Place place) const {
  return std::any_of(parts_.begin(), parts_.end(),
                     [place](const Part& part) { return part.place == place; });
}

}  // namespace weir::limit
