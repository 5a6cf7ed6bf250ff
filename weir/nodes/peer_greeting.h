// The greeting of two nodes: each proves to the other that it has the secret of the list, and both
// that they mean the same table and the same connection.
//
//   asker                                                         answerer
//     WEIR.PEER HELLO 1 <its id> <placement digest> <nonce>   ──►
//                                          ◄──   [<its id>, <nonce>], or an error that says why not
//     WEIR.PEER PROVE <proof> <protocol> <user>               ──►
//                                          ◄──   <proof>, or an error; then the connection is a
//                                          peer's
//
// A proof is HMAC-SHA256, by the secret, of everything both have said and of which side says it, so
// neither an older proof nor the other side's own fits: nonces are new for each connection. The
// asker proves first, so whoever merely connects is given nothing to guess the secret by. What
// follows on the connection is not signed: who can change bytes on the way needs no proof. Nodes
// belong in a network that is theirs.
//
// Pure: nonces are passed in and must be random. Threads: single-owner.
// Source: HMAC-SHA256 (RFC 2104) of libsodium.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "weir/base/result.h"
#include "weir/nodes/node_table.h"
#include "weir/resp/reader.h"

namespace weir::nodes {

using PeerNonce = std::array<uint8_t, 32>;

// A shorter secret might be guessed by who has heard one greeting.
inline constexpr size_t kPeerSecretBytesMin = 16;
inline constexpr std::string_view kPeerVersion = "1";
// Of what the other side answers to the greeting.
inline constexpr resp::ReaderLimits kGreetingAnswerMax{
    .depth_max = 1, .values_max = 3, .bytes_max = 1024, .line_bytes_max = 1024};

enum class PeerSide : uint8_t { kAsker, kAnswerer };

// What both sides prove that they mean.
struct PeerTerms {
  std::string asker;  // Ids of nodes.
  std::string answerer;
  std::string placement_digest;
  std::string asker_nonce;  // In hexadecimal digits.
  std::string answerer_nonce;
  std::string protocol;  // "2" or "3", of the answers to come.
  std::string user;      // Whose commands will come; empty: there are no users.
};

// Returns 64 hexadecimal digits.
std::string PeerProof(std::string_view secret, PeerSide side, const PeerTerms& terms);
// Takes as long whatever differs, for texts of one length.
bool SameProof(std::string_view a, std::string_view b);

class PeerAsker {
 public:
  // `terms`: without the answerer's nonce. The asker's is of `nonce`.
  PeerAsker(std::string secret, PeerTerms terms, const PeerNonce& nonce);

  // What to send first.
  std::string Hello() const;
  // Takes the answer to what was sent last. Returns what to send next; empty: the greeting is over,
  // and the other side is who it should be.
  // Errors: kUnavailable with what the other side said, or what it failed to prove.
  Result<std::string> Take(const resp::Value& answer);

 private:
  const std::string secret_;
  PeerTerms terms_;
  bool proving_ = false;
};

class PeerAnswerer {
 public:
  // Borrows `table` for its life.
  PeerAnswerer(std::string secret, const NodeTable& table, const PeerNonce& nonce);

  // What a HELLO says.
  struct Hello {
    std::string_view version;
    std::string_view id;
    std::string_view placement_digest;
    std::string_view nonce;
  };
  // Returns the nonce to answer with, beside the id of this node.
  // Errors: kInvalid: it is of no node of the list that may ask this one.
  Result<std::string> Take(const Hello& hello);

  struct Proof {
    std::string_view proof;
    std::string_view protocol;
    std::string_view user;
  };
  // Returns the proof to answer with: now the other side is node asker(). One attempt for each
  // HELLO: what fails once fails for ever.
  // Errors: kInvalid.
  Result<std::string> Take(const Proof& proof);

  const std::string& asker() const { return terms_.asker; }

 private:
  const std::string secret_;
  const NodeTable& table_;
  PeerTerms terms_;
  bool greeted_ = false;
};

}  // namespace weir::nodes
