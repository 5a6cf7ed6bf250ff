// What is told of a command besides its row: its arguments, replies and errors. One table that
// COMMAND DOCS, docs/commands.md and the tests read (commands/limit_docs.h).
//
// Threads: immutable values of static storage.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weir/gateway/command.h"

namespace weir::gateway {

// An argument as COMMAND DOCS tells it.
struct Argument {
  enum class Type : uint8_t {
    kString,
    kInteger,
    kKey,
    kOneOf,  // One of its parts.
    kBlock,  // All of its parts, in turn.
  };
  enum Flag : uint8_t {
    kOptional = 1 << 0,
    kMultiple = 1 << 1,
    kMultipleToken = 1 << 2,  // Its token comes each time.
  };

  std::string_view name;
  Type type = Type::kString;
  uint8_t flags = 0;
  std::string_view token{};  // The word before it.
  int key_spec = -1;         // Of a key, which of the key specifications of COMMAND INFO it is.
  const Argument* first_part = nullptr;
  size_t part_count = 0;

  constexpr std::span<const Argument> parts() const { return {first_part, part_count}; }
  constexpr bool optional() const { return (flags & kOptional) != 0; }
  constexpr bool multiple() const { return (flags & kMultiple) != 0; }
};

struct ReplyField {
  enum class Type : uint8_t {
    kInteger,
    kText,
    kTextOrNull,
    kSeconds,  // A double; in RESP2 a bulk string.
    kList,     // Of pairs: a text and an integer.
  };
  std::string_view name;
  Type type = Type::kInteger;
};

struct ReplyDocs {
  enum class Form : uint8_t {
    kOk,
    kInteger,   // The one field.
    kTexts,     // A list of texts.
    kFields,    // A list of the fields, in turn.
    kMap,       // Of the fields by name; in RESP2 names and values in turn.
    kMapMore,   // The same, with other texts by name before them; or null.
    kRows,      // A list of lists of the fields.
    kMapsEach,  // A list of maps.
  };
  Form form = Form::kOk;
  std::span<const ReplyField> fields{};
};

// An error as it comes over the wire, where `*` stands for any text.
struct ErrorDocs {
  std::string_view text;
  std::string_view when;
};

// Errors that several commands share, "limits" for those of limits.
struct ErrorGroup {
  std::string_view name;
  std::span<const ErrorDocs> errors;
};

struct Documentation {
  std::span<const Argument> arguments{};
  ReplyDocs reply{};
  std::span<const ErrorDocs> errors{};  // Of its own.
  const ErrorGroup* shared = nullptr;   // And these.

  std::span<const ErrorDocs> shared_errors() const {
    return shared == nullptr ? std::span<const ErrorDocs>() : shared->errors;
  }
};

// The arguments as people write them: the whole line, then a line for each of its choices between
// several words, `name: one | other`.
std::vector<std::string> SyntaxOf(const CommandSpec& spec);

// The reply in one line, such as "array: allowed (integer), lease (string or null)".
std::string TextOf(const ReplyDocs& reply);

}  // namespace weir::gateway
