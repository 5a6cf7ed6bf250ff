#include "weir/users/password.h"

#include <array>
#include <cassert>
#include <charconv>

#include <sodium.h>

namespace weir::users {
namespace {

constexpr std::string_view kPrefix = "$argon2id$v=19$m=";
constexpr size_t kSaltBytes = 16;
constexpr size_t kDigestBytes = 32;
constexpr size_t kSaltText = 22;  // In base64 without padding.
constexpr size_t kDigestText = 43;
constexpr std::string_view kRemedy = "; run `weir user hash` and write what it prints";

void Prepare() {
  static const int ready = sodium_init();
  assert(ready >= 0);
  static_cast<void>(ready);
}

Error Invalid(const std::string& what) {
  return {ErrorCode::kInvalid, what + std::string(kRemedy)};
}

// Takes "<number><end>" off the front of `text`.
bool TakeNumber(std::string_view* text, std::string_view end, uint32_t* value) {
  const auto [after, error] = std::from_chars(text->data(), text->data() + text->size(), *value);
  if (error != std::errc()) return false;
  text->remove_prefix(static_cast<size_t>(after - text->data()));
  if (!text->starts_with(end)) return false;
  text->remove_prefix(end.size());
  return true;
}

bool IsBase64(std::string_view text, size_t bytes) {
  std::array<unsigned char, kDigestBytes> decoded;
  size_t size = 0;
  const char* end = nullptr;
  return sodium_base642bin(decoded.data(), decoded.size(), text.data(), text.size(), nullptr, &size,
                           &end, sodium_base64_VARIANT_ORIGINAL_NO_PADDING) == 0 &&
         size == bytes && end == text.data() + text.size();
}

}  // namespace

Result<std::string> HashPassword(std::string_view password, PasswordCost cost) {
  Prepare();
  if (password.empty()) return Error{ErrorCode::kInvalid, "the password is empty; give one"};
  if (password.size() > kPasswordBytesMax) {
    return Error{ErrorCode::kInvalid, "the password is longer than " +
                                          std::to_string(kPasswordBytesMax) +
                                          " bytes; take a shorter one"};
  }
  std::array<char, crypto_pwhash_STRBYTES> text{};
  const int failed =
      crypto_pwhash_str_alg(text.data(), password.data(), password.size(), cost.passes,
                            size_t{cost.memory_kib} * 1024, crypto_pwhash_ALG_ARGON2ID13);
  if (failed != 0) {
    return Error{ErrorCode::kUnavailable, "no memory to hash the password; free " +
                                              std::to_string(cost.memory_kib) + " KiB"};
  }
  return std::string(text.data());
}

bool PasswordFits(const std::string& hash, std::string_view password) {
  Prepare();
  return crypto_pwhash_str_verify(hash.c_str(), password.data(), password.size()) == 0;
}

Result<PasswordCost> HashCost(std::string_view hash) {
  Prepare();
  if (!hash.starts_with('$')) return Invalid("a plain password must not stand in a file");
  if (!hash.starts_with(kPrefix)) return Invalid("this is not an argon2id hash of version 19");
  std::string_view rest = hash.substr(kPrefix.size());
  PasswordCost cost;
  uint32_t lanes = 0;
  const bool formed = TakeNumber(&rest, ",t=", &cost.memory_kib) &&
                      TakeNumber(&rest, ",p=", &cost.passes) && TakeNumber(&rest, "$", &lanes);
  if (!formed || rest.size() != kSaltText + 1 + kDigestText || rest[kSaltText] != '$' ||
      !IsBase64(rest.substr(0, kSaltText), kSaltBytes) ||
      !IsBase64(rest.substr(kSaltText + 1), kDigestBytes)) {
    return Invalid("this argon2id hash is damaged");
  }
  if (lanes != 1 || cost.memory_kib < kCostMin.memory_kib || cost.passes < kCostMin.passes) {
    return Invalid("this argon2id hash is cheaper to guess than m=7168,t=1,p=1 or has p above 1");
  }
  if (cost.memory_kib > kCostMax.memory_kib || cost.passes > kCostMax.passes) {
    return Invalid("this argon2id hash costs more than m=65536,t=16, too much for a server");
  }
  return cost;
}

// The digest is replaced by as many random bytes: to find a password for them is to invert the
// hash.
std::string DecoyHash(const std::string& hash) {
  Prepare();
  assert(HashCost(hash).ok());
  std::array<unsigned char, kDigestBytes> digest;
  randombytes_buf(digest.data(), digest.size());
  std::array<char, kDigestText + 1> text{};
  sodium_bin2base64(text.data(), text.size(), digest.data(), digest.size(),
                    sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
  return hash.substr(0, hash.size() - kDigestText) + text.data();
}

std::string RandomPassword(size_t bits) {
  Prepare();
  constexpr size_t kBitsOfDigit = 4;
  const size_t digits = (bits + kBitsOfDigit - 1) / kBitsOfDigit;
  std::string bytes((digits + 1) / 2, '\0');
  randombytes_buf(bytes.data(), bytes.size());
  std::string text(2 * bytes.size() + 1, '\0');
  sodium_bin2hex(text.data(), text.size(), reinterpret_cast<const unsigned char*>(bytes.data()),
                 bytes.size());
  text.resize(digits);
  return text;
}

}  // namespace weir::users
