// KeyList: what was added is taken, in order, also after its pieces went through a file.
#include "weir/gateway/key_list.h"

#include <vector>

#include <gtest/gtest.h>

#include "weir/base/random.h"

namespace weir::gateway {
namespace {

using Keys = std::vector<std::string>;

Keys TakeAll(KeyList& list) {
  Keys keys;
  while (std::optional<std::string> key = list.Take()) keys.push_back(std::move(*key));
  return keys;
}

Keys ManyKeys() {
  Random random(3);
  Keys keys = {"", std::string("\0\r\n", 3)};
  for (const size_t size : {127, 128, 16383, 16384, 65536, 3'000'000}) {
    keys.emplace_back(size, 'x');
  }
  for (int i = 0; i < 10'000; ++i) keys.push_back("key:" + std::to_string(random.Next()));
  return keys;
}

TEST(KeyList, WhatWasAddedIsTakenInOrder) {
  KeyList list;
  EXPECT_TRUE(list.empty());
  EXPECT_FALSE(list.Take().has_value());
  const Keys keys = ManyKeys();
  for (const std::string& key : keys) list.Add(key);
  EXPECT_EQ(list.count(), keys.size());
  EXPECT_EQ(TakeAll(list), keys);
  EXPECT_TRUE(list.empty());
  EXPECT_EQ(list.bytes(), 0U);
}

TEST(KeyList, ItsPiecesAreFreedAsTheirKeysAreTaken) {
  KeyList list;
  for (const std::string& key : ManyKeys()) list.Add(key);
  const size_t all = list.bytes();
  for (size_t half = list.count() / 2; half > 0; --half) list.Take();
  EXPECT_LT(list.bytes(), all / 2);
  EXPECT_GT(list.bytes(), 0U);
}

TEST(KeyList, PiecesOfAnotherListAreTakenAsTheKeysOfIt) {
  KeyList list;
  for (const std::string& key : ManyKeys()) list.Add(key);
  ASSERT_GT(list.pieces().size(), 2U);
  KeyList other;
  other.Add("before");
  for (const std::string& piece : list.pieces()) {
    EXPECT_LT(piece.size(), KeyList::kPieceBytes + 3'000'010);
    EXPECT_TRUE(other.AddPiece(piece));
  }
  EXPECT_TRUE(other.AddPiece(""));
  EXPECT_EQ(other.count(), list.count() + 1);
  EXPECT_EQ(other.Take(), "before");
  EXPECT_EQ(TakeAll(other), ManyKeys());
}

TEST(KeyList, WhatIsNoPieceIsRefused) {
  KeyList list;
  for (const std::string& piece :
       {std::string("\x01"),
        std::string("\x03"
                    "ab"),
        std::string("\x01"
                    "a\x80"),
        std::string(6, '\xff'), std::string("\xff\xff\xff\xff\x7f") + std::string(100, 'x')}) {
    EXPECT_FALSE(list.AddPiece(piece));
    EXPECT_TRUE(list.empty());
  }
}

// Random bytes either are keys or are refused; nothing is read beyond them (the sanitizers say).
TEST(KeyList, AnyBytesAreTakenOrRefused) {
  Random random(7);
  for (int i = 0; i < 20'000; ++i) {
    std::string piece(random.Below(12), '\0');
    for (char& byte : piece) {
      byte = static_cast<char>(random.OneIn(3) ? random.Below(256) : random.Below(5));
    }
    KeyList list;
    if (list.AddPiece(piece)) {
      KeyList again;
      for (const std::string& key : TakeAll(list)) again.Add(key);
      ASSERT_LE(again.bytes(), piece.size()) << "a length may be written longer than it must be";
    }
  }
}

}  // namespace
}  // namespace weir::gateway
