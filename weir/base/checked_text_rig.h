// What the tests and fuzzers of text forms (checked_text.h) share: texts with a right checksum,
// made without the code that is tested; what a form says to a text; every small damage of one.
//
// A form has `static Result<Form> FromText(std::string_view)` and `std::string ToText() const`.
// For tests only.
#pragma once

#include <cassert>
#include <cinttypes>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/key_hash.h"
#include "weir/base/result.h"

namespace weir::checked_text {

// `body` with the checksum line that belongs to it.
inline std::string Sealed(const std::string& body) {
  char line[32];
  std::snprintf(line, sizeof(line), "checksum %016" PRIx64 "\n", StableHash(body));
  return body + line;
}

// Returns "read" when `text` is one of the form, else why it is not.
template <typename Form>
std::string MessageOf(std::string_view text) {
  const Result<Form> form = Form::FromText(text);
  if (form.ok()) return "read";
  const bool corrupt = form.error().code == ErrorCode::kCorrupt;
  return (corrupt ? "" : "not as kCorrupt: ") + form.error().message;
}

// Returns `text` with a byte changed, cut off after each byte, and without its beginning up to it.
inline std::vector<std::string> EveryDamageOf(const std::string& text) {
  std::vector<std::string> damaged;
  for (size_t i = 0; i < text.size(); ++i) {
    for (const int change : {0x01, 0x20, 0x80}) {
      damaged.push_back(text);
      damaged.back()[i] = static_cast<char>(text[i] ^ change);
    }
    damaged.push_back(text.substr(0, i));
    damaged.push_back(text.substr(i + 1));
  }
  return damaged;
}

// Whatever is read is written as it was read; nothing crashes. The input is tried as it is and with
// the right checksum, which chance would not find. `check` is told what was read.
template <typename Form, typename Check>
void FuzzForm(const uint8_t* data, size_t size, const Check& check) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  for (const std::string& text : {input, Sealed(input)}) {
    const Result<Form> form = Form::FromText(text);
    if (!form.ok()) continue;
    assert(form.value().ToText() == text);
    check(form.value());
  }
}

}  // namespace weir::checked_text
