#include "cmd/weir/grpc_listener.h"

namespace weir::cmd {

bool HasGrpc() {
  return false;
}

Result<std::unique_ptr<GrpcListener>> StartGrpcListener(
    const Endpoint& /*endpoint*/, std::shared_ptr<const rls::Rules> /*rules*/,
    rls::DecideFunction /*decide*/, std::function<bool(std::string_view)> /*authorized*/) {
  return Error{ErrorCode::kInvalid, std::string("check_grpc ") + kNoGrpc};
}

}  // namespace weir::cmd
