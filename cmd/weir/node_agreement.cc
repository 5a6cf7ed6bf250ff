#include "cmd/weir/node_agreement.h"

#include <algorithm>
#include <array>
#include <future>
#include <optional>
#include <utility>

#include "weir/net/address.h"
#include "weir/net/socket.h"
#include "weir/resp/reader.h"

namespace weir::cmd {
namespace {

constexpr std::string_view kQuestion = "*2\r\n$9\r\nWEIR.RING\r\n$6\r\nDIGEST\r\n";

// What a node answers; nullopt when it is not there, or does not answer in time.
std::optional<resp::Value> Ask(const nodes::Node& node) {
  const bool v6 = node.ip.find(':') != std::string::npos;
  const Result<net::Address> address =
      net::ParseAddress((v6 ? "[" + node.ip + "]" : node.ip) + ":" + std::to_string(node.port));
  if (!address.ok()) return std::nullopt;
  Result<net::Socket> socket = net::Socket::Connect(address.value(), kAgreementPatience);
  if (!socket.ok()) return std::nullopt;
  const net::Piece piece{kQuestion.data(), kQuestion.size()};
  if (socket.value().Send({&piece, 1}).bytes != kQuestion.size()) return std::nullopt;
  resp::Reader reader;
  for (;;) {
    std::array<char, 4096> received;
    const net::Transfer got = socket.value().Receive(received);
    if (got.state != net::Transfer::State::kDone) return std::nullopt;
    std::string_view bytes(received.data(), got.bytes);
    resp::Value value;
    const resp::ReadResult result = reader.Next(&bytes, &value);
    if (result == resp::ReadResult::kValue) return value;
    if (result == resp::ReadResult::kError) return resp::Value{};
  }
}

// Adds to `agreement` what `node` answered.
Result<Ok> Judge(const nodes::NodeTable& table, const nodes::Node& node, const resp::Value& answer,
                 Agreement* agreement) {
  const std::string who = "node '" + node.id + "' at " + node.address();
  if (answer.kind != resp::Value::Kind::kArray || answer.items.size() != 3) {
    agreement->warnings.push_back(who + " could not be asked for its list" +
                                  (answer.text.empty() ? "" : ": " + answer.text));
    return Ok{};
  }
  if (answer.items[0].text != node.id) {
    return Error{ErrorCode::kInvalid, who + " says that it is '" + answer.items[0].text +
                                          "'; mend the addresses of the [[node]] sections"};
  }
  if (answer.items[1].text != table.placement_digest()) {
    return Error{ErrorCode::kInvalid,
                 who +
                     " has a list with other ids or weights, or was laid out by another; write "
                     "the same [[node]] sections for all nodes"};
  }
  if (answer.items[2].text != table.digest()) {
    agreement->warnings.push_back(who + " has a list with other addresses");
  }
  return Ok{};
}

}  // namespace

Result<Agreement> AskOtherNodes(const nodes::NodeTable& table) {
  std::vector<const nodes::Node*> others;
  for (const nodes::Node& node : table.nodes()) {
    if (&node != &table.node(table.self())) others.push_back(&node);
  }
  Agreement agreement;
  for (size_t begin = 0; begin < others.size(); begin += kAgreementAtOnce) {
    const size_t end = std::min(begin + kAgreementAtOnce, others.size());
    std::vector<std::future<std::optional<resp::Value>>> answers;
    for (size_t i = begin; i < end; ++i) {
      answers.push_back(std::async(std::launch::async, Ask, std::cref(*others[i])));
    }
    for (size_t i = begin; i < end; ++i) {
      const std::optional<resp::Value> answer = answers[i - begin].get();
      if (!answer.has_value()) continue;
      const Result<Ok> judged = Judge(table, *others[i], *answer, &agreement);
      if (!judged.ok()) return judged.error();
    }
  }
  return agreement;
}

}  // namespace weir::cmd
