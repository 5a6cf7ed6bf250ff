// A miss-ratio curve as SVG.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace weir::cmd {

struct CurvePoint {
  uint64_t capacity = 0;
  double hit_percent = 0;
};

struct Curve {
  std::string title;
  std::string unit;
  std::vector<CurvePoint> measured;
  // What the cache at one of the capacities estimated while it ran; drawn dashed. Empty: none.
  std::vector<CurvePoint> estimated;
};

// Returns a picture of the miss ratio over the capacity, which is drawn on a logarithmic scale.
std::string DrawCurve(Curve curve);

// Writes it to a file. Returns whether that went well.
bool WriteCurve(const std::string& file, const Curve& curve);

}  // namespace weir::cmd
