#include "cmd/weir/replay_curve.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <fstream>

namespace weir::cmd {
namespace {

constexpr double kWidth = 640;
constexpr double kHeight = 400;
constexpr double kMargin = 50;

std::string Format(const char* format, double a, double b) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), format, a, b);
  return text.data();
}

std::string Text(double x, double y, const std::string& text) {
  return "<text text-anchor=\"middle\"" + Format(" x=\"%.1f\" y=\"%.1f\"", x, y) + ">" + text +
         "</text>\n";
}

std::string Escaped(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '<') {
      escaped += "&lt;";
    } else if (c == '&') {
      escaped += "&amp;";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

// Where on the picture a point stands.
class Plane {
 public:
  explicit Plane(const std::vector<CurvePoint>& points) {
    if (points.empty()) return;
    low_ = std::log2(static_cast<double>(points.front().capacity));
    high_ = std::log2(static_cast<double>(points.back().capacity));
  }

  bool Shows(uint64_t capacity) const {
    const double log = std::log2(static_cast<double>(capacity));
    return log > low_ - 0.01 && log < high_ + 0.01;
  }
  double X(uint64_t capacity) const {
    const double share =
        high_ > low_ ? (std::log2(static_cast<double>(capacity)) - low_) / (high_ - low_) : 0.5;
    return kMargin + share * (kWidth - 2 * kMargin);
  }
  static double Y(double miss_percent) {
    return kHeight - kMargin - miss_percent / 100 * (kHeight - 2 * kMargin);
  }

 private:
  double low_ = 0;
  double high_ = 0;
};

std::string Line(const Plane& plane, const std::vector<CurvePoint>& points,
                 const std::string& style) {
  std::string line;
  for (const CurvePoint& point : points) {
    if (!plane.Shows(point.capacity)) continue;
    line += Format(line.empty() ? "M%.1f,%.1f" : " L%.1f,%.1f", plane.X(point.capacity),
                   Plane::Y(100 - point.hit_percent));
  }
  return "<path fill=\"none\" stroke=\"#06c\" stroke-width=\"2\"" + style + " d=\"" + line +
         "\"/>\n";
}

}  // namespace

std::string DrawCurve(Curve curve) {
  const auto by_capacity = [](const CurvePoint& a, const CurvePoint& b) {
    return a.capacity < b.capacity;
  };
  std::vector<CurvePoint>& points = curve.measured;
  std::sort(points.begin(), points.end(), by_capacity);
  std::sort(curve.estimated.begin(), curve.estimated.end(), by_capacity);
  const Plane plane(points);
  std::string svg =
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 640 400\" font-family=\"sans-serif\""
      " font-size=\"11\">\n<rect width=\"640\" height=\"400\" fill=\"white\"/>\n";
  svg +=
      Text(kWidth / 2, 24, Escaped(curve.title) + ": misses in % over capacity in " + curve.unit);
  for (int percent = 0; percent <= 100; percent += 20) {
    svg += "<path stroke=\"#ddd\" d=\"" + Format("M%.1f,%.1f", kMargin, Plane::Y(percent)) +
           Format("H%.1f", kWidth - kMargin, 0) + "\"/>\n";
    svg += Text(kMargin / 2, Plane::Y(percent) + 4, std::to_string(percent));
  }
  for (const CurvePoint& point : points) {
    const double x = plane.X(point.capacity);
    svg += "<circle r=\"3\" fill=\"#06c\"" +
           Format(" cx=\"%.1f\" cy=\"%.1f\"", x, Plane::Y(100 - point.hit_percent)) + "/>\n";
    svg += Text(x, kHeight - kMargin + 18, std::to_string(point.capacity));
  }
  svg += Line(plane, points, "");
  if (!curve.estimated.empty()) {
    svg += Line(plane, curve.estimated, " stroke-dasharray=\"5,4\"");
    svg += Text(kWidth / 2, 40, "dashed: as estimated while it ran");
  }
  return svg + "</svg>\n";
}

bool WriteCurve(const std::string& file, const Curve& curve) {
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out << DrawCurve(curve);
  out.close();
  return !out.fail();
}

}  // namespace weir::cmd
