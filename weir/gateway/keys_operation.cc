#include "weir/gateway/keys_operation.h"

#include <utility>

#include "weir/gateway/errors.h"
#include "weir/gateway/glob.h"

namespace weir::gateway {
namespace {

constexpr const char* kTooMany =
    "ERR KEYS found more than 32 MB of names; use SCAN, which has no such limit";
constexpr const char* kTooManyAtOnce =
    "OVERLOADED retry_after_ms=1000 reason=memory : other KEYS hold too many names at this moment; "
    "use SCAN, or try again";

void AppendBulk(std::string& text, std::string_view bulk) {
  text.append("$").append(std::to_string(bulk.size())).append("\r\n").append(bulk).append("\r\n");
}

}  // namespace

void KeysOperation::Begin(const std::shared_ptr<KeysOperation>& self) {
  Step(self, 0);
}

void KeysOperation::Step(std::shared_ptr<KeysOperation> self, uint64_t position) {
  const RangeScan scan = ScanFrom(self->gateway_.placement(), position, kStepRecords);
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
        } else if (const uint64_t next = scanned.value().next.value_or(scan.wanted.to); next != 0) {
          Step(self, next);
          return;
        } else {
          self->reply_ = Reply::EncodedArray(self->count_, std::move(self->pieces_));
        }
        Deliver(self);
      });
}

const char* KeysOperation::Take(const store::Scanned& scanned) {
  std::string text;
  for (const store::Scanned::Item& item : scanned.items) {
    if (item.record.expires_at <= scanned.now || !viewer_.MaySee(item.key)) continue;
    const std::optional<bool> match = TryGlobMatch(pattern_, item.key);
    if (!match.has_value()) return errors::kPatternTakesLong.data();
    if (!*match) continue;
    AppendBulk(text, item.key);
    ++count_;
  }
  if (text.empty()) return nullptr;
  bytes_ += text.size();
  const size_t waiting = *all_bytes_ += text.size();
  if (bytes_ > kReplyBytesMax) return kTooMany;
  if (waiting > kWaitingBytesMax) return kTooManyAtOnce;
  pieces_.push_back(Reply::Encoded(Bytes::Copy(text)));
  return nullptr;
}

}  // namespace weir::gateway
