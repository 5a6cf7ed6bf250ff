#include "cmd/weir/replay_trace.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include <sys/stat.h>
#include <zstd.h>

namespace weir::cmd {
namespace {

constexpr std::string_view kZstdMagic = "\x28\xb5\x2f\xfd";

Error Broken(const std::string& what) {
  return {ErrorCode::kInvalid, what};
}

}  // namespace

struct TraceReader::Unpacker {
  ZSTD_DCtx* context = ZSTD_createDCtx();
  std::vector<char> output = std::vector<char>(ZSTD_DStreamOutSize());
  size_t last = 0;  // 0: a frame is complete.

  Unpacker() = default;
  Unpacker(const Unpacker&) = delete;
  Unpacker& operator=(const Unpacker&) = delete;
  ~Unpacker() { ZSTD_freeDCtx(context); }
};

Result<std::unique_ptr<TraceReader>> TraceReader::Open(const std::string& name) {
  std::FILE* file = name == "-" ? stdin : std::fopen(name.c_str(), "rb");
  if (file == nullptr) {
    return Broken(name + ": " + std::strerror(errno) + "; give the path of a trace");
  }
  std::unique_ptr<TraceReader> reader(new TraceReader(file));
  struct stat status {};
  if (fstat(fileno(file), &status) == 0 && S_ISREG(status.st_mode)) {
    reader->bytes_total_ = static_cast<uint64_t>(status.st_size);
  }
  return reader;
}

TraceReader::TraceReader(std::FILE* file) : file_(file), input_(ZSTD_DStreamInSize()) {}

TraceReader::~TraceReader() {
  if (file_ != stdin) std::fclose(file_);
}

// Reads a piece of the file into text_. Returns false at its end.
Result<bool> TraceReader::Fill() {
  const size_t count = std::fread(input_.data(), 1, input_.size(), file_);
  if (count == 0) {
    if (std::ferror(file_) != 0) return Broken("the trace cannot be read");
    if (unpacker_ != nullptr && unpacker_->last != 0) return Broken("the trace ends too early");
    return false;
  }
  const std::string_view piece(input_.data(), count);
  if (bytes_read_ == 0 && piece.starts_with(kZstdMagic)) unpacker_ = std::make_unique<Unpacker>();
  bytes_read_ += count;
  text_.erase(0, std::exchange(at_, 0));
  if (unpacker_ == nullptr) {
    text_ += piece;
    return true;
  }
  ZSTD_inBuffer in{piece.data(), piece.size(), 0};
  while (in.pos < in.size) {
    ZSTD_outBuffer out{unpacker_->output.data(), unpacker_->output.size(), 0};
    unpacker_->last = ZSTD_decompressStream(unpacker_->context, &out, &in);
    if (ZSTD_isError(unpacker_->last) != 0) {
      return Broken(std::string("the trace is not zstd: ") + ZSTD_getErrorName(unpacker_->last));
    }
    text_.append(unpacker_->output.data(), out.pos);
  }
  return true;
}

Result<bool> TraceReader::Next(Request& request) {
  while (true) {
    const size_t end = text_.find('\n', at_);
    if (end == std::string::npos && !end_) {
      if (text_.size() - at_ > kLineBytesMax) return Broken("a line of the trace is too long");
      const Result<bool> more = Fill();
      if (!more.ok()) return more.error();
      end_ = !more.value();
      continue;
    }
    if (at_ >= text_.size()) return false;
    const size_t stop = end == std::string::npos ? text_.size() : end;
    std::string_view line(text_.data() + at_, stop - at_);
    at_ = stop + 1;
    ++lines_;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty()) return Parse(line, request);
  }
}

Result<bool> TraceReader::Parse(std::string_view line, Request& request) {
  const size_t comma = line.find(',');
  const std::string_view key = line.substr(0, comma);
  request.size = 1;
  if (comma != std::string_view::npos) {
    const std::string_view size = line.substr(comma + 1);
    const auto [end, error] = std::from_chars(size.begin(), size.end(), request.size);
    if (error != std::errc() || end != size.end()) {
      return Broken("line " + std::to_string(lines_) + " of the trace is neither `key` nor " +
                    "`key,size`");
    }
  }
  const auto number = static_cast<uint32_t>(keys_.size());
  request.key = keys_.try_emplace(std::string(key), number).first->second;
  return true;
}

}  // namespace weir::cmd
