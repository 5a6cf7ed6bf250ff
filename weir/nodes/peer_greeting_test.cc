// Goal: two nodes that share a secret and a table greet each other; nobody else gets through, not
// with an old proof, not with the other side's, and not for another user than was proven.
// Method: both sides in one process, messages changed on the way.
#include "weir/nodes/peer_greeting.h"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::nodes {
namespace {

using resp::Value;
using testing::HasSubstr;

constexpr char kSecret[] = "0123456789abcdef";

PeerNonce NonceOf(uint8_t byte) {
  PeerNonce nonce{};
  nonce.fill(byte);
  return nonce;
}

NodeTable TableOf(std::string_view self, uint32_t weight = 1) {
  return NodeTable::FirstPlacement(
      {{"n1", "127.0.0.1", 7001, weight}, {"n2", "127.0.0.1", 7002, 1}}, self);
}

Value Text(std::string text) {
  return {.kind = Value::Kind::kBulk, .text = std::move(text)};
}

// The words of a request.
std::vector<std::string> WordsOf(std::string_view request) {
  resp::Reader reader;
  Value value;
  EXPECT_EQ(reader.Next(&request, &value), resp::ReadResult::kValue);
  EXPECT_TRUE(request.empty());
  std::vector<std::string> words;
  for (const Value& item : value.items) words.push_back(item.text);
  return words;
}

class PeerGreetingTest : public testing::Test {
 protected:
  static PeerTerms Terms(std::string user = "ann") {
    const NodeTable table = TableOf("n1");
    return {.asker = "n1",
            .answerer = "n2",
            .placement_digest = table.placement_digest(),
            .asker_nonce = "",
            .answerer_nonce = "",
            .protocol = "3",
            .user = std::move(user)};
  }
  static PeerAsker Asker(std::string secret = kSecret, PeerTerms terms = Terms()) {
    return PeerAsker(std::move(secret), std::move(terms), NonceOf(1));
  }
  PeerAnswerer Answerer(uint8_t nonce = 2) { return PeerAnswerer(kSecret, table_, NonceOf(nonce)); }

  static Result<std::string> TakeHello(PeerAnswerer& answerer,
                                       const std::vector<std::string>& words) {
    return answerer.Take(PeerAnswerer::Hello{words[2], words[3], words[4], words[5]});
  }
  static Result<std::string> TakeProof(PeerAnswerer& answerer,
                                       const std::vector<std::string>& words) {
    return answerer.Take(PeerAnswerer::Proof{words[2], words[3], words[4]});
  }
  // What the asker says to prove itself to this answerer.
  static std::vector<std::string> Prove(PeerAsker& asker, PeerAnswerer& answerer) {
    const Result<std::string> nonce = TakeHello(answerer, WordsOf(asker.Hello()));
    EXPECT_TRUE(nonce.ok());
    const Result<std::string> next =
        asker.Take({.kind = Value::Kind::kArray, .items = {Text("n2"), Text(nonce.value())}});
    EXPECT_TRUE(next.ok());
    return WordsOf(next.value());
  }

