#include "weir/gateway/overload.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "weir/gateway/refusal.h"

namespace weir::gateway {
namespace {

constexpr std::array<std::string_view, Overload::kReasons> kWords = {
    "as many requests wait for its database as may; try again",
    "it waited too long for its database; try again",
    "its database fails or does not answer; try again",
};

}  // namespace

Error OverloadError(const Overload& overload, uint32_t shard) {
  const auto reason = static_cast<size_t>(overload.reason);
  const auto retry_after = std::chrono::ceil<std::chrono::milliseconds>(overload.retry_after);
  return OverloadError({Overload::kNames[reason],
                        std::max(retry_after, std::chrono::milliseconds(1)), kWords[reason],
                        shard});
}

}  // namespace weir::gateway
