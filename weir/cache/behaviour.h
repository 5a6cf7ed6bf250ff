// Behaviour: what an Order does with entries, as data. Each named one makes it act as a known
// replacement policy; changing from one to another takes effect with the next call.
//
// Source of each: LRU; ARC, Megiddo & Modha, FAST 2003; 2Q, Johnson & Shasha, VLDB 1994; LIRS,
// Jiang & Zhang, SIGMETRICS 2002; S3-FIFO, Yang et al., SOSP 2023; W-TinyLFU, Einziger et al., TOS
// 2017; GDSF, Cherkasova, HP Labs 1998.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weir::cache {

struct Behaviour {
  // What a hit does to an entry of the window.
  enum class WindowHit : uint8_t { kNothing, kCount, kToFront, kPromote };
  // What a hit does to an entry of the main part: to its front; to the front of the protected part.
  enum class MainHit : uint8_t { kToFront, kProtect };
  // Whose end is evicted.
  enum class Evict : uint8_t {
    kMain,          // The main part's.
    kWindow,        // The window's.
    kWindowAbove,   // The window's while it is above its share, else the main part's.
    kLessFrequent,  // Of the two ends the one that was asked for less often.
    kLeastWorth,    // None: the entry that is worth least for its weight.
  };
  // What it means that an entry was evicted not long ago.
  enum class Ghost : uint8_t { kNothing, kToMain, kToMainIfYounger, kMovesShare, kRaises };

  std::string_view name;
  double window_share = 0;  // Of the budget.
  WindowHit window_hit = WindowHit::kToFront;
  MainHit main_hit = MainHit::kToFront;
  Evict evict = Evict::kMain;
  Ghost ghost = Ghost::kNothing;
  double ghost_share = 0;  // Evicted entries remembered, for each entry held.
  double size_power = 0;   // With kLeastWorth: see GreedyDual::Worth.
  double first_use = 0;
};

// s3lru is S3-FIFO with a segmented main part; the window of s3lru_30pct is three times as large.
inline constexpr std::array<Behaviour, 10> kBehaviours = {{
    {"lru", 0, Behaviour::WindowHit::kToFront, Behaviour::MainHit::kToFront,
     Behaviour::Evict::kMain, Behaviour::Ghost::kNothing, 0},
    {"arc", 0, Behaviour::WindowHit::kPromote, Behaviour::MainHit::kToFront,
     Behaviour::Evict::kWindowAbove, Behaviour::Ghost::kMovesShare, 1.0},
    {"2q", 0.25, Behaviour::WindowHit::kNothing, Behaviour::MainHit::kToFront,
     Behaviour::Evict::kWindowAbove, Behaviour::Ghost::kToMain, 0.5},
    {"lirs", 0.01, Behaviour::WindowHit::kPromote, Behaviour::MainHit::kToFront,
     Behaviour::Evict::kWindow, Behaviour::Ghost::kToMainIfYounger, 2.0},
    {"s3lru", 0.1, Behaviour::WindowHit::kCount, Behaviour::MainHit::kProtect,
     Behaviour::Evict::kWindowAbove, Behaviour::Ghost::kToMain, 0.9},
    {"s3lru_30pct", 0.3, Behaviour::WindowHit::kCount, Behaviour::MainHit::kProtect,
     Behaviour::Evict::kWindowAbove, Behaviour::Ghost::kToMain, 1.0},
    {"wtinylfu_1pct", 0.01, Behaviour::WindowHit::kToFront, Behaviour::MainHit::kProtect,
     Behaviour::Evict::kLessFrequent, Behaviour::Ghost::kNothing, 0},
    {"wtinylfu_20pct", 0.2, Behaviour::WindowHit::kToFront, Behaviour::MainHit::kProtect,
     Behaviour::Evict::kLessFrequent, Behaviour::Ghost::kNothing, 0},
    {"gdsf", 0, Behaviour::WindowHit::kNothing, Behaviour::MainHit::kToFront,
     Behaviour::Evict::kLeastWorth, Behaviour::Ghost::kRaises, 2.0, 1.0, 6.0},
    {"gdsf_bytes", 0, Behaviour::WindowHit::kNothing, Behaviour::MainHit::kToFront,
     Behaviour::Evict::kLeastWorth, Behaviour::Ghost::kRaises, 2.0, 0.25, 16.0},
}};

// Returns the place in kBehaviours. Requires: there is one of this name.
constexpr size_t BehaviourNamed(std::string_view name) {
  size_t index = 0;
  while (kBehaviours[index].name != name) ++index;
  return index;
}

}  // namespace weir::cache
