#include "weir/resp/reply_scanner.h"

#include <algorithm>

namespace weir::resp {
namespace {

constexpr uint64_t kNumberMax = uint64_t{1} << 40;
constexpr uint64_t kCrlf = 2;

}  // namespace

ReplyScanner::Result ReplyScanner::Next(std::string_view* input) {
  complete_ = false;
  while (!broken_) {
    if (skip_ > 0) {
      const size_t skipped = std::min<uint64_t>(skip_, input->size());
      input->remove_prefix(skipped);
      skip_ -= skipped;
      if (skip_ > 0) return Result::kNeedMore;
      ValueEnds();
      if (complete_) return Result::kReply;
    }
    if (input->empty()) return Result::kNeedMore;
    const size_t newline = input->find('\n');
    TakeOfLine(input->substr(0, newline));
    if (newline == std::string_view::npos) {
      input->remove_prefix(input->size());
      return broken_ ? Result::kBroken : Result::kNeedMore;
    }
    input->remove_prefix(newline + 1);
    const bool is_error = marker_ == '-' && depth_ == 0;
    if (!ends_ || !TakeLine()) broken_ = true;
    marker_ = 0;
    if (complete_ && !broken_) return is_error ? Result::kError : Result::kReply;
  }
  return Result::kBroken;
}

void ReplyScanner::TakeOfLine(std::string_view text) {
  for (const char c : text) {
    if (marker_ == 0) {
      marker_ = c;
      minus_ = ends_ = odd_ = code_ended_ = false;
      number_ = 0;
      line_bytes_ = 0;
      if (c == '-') code_size_ = 0;
      continue;
    }
    ++line_bytes_;
    if (c == '\r') {
      ends_ = true;
      continue;
    }
    if (marker_ == '+') {  // Nothing else in it matters.
      ends_ = text.ends_with('\r');
      return;
    }
    if (c >= '0' && c <= '9') {
      number_ = std::min(number_ * 10 + static_cast<uint64_t>(c - '0'), kNumberMax);
    } else if (c == '-' && line_bytes_ == 1) {
      minus_ = true;
    } else {
      odd_ = true;
    }
    if (marker_ == '-' && !code_ended_) {
      code_ended_ = c == ' ' || code_size_ == kCodeBytesMax;
      if (!code_ended_) code_[code_size_++] = c;
    }
  }
}

bool ReplyScanner::TakeLine() {
  const bool counts = !odd_ && line_bytes_ > 1 && number_ < kNumberMax;
  switch (marker_) {
    case '+':
    case '-':
    case ':':
    case '_':
    case ',':
    case '#':
    case '(':
      ValueEnds();
      return true;
    case '$':
    case '=':
    case '!':
      if (!counts) return false;
      if (minus_) {
        ValueEnds();
      } else {
        skip_ = number_ + kCrlf;
      }
      return true;
    case '*':
    case '~':
    case '>':
      return counts && OpenAggregate(minus_ ? 0 : number_);
    case '%':
      return counts && OpenAggregate(2 * number_);
    default:
      return false;
  }
}

bool ReplyScanner::OpenAggregate(uint64_t items) {
  if (items == 0) {
    ValueEnds();
    return true;
  }
  if (depth_ == kDepthMax) return false;
  left_[depth_++] = items;
  return true;
}

void ReplyScanner::ValueEnds() {
  while (depth_ > 0 && --left_[depth_ - 1] == 0) --depth_;
  complete_ = depth_ == 0;
}

}  // namespace weir::resp
