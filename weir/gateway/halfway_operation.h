// HalfwayOperation: finds where a range is to be cut so that both parts hold as many bytes, by
// reading all of it a step at a time. A change of the ranges meanwhile does no harm.
// Threads: as every operation (operations.h). Memory: that of shard::Halfway and one step.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "weir/base/result.h"
#include "weir/gateway/gateway.h"
#include "weir/gateway/home.h"
#include "weir/shard/halfway.h"
#include "weir/shard/range_map.h"

namespace weir::gateway {

class HalfwayOperation final : public Operation {
 public:
  using Found = std::function<void(const Result<shard::Position>&)>;

  HalfwayOperation(Origin origin, Gateway& gateway, const shard::Range& range)
      : Operation(origin), gateway_(gateway), range_(range) {}

  // `found` is called once, on any thread. Errors: kInvalid when all bytes are of one tag, or there
  // are none; those of the store.
  static void Begin(const std::shared_ptr<HalfwayOperation>& self, const Found& found);

 private:
  static void Step(std::shared_ptr<HalfwayOperation> self, uint64_t position, Found found);
  void Take(const store::Scanned& scanned);

  Gateway& gateway_;
  const shard::Range range_;
  shard::Halfway halfway_;
};

}  // namespace weir::gateway
