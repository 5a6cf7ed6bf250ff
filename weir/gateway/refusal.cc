#include "weir/gateway/refusal.h"

namespace weir::gateway {
namespace {

std::string Fields(const Refusal& refusal) {
  std::string text = "retry_after_ms=" + std::to_string(refusal.retry_after.count());
  if (refusal.shard) text.append(" shard=").append(std::to_string(*refusal.shard));
  text.append(" reason=").append(refusal.reason).append(" : ").append(refusal.words);
  return text;
}

}  // namespace

std::string Overloaded(const Refusal& refusal) {
  return "OVERLOADED " + Fields(refusal);
}

Error OverloadError(const Refusal& refusal) {
  return Error{ErrorCode::kOverloaded, Fields(refusal)};
}

}  // namespace weir::gateway
