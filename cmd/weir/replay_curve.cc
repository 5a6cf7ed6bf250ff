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

}  // namespace

std::string DrawCurve(const std::string& title, const std::string& unit,
                      std::vector<CurvePoint> points) {
  std::sort(points.begin(), points.end(),
            [](const CurvePoint& a, const CurvePoint& b) { return a.capacity < b.capacity; });
  const double low = points.empty() ? 0 : std::log2(static_cast<double>(points.front().capacity));
  const double high = points.empty() ? 0 : std::log2(static_cast<double>(points.back().capacity));
  const auto x_of = [&](uint64_t capacity) {
    const double share =
        high > low ? (std::log2(static_cast<double>(capacity)) - low) / (high - low) : 0.5;
    return kMargin + share * (kWidth - 2 * kMargin);
  };
  const auto y_of = [](double miss_percent) {
    return kHeight - kMargin - miss_percent / 100 * (kHeight - 2 * kMargin);
  };
  std::string svg =
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 640 400\" font-family=\"sans-serif\""
      " font-size=\"11\">\n<rect width=\"640\" height=\"400\" fill=\"white\"/>\n";
  svg += Text(kWidth / 2, 24, Escaped(title) + ": misses in % over capacity in " + unit);
  for (int percent = 0; percent <= 100; percent += 20) {
    svg += "<path stroke=\"#ddd\" d=\"" + Format("M%.1f,%.1f", kMargin, y_of(percent)) +
           Format("H%.1f", kWidth - kMargin, 0) + "\"/>\n";
    svg += Text(kMargin / 2, y_of(percent) + 4, std::to_string(percent));
  }
  std::string line;
  for (const CurvePoint& point : points) {
    const double x = x_of(point.capacity);
    const double y = y_of(100 - point.hit_percent);
    line += Format(line.empty() ? "M%.1f,%.1f" : " L%.1f,%.1f", x, y);
    svg += "<circle r=\"3\" fill=\"#06c\"" + Format(" cx=\"%.1f\" cy=\"%.1f\"", x, y) + "/>\n";
    svg += Text(x, kHeight - kMargin + 18, std::to_string(point.capacity));
  }
  svg += "<path fill=\"none\" stroke=\"#06c\" stroke-width=\"2\" d=\"" + line + "\"/>\n</svg>\n";
  return svg;
}

bool WriteCurve(const std::string& file, const std::string& title, const std::string& unit,
                const std::vector<CurvePoint>& points) {
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out << DrawCurve(title, unit, points);
  out.close();
  return !out.fail();
}

}  // namespace weir::cmd
