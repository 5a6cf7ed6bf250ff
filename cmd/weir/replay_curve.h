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

// Returns a picture of the miss ratio over the capacity, which is drawn on a logarithmic scale.
std::string DrawCurve(const std::string& title, const std::string& unit,
                      std::vector<CurvePoint> points);

// Writes it to a file. Returns whether that went well.
bool WriteCurve(const std::string& file, const std::string& title, const std::string& unit,
                const std::vector<CurvePoint>& points);

}  // namespace weir::cmd
