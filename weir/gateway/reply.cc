#include "weir/gateway/reply.h"

#include <array>
#include <cstring>
#include <string_view>

#include "weir/gateway/refusal.h"

namespace weir::gateway {
namespace {

// Those of the mechanisms and the store say in words which of their limits is reached.
std::string OverloadedBy(const std::string& message) {
  if (message.starts_with("retry_after_ms=")) return "OVERLOADED " + message;
  return Overloaded({"limit", Refusal::kUntilQueue, message});
}

}  // namespace

void Reply::WriteTo(resp::Writer& writer) const {
  switch (kind) {
    case Kind::kStatus:
      writer.SimpleString(text);
      return;
    case Kind::kInteger:
      writer.Integer(integer);
      return;
    case Kind::kNull:
      writer.Null();
      return;
    case Kind::kBulk:
      writer.Bulk(bulk);
      return;
    case Kind::kDouble:
      writer.DoubleAs(text);
      return;
    case Kind::kError:
      WriteError(writer, text);
      return;
    case Kind::kArray:
      writer.ArrayHeader(items.size());
      for (const Reply& item : items) item.WriteTo(writer);
      return;
    case Kind::kNullArray:
      writer.NullArray();
      return;
    case Kind::kEncoded:
      if (!bulk.empty()) writer.Encoded(bulk);
      if (bulk.empty()) writer.ArrayHeader(static_cast<uint64_t>(integer));
      for (const Reply& piece : items) piece.WriteTo(writer);
      return;
  }
}

Bytes TakeAll(resp::OutputBuffer& output) {
  char* at = nullptr;
  Bytes all = Bytes::Allocate(output.pending_bytes(), &at);
  std::array<resp::OutputBuffer::Span, 64> spans;
  while (const size_t count = output.Spans(spans)) {
    size_t taken = 0;
    for (size_t i = 0; i < count; ++i) {
      std::memcpy(at + taken, spans[i].data, spans[i].size);
      taken += spans[i].size;
    }
    at += taken;
    output.Consume(taken);
  }
  return all;
}

Reply EncodedBy(resp::Protocol protocol, const std::function<void(resp::Writer&)>& write) {
  resp::OutputBuffer output;
  resp::Writer writer(output, protocol);
  write(writer);
  const Bytes encoded = TakeAll(output);
  if (writer.error_code().empty()) return Reply::Encoded(encoded);
  const std::string_view text = encoded.view();  // "-ERR ...\r\n"
  return Reply::Failure(std::string(text.substr(1, text.size() - 3)));
}

void WriteError(resp::Writer& writer, std::string_view text) {
  const size_t space = text.find(' ');
  writer.Error(text.substr(0, space),
               space == std::string_view::npos ? "" : text.substr(space + 1));
}

Reply ErrorReply(const Error& error) {
  switch (error.code) {
    case ErrorCode::kUnknown:
      return Reply::Failure("UNKNOWN " + error.message);
    case ErrorCode::kOverloaded:
      return Reply::Failure(OverloadedBy(error.message));
    case ErrorCode::kInvalid:
    case ErrorCode::kUnavailable:
    case ErrorCode::kCorrupt:
      return Reply::Failure("ERR " + error.message);
  }
  return Reply::Failure("ERR " + error.message);
}

}  // namespace weir::gateway
