#include "weir/gateway/keys_operation.h"

#include <algorithm>
#include <utility>

#include "weir/gateway/errors.h"
#include "weir/gateway/glob.h"

namespace weir::gateway {
namespace {

constexpr const char* kTooMany =
    "ERR KEYS found more than 32 MB of names; use SCAN, which has no such limit";
constexpr const char* kTooManyOfSlot =
    "ERR the slot has more than 32 MB of such names; ask CLUSTER GETKEYSINSLOT for fewer";
constexpr const char* kTooManyAtOnce =
    "OVERLOADED retry_after_ms=1000 reason=memory : others that ask for names hold too many at "
    "this moment; try again, or use SCAN";

void AppendBulk(std::string& text, std::string_view bulk) {
  text.append("$").append(std::to_string(bulk.size())).append("\r\n").append(bulk).append("\r\n");
}

}  // namespace

void KeysOperation::Begin(const std::shared_ptr<KeysOperation>& self) {
  Step(self, self->request_.from);
}

void KeysOperation::Step(std::shared_ptr<KeysOperation> self, uint64_t position) {
  RangeScan scan = ScanFrom(self->gateway_.placement(), position, kStepRecords);
  // By the last position of each, since an end of 0 is beyond all others.
  scan.wanted.to = std::min(scan.wanted.to - 1, self->request_.to - 1) + 1;
  self->gateway_.database(scan.database)
      .Scan(scan.wanted, [self, scan, position](const Result<store::Scanned>& scanned) {
        if (!scan.Holds(self->gateway_.placement())) {
          Step(self, position);
          return;
        }
        const char* error = nullptr;
        if (scanned.ok()) error = self->Take(scanned.value());
        if (!scanned.ok()) {
          self->reply_ = ErrorReply(scanned.error());
        } else if (error != nullptr) {
          self->reply_ = Reply::Failure(error);
        } else if (const uint64_t next = scanned.value().next.value_or(scan.wanted.to);
                   next != self->request_.to && self->count_ < self->request_.count_max) {
          Step(self, next);
          return;
        } else {
          self->Finish();
        }
        Deliver(self);
      });
}

const char* KeysOperation::Take(const store::Scanned& scanned) {
  std::string text;
  for (const store::Scanned::Item& item : scanned.items) {
    if (count_ == request_.count_max) break;
    if (item.record.expires_at <= scanned.now || !request_.viewer.MaySee(item.key)) continue;
    const std::optional<bool> match = TryGlobMatch(request_.pattern, item.key);
    if (!match.has_value()) return errors::kPatternTakesLong.data();
    if (!*match) continue;
    if (!request_.counts) AppendBulk(text, item.key);
    ++count_;
  }
  if (text.empty()) return nullptr;
  bytes_ += text.size();
  const size_t waiting = *all_bytes_ += text.size();
  if (bytes_ > kReplyBytesMax) return request_.IsOfAll() ? kTooMany : kTooManyOfSlot;
  if (waiting > kWaitingBytesMax) return kTooManyAtOnce;
  pieces_.push_back(Reply::Encoded(Bytes::Copy(text)));
  return nullptr;
}

void KeysOperation::Finish() {
  reply_ = request_.counts ? Reply::Integer(static_cast<int64_t>(count_))
                           : Reply::EncodedArray(count_, std::move(pieces_));
}

}  // namespace weir::gateway
