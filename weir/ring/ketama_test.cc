// Goal: every dialect is the ring that its users have. Method: the vectors that libketama,
// libmemcached and twemproxy publish with their own tests; then the traps between the dialects.
#include "weir/ring/ketama.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "weir/base/md5.h"
#include "weir/ring/ketama_vectors.h"

namespace weir::ring {
namespace {

// The servers of both libketama's and libmemcached's tests.
std::vector<KetamaServer> EightServers() {
  std::vector<KetamaServer> servers;
  for (const uint32_t weight : {600U, 300U, 200U, 350U, 1000U, 800U, 950U, 100U}) {
    const std::string host = "10.0.1." + std::to_string(servers.size() + 1);
    servers.push_back({.address = host + ":11211", .weight = weight});
  }
  return servers;
}

KetamaRing RingOf(std::vector<KetamaServer> servers, KetamaOptions options) {
  Result<KetamaRing> ring = KetamaRing::Create(std::move(servers), std::move(options));
  EXPECT_TRUE(ring.ok());
  return std::move(ring).value();
}

std::string MessageOf(std::vector<KetamaServer> servers, KetamaOptions options = {}) {
  const Result<KetamaRing> ring = KetamaRing::Create(std::move(servers), std::move(options));
  return ring.ok() ? "made" : ring.error().message;
}

// libketama/ketama_test.c prints hash, point and server of a million keys after an empty line;
// test.sh compares the MD5 of all that.
TEST(KetamaTest, AMillionKeysOfLibketamaAreWhereTheyWere) {
  const KetamaRing ring = RingOf(EightServers(), {.dialect = KetamaDialect::kLibketama});
  EXPECT_EQ(ring.points().size(), 1264U);
  std::string printed = "\n";
  for (int key = 0; key < 1'000'000; ++key) {
    const uint32_t hash = ring.HashOf(std::to_string(key));
    const KetamaRing::Point& point = ring.PointOf(hash);
    printed.append(std::to_string(hash)).append(" ").append(std::to_string(point.hash));
    printed.append(" ").append(ring.servers()[point.server].address).append("\n");
  }
  EXPECT_EQ(Md5Hex(Md5(printed)), "5672b131391f5aa2b280936aec1eea74");
}

// python_ketama/tests.py.
TEST(KetamaTest, LibketamaForPythonAgrees) {
  const KetamaRing ring = RingOf({{.address = "127.0.0.1:11211", .weight = 600},
                                  {.address = "127.0.0.1:11212", .weight = 400}},
                                 {.dialect = KetamaDialect::kLibketama});
  EXPECT_EQ(ring.points().size(), 320U);
  EXPECT_EQ(ring.HashOf("test"), 3446378249U);
  const KetamaRing::Point& point = ring.PointOf(ring.HashOf("test"));
  EXPECT_EQ(point.hash, 3454255383U);
  EXPECT_EQ(ring.servers()[point.server].address, "127.0.0.1:11211");
}

TEST(KetamaTest, KeysOfLibmemcachedAreWhereTheyWere) {
  const KetamaRing weighted = RingOf(EightServers(), {.dialect = KetamaDialect::kLibmemcached});
  const KetamaRing spy = RingOf(EightServers(), {.dialect = KetamaDialect::kSpy});
  EXPECT_EQ(std::size(kKetamaVectors), 99U);
  for (const KetamaVector& vector : kKetamaVectors) {
    EXPECT_EQ(weighted.HashOf(vector.key), vector.hash) << vector.key;
    EXPECT_EQ(weighted.PointOf(vector.hash).hash, vector.point) << vector.key;
    EXPECT_EQ(weighted.Owner(vector.key), vector.server - 1U) << vector.key;
    EXPECT_EQ(spy.Owner(vector.key), vector.spy_server - 1U) << vector.key;
  }
  // Past the last point, so at the first.
  for (const KetamaRing* ring : {&weighted, &spy}) {
    EXPECT_EQ(ring->HashOf("VDEAAAAA"), 0xfffcd1b5U);
    EXPECT_GT(0xfffcd1b5U, ring->points().back().hash);
    EXPECT_EQ(ring->Owner("VDEAAAAA"), ring->points().front().server);
  }
}

// src/test_all.c; but for crc16 the same as libmemcached's test/fixtures/hashes.hpp.
TEST(KetamaTest, HashesAreThoseOfTwemproxy) {
  const auto hash_of = [](KetamaKeyHash hash) {
    return KetamaHash("apple", hash, KetamaChar::kSigned);
  };
  EXPECT_EQ(hash_of(KetamaKeyHash::kOneAtATime), 2297466611U);
  EXPECT_EQ(hash_of(KetamaKeyHash::kMd5), 3195025439U);
  EXPECT_EQ(hash_of(KetamaKeyHash::kCrc16), 3662830516U);
  EXPECT_EQ(hash_of(KetamaKeyHash::kCrc32), 10542U);
  EXPECT_EQ(hash_of(KetamaKeyHash::kCrc32a), 2838417488U);
  EXPECT_EQ(hash_of(KetamaKeyHash::kFnv1_32), 67176023U);
  EXPECT_EQ(hash_of(KetamaKeyHash::kFnv1a32), 280767167U);
  EXPECT_EQ(hash_of(KetamaKeyHash::kFnv1_64), 473199127U);
  EXPECT_EQ(hash_of(KetamaKeyHash::kFnv1a64), 1488911807U);
  EXPECT_EQ(hash_of(KetamaKeyHash::kJenkins), 1442444624U);
  EXPECT_EQ(hash_of(KetamaKeyHash::kMurmur), 4142305122U);
  EXPECT_EQ(KetamaDigestWord(Md5("server1-8"), 0), 3853726576U);
  EXPECT_EQ(KetamaDigestWord(Md5("server1-8"), 3), 2667054752U);
}

// By the first point's label: "server1-0" when the server has a name, else the address.
TEST(KetamaTest, APortOfMemcachedAndANameChangeTheLabel) {
  const auto has = [](const KetamaRing& ring, std::string_view label) {
    const uint32_t hash = KetamaDigestWord(Md5(label), 0);
    return std::ranges::find(ring.points(), hash, &KetamaRing::Point::hash) != ring.points().end();
  };
  const auto one = [](std::string address, KetamaDialect dialect, std::string name = "") {
    return RingOf({{.address = std::move(address), .name = std::move(name)}}, {.dialect = dialect});
  };
  EXPECT_TRUE(has(one("h:11211", KetamaDialect::kLibketama), "h:11211-0"));
  EXPECT_TRUE(has(one("h:11211", KetamaDialect::kLibmemcached), "h-39"));
  EXPECT_TRUE(has(one("h:11212", KetamaDialect::kLibmemcached), "h:11212-39"));
  EXPECT_FALSE(has(one("h:11211", KetamaDialect::kLibmemcached), "h-40"));
  EXPECT_TRUE(has(one("h:11211", KetamaDialect::kSpy), "/h:11211-0"));
  EXPECT_TRUE(has(one("h", KetamaDialect::kSpy), "/h:11211-0"));
  EXPECT_TRUE(has(one("h:6379", KetamaDialect::kTwemproxy, "server1"), "server1-8"));
  EXPECT_TRUE(has(one("h:11211", KetamaDialect::kTwemproxy), "h-0"));
  EXPECT_TRUE(has(one("h:6379", KetamaDialect::kTwemproxy), "h:6379-0"));
}

TEST(KetamaTest, ATagIsHashedInItsKeysPlace) {
  const KetamaRing ring = RingOf(EightServers(), {.dialect = KetamaDialect::kTwemproxy,
                                                  .key_hash = KetamaKeyHash::kFnv1a64,
                                                  .char_type = KetamaChar::kSigned,
                                                  .hash_tag = "{}"});
  EXPECT_EQ(ring.HashOf("a{apple}b{c}"), 1488911807U);
  EXPECT_EQ(ring.HashOf("apple"), 1488911807U);
  for (const char* whole : {"{}apple", "a}{b", "a{b"}) {
    EXPECT_EQ(ring.HashOf(whole), KetamaHash(whole, KetamaKeyHash::kFnv1a64, KetamaChar::kSigned));
  }
}

// By hand, for the key "\x80": 0x84222325 ^ 0xffffff80 or ^ 0x80, times 0x1b3.
TEST(KetamaTest, TheSignOfCharMattersAbove127) {
  EXPECT_EQ(KetamaHash("\x80", KetamaKeyHash::kFnv1a64, KetamaChar::kSigned),
            (0x84222325U ^ 0xffffff80U) * 0x1b3U);
  EXPECT_EQ(KetamaHash("\x80", KetamaKeyHash::kFnv1a64, KetamaChar::kUnsigned),
            (0x84222325U ^ 0x80U) * 0x1b3U);
  for (const KetamaKeyHash hash : {KetamaKeyHash::kMd5, KetamaKeyHash::kCrc32a,
                                   KetamaKeyHash::kMurmur, KetamaKeyHash::kJenkins}) {
    EXPECT_EQ(KetamaHash("\x80\xff", hash, KetamaChar::kSigned),
              KetamaHash("\x80\xff", hash, KetamaChar::kUnsigned));
  }
}

// lookup3 takes 12 bytes at a step, and does not mix once more when they end with the key.
TEST(KetamaTest, JenkinsAgreesAroundItsBlocks) {
  const auto jenkins = [](std::string_view key) {
    return KetamaHash(key, KetamaKeyHash::kJenkins, KetamaChar::kSigned);
  };
  EXPECT_EQ(jenkins(""), 0xdeadbeefU + 13);
  EXPECT_NE(jenkins("123456789012"), jenkins("1234567890123"));
}

TEST(KetamaTest, WhatNoRingCanBeIsRefused) {
  EXPECT_EQ(MessageOf({}), "a ring has 1 to 1024 servers");
  EXPECT_EQ(MessageOf(std::vector<KetamaServer>(1024, {.address = "h"})), "made");
  EXPECT_EQ(MessageOf(std::vector<KetamaServer>(1025, {.address = "h"})),
            "a ring has 1 to 1024 servers");
  EXPECT_EQ(MessageOf({{.address = ""}}), "a server needs an address");
  EXPECT_EQ(MessageOf({{.address = std::string(255, 'h')}}), "made");
  EXPECT_EQ(MessageOf({{.address = std::string(256, 'h')}}),
            "the address or name of a server has at most 255 bytes");
  EXPECT_EQ(MessageOf({{.address = "h", .weight = 0}}), "h: the weight is at least 1");
  EXPECT_EQ(MessageOf({{.address = "h", .name = "n"}}), "h: only servers of twemproxy have names");
  EXPECT_EQ(MessageOf({{.address = "h"}}, {.dialect = KetamaDialect::kTwemproxy,
                                           .key_hash = KetamaKeyHash::kMd5,
                                           .char_type = KetamaChar::kSigned,
                                           .hash_tag = "{"}),
            "a hash tag is two characters");
}

}  // namespace
}  // namespace weir::ring
