#include "weir/nodes/peer_greeting.h"

#include <algorithm>
#include <utility>

#include <sodium.h>

namespace weir::nodes {
namespace {

constexpr size_t kNonceDigits = 2 * sizeof(PeerNonce);

std::string Hex(const uint8_t* bytes, size_t size) {
  std::string text(2 * size + 1, '\0');
  sodium_bin2hex(text.data(), text.size(), bytes, size);
  text.pop_back();
  return text;
}

std::string Words(std::initializer_list<std::string_view> words) {
  std::string text = "*" + std::to_string(words.size()) + "\r\n";
  for (const std::string_view word : words) {
    text += "$" + std::to_string(word.size()) + "\r\n";
    text.append(word) += "\r\n";
  }
  return text;
}

bool IsText(const resp::Value& value) {
  return value.kind == resp::Value::Kind::kBulk || value.kind == resp::Value::Kind::kSimple;
}

Error Refused(std::string reason) {
  return {ErrorCode::kInvalid, std::move(reason)};
}

}  // namespace

std::string PeerProof(std::string_view secret, PeerSide side, const PeerTerms& terms) {
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, reinterpret_cast<const unsigned char*>(secret.data()),
                              secret.size());
  // Each with its length before it, so that no two different lists of parts are the same bytes.
  const auto add = [&state](std::string_view part) {
    const std::string length = std::to_string(part.size()) + ":";
    for (const std::string_view bytes : {std::string_view(length), part}) {
      crypto_auth_hmacsha256_update(&state, reinterpret_cast<const unsigned char*>(bytes.data()),
                                    bytes.size());
    }
  };
  add("weir peer");
  add(kPeerVersion);
  add(side == PeerSide::kAsker ? "asker" : "answerer");
  for (const std::string& part :
       {terms.asker, terms.answerer, terms.placement_digest, terms.asker_nonce,
        terms.answerer_nonce, terms.protocol, terms.user}) {
    add(part);
  }
  std::array<unsigned char, crypto_auth_hmacsha256_BYTES> proof{};
  crypto_auth_hmacsha256_final(&state, proof.data());
  return Hex(proof.data(), proof.size());
}

bool SameProof(std::string_view a, std::string_view b) {
  return a.size() == b.size() && sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

PeerAsker::PeerAsker(std::string secret, PeerTerms terms, const PeerNonce& nonce)
    : secret_(std::move(secret)), terms_(std::move(terms)) {
  terms_.asker_nonce = Hex(nonce.data(), nonce.size());
}

std::string PeerAsker::Hello() const {
  return Words({"WEIR.PEER", "HELLO", kPeerVersion, terms_.asker, terms_.placement_digest,
                terms_.asker_nonce});
}

Result<std::string> PeerAsker::Take(const resp::Value& answer) {
  const auto fail = [this](std::string reason) {
    return Error{ErrorCode::kUnavailable, "node " + terms_.answerer + " " + std::move(reason)};
  };
  if (answer.kind == resp::Value::Kind::kError) return fail("refuses: " + answer.text);
  if (proving_) {
    const std::string expected = PeerProof(secret_, PeerSide::kAnswerer, terms_);
    if (IsText(answer) && SameProof(answer.text, expected)) return std::string();
    return fail("does not prove that it has this node's peer_secret");
  }
  if (answer.kind != resp::Value::Kind::kArray || answer.items.size() != 2 ||
      !IsText(answer.items[0]) || answer.items[1].text.size() != kNonceDigits) {
    return fail("does not answer as a node does");
  }
  if (answer.items[0].text != terms_.answerer) {
    return fail("is not at its address; node " + answer.items[0].text + " is");
  }
  terms_.answerer_nonce = answer.items[1].text;
  proving_ = true;
  return Words({"WEIR.PEER", "PROVE", PeerProof(secret_, PeerSide::kAsker, terms_), terms_.protocol,
                terms_.user});
}

PeerAnswerer::PeerAnswerer(std::string secret, const NodeTable& table, const PeerNonce& nonce)
    : secret_(std::move(secret)), table_(table) {
  terms_.answerer = table.node(table.self()).id;
  terms_.placement_digest = table.placement_digest();
  terms_.answerer_nonce = Hex(nonce.data(), nonce.size());
}

Result<std::string> PeerAnswerer::Take(const Hello& hello) {
  if (hello.version != kPeerVersion) return Refused("this node greets peers by version 1");
  if (hello.placement_digest != terms_.placement_digest) {
    return Refused("this node has another list of nodes, or other slots: its digest is " +
                   terms_.placement_digest);
  }
  const bool listed =
      std::ranges::find(table_.nodes(), hello.id, &Node::id) != table_.nodes().end();
  if (!listed || hello.id == terms_.answerer)
    return Refused("no other node of the list has this id");
  if (hello.nonce.size() != kNonceDigits) return Refused("a nonce has 64 hexadecimal digits");
  terms_.asker = hello.id;
  terms_.asker_nonce = hello.nonce;
  greeted_ = true;
  return terms_.answerer_nonce;
}

Result<std::string> PeerAnswerer::Take(const Proof& proof) {
  if (!std::exchange(greeted_, false)) return Refused("HELLO comes first");
  if (proof.protocol != "2" && proof.protocol != "3") return Refused("the protocol is 2 or 3");
  terms_.protocol = proof.protocol;
  terms_.user = proof.user;
  if (!SameProof(proof.proof, PeerProof(secret_, PeerSide::kAsker, terms_))) {
    return Refused("this is no proof of this node's peer_secret");
  }
  return PeerProof(secret_, PeerSide::kAnswerer, terms_);
}

}  // namespace weir::nodes
