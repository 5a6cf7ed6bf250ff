#include "weir/gateway/heavy_read.h"

#include <string>
#include <utility>

#include "weir/gateway/heavy_work.h"

namespace weir::gateway {
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
  reply_ = EncodedBy(protocol_, [this](resp::Writer& writer) {
    command_.read({args_.views(), found_, now_}, writer);
  });
}

}  // namespace weir::gateway
