// A reply as text for a person: "+OK", ":1", "(nil)", "-ERR ...", "[a b]", "{k v}"; what is inside
// of an aggregate has a blank between. What else there is, bulk strings above all, is shown as the
// caller wants it.
// When not to use: where the text is read again; it does not tell all values apart.
// Threads: pure. Cost: O(the text).
#pragma once

#include <string>

#include "weir/resp/reader.h"

namespace weir::resp {

// `show_text`: from a text to what is shown of it.
template <typename ShowText>
std::string ReplyText(const Value& value, const ShowText& show_text) {
  using Kind = Value::Kind;
  std::string items;
  for (const Value& item : value.items) {
    items += (items.empty() ? "" : " ") + ReplyText(item, show_text);
  }
  switch (value.kind) {
    case Kind::kNull:
      return "(nil)";
    case Kind::kSimple:
      return "+" + value.text;
    case Kind::kError:
      return "-" + value.text;
    case Kind::kInteger:
      return ":" + std::to_string(value.integer);
    case Kind::kMap:
      return "{" + items + "}";
    case Kind::kArray:
    case Kind::kSet:
    case Kind::kPush:
      return "[" + items + "]";
    default:
      return show_text(value.text);
  }
}

}  // namespace weir::resp
