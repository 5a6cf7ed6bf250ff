#include "weir/gateway/peer_sessions.h"

#include <algorithm>
#include <cstring>

namespace weir::gateway {
namespace {

constexpr std::string_view kForwarded = "WEIR.FORWARDED";
constexpr size_t kWordsBefore = 2;

void AppendWord(std::string_view word, std::string* text) {
  *text += '$';
  *text += std::to_string(word.size());
  *text += "\r\n";
  *text += word;
  *text += "\r\n";
}

}  // namespace

nodes::PeerNonce PeerSessions::NewNonce() {
  nodes::PeerNonce nonce;
  const std::lock_guard lock(mutex_);
  for (size_t i = 0; i < nonce.size(); i += sizeof(uint64_t)) {
    const uint64_t number = numbers_.Next();
    std::memcpy(nonce.data() + i, &number, sizeof(number));
  }
  return nonce;
}

std::string ForwardedRequest(const Forward& forward) {
  constexpr size_t kBeforeBytes = 64;
  const Args args = forward.args();
  std::string text;
  text.reserve(kBeforeBytes + forward.request_bytes());
  text += '*';
  text += std::to_string(args.size() + kWordsBefore);
  text += "\r\n";
  AppendWord(kForwarded, &text);
  const auto& client = forward.asked().client.bytes;
  AppendWord({reinterpret_cast<const char*>(client.data()), client.size()}, &text);
  for (const std::string_view arg : args) AppendWord(arg, &text);
  return text;
}

std::optional<limit::Address> TakeForwarded(resp::Command* request) {
  const Args args = request->args();
  limit::Address client;
  if (args.size() <= kWordsBefore || args[0] != kForwarded ||
      args[1].size() != client.bytes.size()) {
    return std::nullopt;
  }
  std::copy(args[1].begin(), args[1].end(), client.bytes.begin());
  request->DropFront(kWordsBefore);
  return client;
}

bool MayBeForwarded(const CommandSpec& command) {
  if ((command.flags & (kFlagAdmin | kFlagTransaction | kFlagPubSub)) != 0) return false;
  switch (command.kind) {
    case CommandKind::kRead:
    case CommandKind::kWrite:
    case CommandKind::kOperation:
      return true;
    case CommandKind::kLocal:
    case CommandKind::kWait:
      return command.keys.first != 0;
    case CommandKind::kAuthenticate:
    case CommandKind::kExec:
      return false;
  }
  return false;
}

}  // namespace weir::gateway
