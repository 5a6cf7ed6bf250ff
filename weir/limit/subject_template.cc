#include "weir/limit/subject_template.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "weir/limit/policy.h"

namespace weir::limit {
namespace {

Error Invalid(std::string message) {
  return Error{ErrorCode::kInvalid, std::move(message)};
}

// One word in replies, in logs and in limits.toml, so no blank and nothing to be quoted.
bool IsPlain(char byte) {
  return byte > ' ' && byte < 0x7f && byte != '"' && byte != '\\';
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

// As clients are told apart: of IPv6 the /64.
void AppendClient(const Address& client, SubjectText* text) {
  if (client.is_v4()) {
    text->Append(AddressText(client));
    return;
  }
  Address subscriber = client;
  std::fill(subscriber.bytes.begin() + 8, subscriber.bytes.end(), uint8_t{0});
  text->Append(AddressText(subscriber));
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
        return Invalid("write letters, digits and signs, without blanks, quotes and backslashes");
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
    switch (part.place) {
      case Place::kNone:
        break;
      case Place::kClient:
        AppendClient(request.client, text);
        break;
      case Place::kUser:
        text->Append(request.user);
        break;
      case Place::kKey:
        assert(request.key.has_value());
        text->Append(*request.key);
        break;
      case Place::kKeyPart:
        assert(request.key.has_value());
        text->Append(KeyPart(*request.key, part.number));
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
