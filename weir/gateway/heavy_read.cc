#include "weir/gateway/heavy_read.h"

#include <array>
#include <cstring>
#include <string>
#include <utility>

#include "weir/gateway/heavy_work.h"
#include "weir/resp/output_buffer.h"

namespace weir::gateway {
namespace {

// All that is pending in one piece.
Bytes Drain(resp::OutputBuffer& output) {
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

}  // namespace

HeavyRead::HeavyRead(Origin origin, const CommandSpec& command, const ReadCall& call,
                     resp::Protocol protocol)
    : Operation(origin),
      command_(command),
      args_(call.args),
      found_(call.found.begin(), call.found.end()),
      values_(call.found.size()),
      now_(call.now),
      protocol_(protocol) {
  for (size_t i = 0; i < found_.size(); ++i) {
    Found& found = found_[i];
    values_[i] = found.shared != nullptr ? *found.shared : Bytes::Copy(found.bytes);
    found.bytes = values_[i].view();
    found.shared = &values_[i];
    bytes_ += values_[i].size();
  }
}

bool HeavyRead::Begin(std::shared_ptr<HeavyRead> self, HeavyWork& work) {
  const size_t bytes = self->bytes_;
  return work.TryPost(bytes, [self = std::move(self)] {
    self->Run();
    Deliver(self);
  });
}

void HeavyRead::Run() {
  resp::OutputBuffer output;
  resp::Writer writer(output, protocol_);
  command_.read({args_.views(), found_, now_}, writer);
  const Bytes encoded = Drain(output);
  const std::string_view text = encoded.view();
  if (writer.error_code().empty()) {
    reply_ = Reply::Encoded(encoded);
  } else {  // "-ERR ...\r\n": as an error, so that it is counted as one.
    reply_ = Reply::Failure(std::string(text.substr(1, text.size() - 3)));
  }
}

}  // namespace weir::gateway
