// LCS: the longest common subsequence of two values.
//
// The table of dynamic programming is not kept: two rows along the shorter value, and one bit a
// cell for the way back. Ties are broken as in Redis, so that the same subsequence comes out.
#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "weir/gateway/commands/commands.h"
#include "weir/gateway/errors.h"

namespace weir::gateway::commands {
namespace {

// Redis keeps four bytes a cell and refuses above this; so weir computes what Redis computes. One
// bit a cell makes 16 MB at most.
constexpr uint64_t kTableBytesMax = uint64_t{512} << 20;
constexpr uint64_t kTableCellBytes = 4;
// Cells that are computed at once on an event loop, about 100 us.
constexpr uint64_t kCellsAtOnce = 65536;

uint64_t Cells(std::string_view a, std::string_view b) {
  return (uint64_t{a.size()} + 1) * (uint64_t{b.size()} + 1);
}

// The lengths of the common subsequences of all prefixes, as far as the way back needs them.
class Table {
 public:
  // Fills the table. Without `way`, only the length is to be asked for.
  Table(std::string_view a, std::string_view b, bool way);

  uint32_t length() const { return length_; }
  // Whether the best for (i, j), which do not match, leaves out a[i - 1] rather than b[j - 1].
  bool LeavesA(size_t i, size_t j) const {
    const size_t bit = a_is_short_ ? (j - 1) * short_ + i - 1 : (i - 1) * short_ + j - 1;
    return leaves_a_[bit];
  }

 private:
  bool a_is_short_;
  size_t short_;
  uint32_t length_ = 0;
  std::vector<bool> leaves_a_;
};

Table::Table(std::string_view a, std::string_view b, bool way)
    : a_is_short_(a.size() <= b.size()), short_(std::min(a.size(), b.size())) {
  const std::string_view inner = a_is_short_ ? a : b;
  const std::string_view outer = a_is_short_ ? b : a;
  if (way) leaves_a_.resize(inner.size() * outer.size());
  std::vector<uint32_t> row(short_ + 1);  // Of the outer prefix before, and overwritten by this.
  size_t bit = 0;
  for (const char letter : outer) {
    uint32_t diagonal = 0;
    for (size_t x = 1; x <= short_; ++x, ++bit) {
      const uint32_t across = row[x];     // One outer letter less.
      const uint32_t along = row[x - 1];  // One inner letter less.
      row[x] = inner[x - 1] == letter ? diagonal + 1 : std::max(across, along);
      diagonal = across;
      if (way) leaves_a_[bit] = a_is_short_ ? along > across : across > along;
    }
  }
  length_ = row[short_];
}

struct LcsOptions {
  bool length = false;
  bool indexes = false;
  bool match_lengths = false;
  int64_t match_length_min = 0;
};

// Errors: the whole reply as message.
Result<LcsOptions> ParseLcs(Args args) {
  LcsOptions options;
  for (size_t i = 3; i < args.size(); ++i) {
    if (SameWord(args[i], "idx")) {
      options.indexes = true;
    } else if (SameWord(args[i], "len")) {
      options.length = true;
    } else if (SameWord(args[i], "withmatchlen")) {
      options.match_lengths = true;
    } else if (SameWord(args[i], "minmatchlen") && i + 1 < args.size()) {
      if (!ParseInteger(args[++i], &options.match_length_min)) {
        return Error{ErrorCode::kInvalid, std::string(errors::kNotInteger)};
      }
    } else {
      return Error{ErrorCode::kInvalid, std::string(errors::kSyntax)};
    }
  }
  if (options.indexes && options.length) {
    return Error{ErrorCode::kInvalid, std::string(errors::kLcsOptions)};
  }
  return options;
}

// A piece that both values have as it is, by the index of its first byte in each.
struct Match {
  size_t a = 0;
  size_t b = 0;
  size_t length = 0;
};

// The pieces of the subsequence, from the last to the first.
std::vector<Match> FindMatches(const Table& table, std::string_view a, std::string_view b) {
  std::vector<Match> matches;
  bool open = false;  // The last match goes on to the left.
  for (size_t i = a.size(), j = b.size(); i > 0 && j > 0;) {
    if (a[i - 1] == b[j - 1]) {
      --i;
      --j;
      if (!open) matches.push_back({i, j, 0});
      open = true;
      matches.back() = {i, j, matches.back().length + 1};
    } else {
      open = false;
      table.LeavesA(i, j) ? --i : --j;
    }
  }
  return matches;
}

void WriteSubsequence(const std::vector<Match>& matches, std::string_view a, resp::Writer& writer) {
  std::string text;
  for (auto match = matches.rbegin(); match != matches.rend(); ++match) {
    text.append(a.substr(match->a, match->length));
  }
  writer.Bulk(Bytes::Copy(text));
}

void WriteMatches(std::vector<Match> matches, const LcsOptions& options, uint32_t length,
                  resp::Writer& writer) {
  std::erase_if(matches, [&](const Match& match) {
    return static_cast<int64_t>(match.length) < options.match_length_min;
  });
  const auto write_range = [&](size_t first, size_t count) {
    writer.ArrayHeader(2);
    writer.Integer(static_cast<int64_t>(first));
    writer.Integer(static_cast<int64_t>(first + count - 1));
  };
  writer.MapHeader(2);
  writer.Bulk("matches");
  writer.ArrayHeader(matches.size());
  for (const Match& match : matches) {
    writer.ArrayHeader(options.match_lengths ? 3 : 2);
    write_range(match.a, match.length);
    write_range(match.b, match.length);
    if (options.match_lengths) writer.Integer(static_cast<int64_t>(match.length));
  }
  writer.Bulk("len");
  writer.Integer(length);
}

}  // namespace

void Lcs(const ReadCall& call, resp::Writer& writer) {
  const Result<LcsOptions> options = ParseLcs(call.args);
  if (!options.ok()) {
    WriteError(writer, options.error().message);
    return;
  }
  const std::string_view a = call.found[0].bytes;
  const std::string_view b = call.found[1].bytes;
  if (Cells(a, b) > kTableBytesMax / kTableCellBytes) {
    WriteError(writer, errors::kLcsMemory);
    return;
  }
  const Table table(a, b, !options.value().length);
  if (options.value().length) {
    writer.Integer(table.length());
    return;
  }
  std::vector<Match> matches = FindMatches(table, a, b);
  if (options.value().indexes) {
    WriteMatches(std::move(matches), options.value(), table.length(), writer);
  } else {
    WriteSubsequence(matches, a, writer);
  }
}

bool LcsIsHeavy(const ReadCall& call) {
  return Cells(call.found[0].bytes, call.found[1].bytes) > kCellsAtOnce;
}

}  // namespace weir::gateway::commands
