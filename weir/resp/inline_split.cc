#include "weir/resp/inline_split.h"

#include <cstddef>

namespace weir::resp {
namespace {

// Between arguments every white space counts, after one only these four: as sdssplitargs.
bool IsBlank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}
bool IsSpace(char c) {
  return IsBlank(c) || c == '\v' || c == '\f';
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

char Unescape(char c) {
  switch (c) {
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'b':
      return '\b';
    case 'a':
      return '\a';
    default:
      return c;
  }
}

// Decoding never makes an argument longer, so what is written stays behind what is read.
struct Cursor {
  char* read;
  char* end;
  char* written;

  size_t left() const { return static_cast<size_t>(end - read); }
};

// Each reads from behind the opening quote to behind the closing one.
bool DoubleQuoted(Cursor& at) {
  for (; at.read != at.end; ++at.read) {
    if (*at.read == '"') {
      ++at.read;
      return at.read == at.end || IsSpace(*at.read);
    }
    if (at.left() >= 4 && at.read[0] == '\\' && at.read[1] == 'x' && HexDigit(at.read[2]) >= 0 &&
        HexDigit(at.read[3]) >= 0) {
      *at.written++ = static_cast<char>(HexDigit(at.read[2]) * 16 + HexDigit(at.read[3]));
      at.read += 3;
    } else if (at.left() >= 2 && *at.read == '\\') {
      *at.written++ = Unescape(*++at.read);
    } else {
      *at.written++ = *at.read;
    }
  }
  return false;
}

bool SingleQuoted(Cursor& at) {
  for (; at.read != at.end; ++at.read) {
    if (*at.read == '\'') {
      ++at.read;
      return at.read == at.end || IsSpace(*at.read);
    }
    if (at.left() >= 2 && at.read[0] == '\\' && at.read[1] == '\'') ++at.read;
    *at.written++ = *at.read;
  }
  return false;
}

bool Argument(Cursor& at) {
  while (at.read != at.end && !IsBlank(*at.read)) {
    const char c = *at.read++;
    if (c == '"' || c == '\'') {
      // A closing quote ends the argument: what follows it is white space or the end.
      return c == '"' ? DoubleQuoted(at) : SingleQuoted(at);
    }
    *at.written++ = c;
  }
  return true;
}

}  // namespace

bool SplitInline(std::span<char> line, std::vector<std::string_view>* args) {
  Cursor at{line.data(), line.data() + line.size(), line.data()};
  for (;;) {
    while (at.read != at.end && IsSpace(*at.read)) ++at.read;
    if (at.read == at.end) return true;
    char* const start = at.written = at.read;
    if (!Argument(at)) return false;
    args->emplace_back(start, static_cast<size_t>(at.written - start));
  }
}

}  // namespace weir::resp