  NodeTable table_ = TableOf("n2");
};

TEST_F(PeerGreetingTest, TwoThatShareASecretGetThrough) {
  PeerAsker asker = Asker();
  PeerAnswerer answerer = Answerer();
  const std::vector<std::string> prove = Prove(asker, answerer);
  EXPECT_EQ(prove[0] + prove[1] + prove[3] + prove[4], "WEIR.PEERPROVE3ann");
  const Result<std::string> proof = TakeProof(answerer, prove);
  ASSERT_TRUE(proof.ok()) << proof.error().message;
  EXPECT_EQ(answerer.asker(), "n1");
  const Result<std::string> last = asker.Take(Text(proof.value()));
  ASSERT_TRUE(last.ok()) << last.error().message;
  EXPECT_EQ(last.value(), "");
}

TEST_F(PeerGreetingTest, AnotherSecretIsRefusedByBoth) {
  PeerAsker asker = Asker("0123456789abcdeF");
  PeerAnswerer answerer = Answerer();
  EXPECT_THAT(TakeProof(answerer, Prove(asker, answerer)).error().message,
              HasSubstr("no proof of this node's peer_secret"));
  for (const std::string& claimed : {std::string(64, '0'), std::string(), std::string("OK")}) {
    PeerAsker honest = Asker();
    PeerAnswerer other = Answerer();
    Prove(honest, other);
    EXPECT_THAT(honest.Take(Text(claimed)).error().message, HasSubstr("does not prove"));
  }
}

TEST_F(PeerGreetingTest, AProofHoldsForItsConnectionAlone) {
  PeerAsker asker = Asker();
  PeerAnswerer first = Answerer(2);
  const std::vector<std::string> prove = Prove(asker, first);
  ASSERT_TRUE(TakeProof(first, prove).ok());
  EXPECT_FALSE(TakeProof(first, prove).ok()) << "once";
  PeerAnswerer second = Answerer(3);
  ASSERT_TRUE(TakeHello(second, WordsOf(asker.Hello())).ok());
  EXPECT_FALSE(TakeProof(second, prove).ok()) << "the nonce of the other side is new";
}

TEST_F(PeerGreetingTest, WhatWasProvenCannotBeChangedOnTheWay) {
  for (const size_t word : {size_t{2}, size_t{3}, size_t{4}}) {
    PeerAsker asker = Asker();
    PeerAnswerer answerer = Answerer();
    std::vector<std::string> prove = Prove(asker, answerer);
    prove[word] = word == 3 ? "2" : prove[word] + "x";
    EXPECT_FALSE(TakeProof(answerer, prove).ok()) << word;
  }
}

TEST_F(PeerGreetingTest, TheProofOfOneSideIsNotThatOfTheOther) {
  PeerAsker asker = Asker();
  PeerAnswerer answerer = Answerer();
  const std::vector<std::string> prove = Prove(asker, answerer);
  EXPECT_FALSE(asker.Take(Text(prove[2])).ok());
}

TEST_F(PeerGreetingTest, PartsOfTheTermsCannotBeShifted) {
  PeerTerms terms = Terms("ann");
  PeerTerms shifted = terms;
  shifted.protocol = "3a";
  shifted.user = "nn";
  EXPECT_NE(PeerProof(kSecret, PeerSide::kAsker, terms),
            PeerProof(kSecret, PeerSide::kAsker, shifted));
}

TEST_F(PeerGreetingTest, WhoMeansAnotherTableOrIsNotOfItIsRefusedBeforeAnyProof) {
  const std::vector<std::string> good = WordsOf(Asker().Hello());
  const auto with = [&good](size_t word, std::string text) {
    std::vector<std::string> words = good;
    words[word] = std::move(text);
    return words;
  };
  PeerAnswerer answerer = Answerer();
  EXPECT_FALSE(TakeProof(answerer, {"", "", "p", "2", ""}).ok()) << "not greeted";
  EXPECT_FALSE(TakeHello(answerer, with(2, "2")).ok());
  EXPECT_FALSE(TakeHello(answerer, with(3, "n3")).ok());
  EXPECT_FALSE(TakeHello(answerer, with(3, "n2")).ok()) << "itself";
  EXPECT_THAT(TakeHello(answerer, with(4, TableOf("n1", 2).placement_digest())).error().message,
              HasSubstr("another list of nodes"));
  EXPECT_FALSE(TakeHello(answerer, with(5, std::string(63, '0'))).ok());
  EXPECT_FALSE(TakeHello(answerer, with(5, std::string(65, '0'))).ok());
  EXPECT_FALSE(TakeProof(answerer, {"", "", "p", "2", ""}).ok()) << "no HELLO was good";
  EXPECT_TRUE(TakeHello(answerer, good).ok());
}

TEST_F(PeerGreetingTest, AnAnswerThatIsNoGreetingIsRefused) {
  const auto hello = [](Value answer) { return Asker().Take(answer); };
  EXPECT_THAT(hello({.kind = Value::Kind::kError, .text = "ERR no"}).error().message,
              HasSubstr("n2 refuses: ERR no"));
  EXPECT_FALSE(hello({}).ok());
  EXPECT_FALSE(hello({.kind = Value::Kind::kArray, .items = {Text("n2")}}).ok());
  EXPECT_FALSE(hello({.kind = Value::Kind::kArray, .items = {Text("n2"), Text("short")}}).ok());
  EXPECT_THAT(
      hello({.kind = Value::Kind::kArray, .items = {Text("n3"), Text(std::string(64, 'a'))}})
          .error()
          .message,
      HasSubstr("node n3 is"));
}

// Computed by Python's hmac over "9:weir peer1:15:asker2:n12:n21:d1:a1:b1:31:u".
TEST_F(PeerGreetingTest, TheProofIsPinned) {
  const PeerTerms terms{.asker = "n1",
                        .answerer = "n2",
                        .placement_digest = "d",
                        .asker_nonce = "a",
                        .answerer_nonce = "b",
                        .protocol = "3",
                        .user = "u"};
  EXPECT_EQ(PeerProof(kSecret, PeerSide::kAsker, terms),
            "6cf8a5c247a9f58ca096a8c8305732fb41d791fdf128c981dd50c891280f0860");
}

}  // namespace
}  // namespace weir::nodes
