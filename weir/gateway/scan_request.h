// Reads the arguments of SCAN.
#pragma once

#include "weir/base/result.h"
#include "weir/gateway/operations.h"
#include "weir/gateway/owned_args.h"

namespace weir::gateway {

// Errors: kInvalid, with the whole reply ("ERR syntax error") as message.
Result<ScanOperation::Request> ParseScan(Args args);

}  // namespace weir::gateway
