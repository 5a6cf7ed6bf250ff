#include "weir/gateway/command_docs.h"

#include <algorithm>

namespace weir::gateway {
namespace {

using Type = Argument::Type;

// Writes arguments, and the choices among them that are referred to by name.
class SyntaxWriter {
 public:
  std::string All(std::span<const Argument> arguments, std::string_view between) {
    std::string text;
    for (const Argument& argument : arguments) {
      if (!text.empty()) text += between;
      text += One(argument);
    }
    return text;
  }
  const std::vector<std::string>& choices() const { return choices_; }

 private:
  std::string One(const Argument& argument) {
    std::string text = argument.type == Type::kBlock   ? All(argument.parts(), " ")
                       : argument.type == Type::kOneOf ? Choice(argument)
                                                       : std::string(argument.name);
    if (!argument.token.empty()) text = std::string(argument.token) + " " + text;
    if (argument.optional()) return "[" + text + (argument.multiple() ? " ...]" : "]");
    return argument.multiple() ? text + " [" + text + " ...]" : text;
  }
  std::string Choice(const Argument& argument) {
    const std::string line = std::string(argument.name) + ": " + All(argument.parts(), " | ");
    if (std::find(choices_.begin(), choices_.end(), line) == choices_.end()) {
      choices_.push_back(line);
    }
    return std::string(argument.name);
  }

  std::vector<std::string> choices_;
};

std::string_view NameOf(ReplyField::Type type) {
  switch (type) {
    case ReplyField::Type::kInteger:
      return "integer";
    case ReplyField::Type::kText:
      return "string";
    case ReplyField::Type::kTextOrNull:
      return "string or null";
    case ReplyField::Type::kSeconds:
      return "double";
    case ReplyField::Type::kList:
      return "array of a string and an integer each";
  }
  __builtin_unreachable();
}

std::string FieldsOf(const ReplyDocs& reply) {
  std::string text;
  for (const ReplyField& field : reply.fields) {
    if (!text.empty()) text += ", ";
    text += std::string(field.name) + " (" + std::string(NameOf(field.type)) + ")";
  }
  return text;
}

std::string Upper(std::string_view text) {
  std::string upper(text);
  for (char& c : upper) c = c == '|' ? ' ' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  return upper;
}

}  // namespace

std::vector<std::string> SyntaxOf(const CommandSpec& spec) {
  SyntaxWriter writer;
  std::string line = Upper(spec.name);
  if (spec.docs != nullptr && !spec.docs->arguments.empty()) {
    line += " " + writer.All(spec.docs->arguments, " ");
  }
  std::vector<std::string> lines = {std::move(line)};
  lines.insert(lines.end(), writer.choices().begin(), writer.choices().end());
  return lines;
}

std::string TextOf(const ReplyDocs& reply) {
  const std::string fields = FieldsOf(reply);
  switch (reply.form) {
    case ReplyDocs::Form::kOk:
      return "OK";
    case ReplyDocs::Form::kInteger:
      return fields;
    case ReplyDocs::Form::kTexts:
      return "array of strings";
    case ReplyDocs::Form::kFields:
      return "array: " + fields;
    case ReplyDocs::Form::kMap:
      return "map: " + fields;
    case ReplyDocs::Form::kMapMore:
      return "null, or a map: the keys of its `[[limit]]` (string), " + fields;
    case ReplyDocs::Form::kRows:
      return "array of arrays: " + fields;
    case ReplyDocs::Form::kMapsEach:
      return "array of maps: " + fields;
  }
  __builtin_unreachable();
}

}  // namespace weir::gateway
