#include "sim/zone_check.h"

#include <algorithm>
#include <vector>

namespace weir::sim {

ZoneCheck::ZoneCheck(const std::string& initial) {
  Wrote(initial, 0, 0, true);
}

void ZoneCheck::Wrote(const std::string& value, Stamp begin, Stamp end, bool known) {
  Zone& zone = zones_[value];
  zone.written = true;
  zone.known |= known;
  zone.write_begin = begin;
  zone.first_end = std::min(zone.first_end, end);
  zone.last_begin = std::max(zone.last_begin, begin);
}

void ZoneCheck::Read(const std::string& value, Stamp begin, Stamp end) {
  Zone& zone = zones_[value];
  zone.read = true;
  zone.first_read_end = std::min(zone.first_read_end, end);
  zone.first_end = std::min(zone.first_end, end);
  zone.last_begin = std::max(zone.last_begin, begin);
}

std::string ZoneCheck::Explain() const {
  struct Named {
    Stamp from;
    Stamp to;
    const std::string* value;
  };
  std::vector<Named> forward;
  std::vector<Named> backward;
  for (const auto& [value, zone] : zones_) {
    if (!zone.written) return "value \"" + value + "\" was read and never written";
    if (!zone.known && !zone.read) continue;  // It may never have happened.
    if (zone.first_read_end < zone.write_begin) {
      return "value \"" + value + "\" was read before it was written";
    }
    if (zone.first_end < zone.last_begin) {
      forward.push_back({zone.first_end, zone.last_begin, &value});
    } else {
      backward.push_back({zone.last_begin, zone.first_end, &value});
    }
  }
  std::sort(forward.begin(), forward.end(),
            [](const Named& a, const Named& b) { return a.from < b.from; });
  for (size_t i = 1; i < forward.size(); ++i) {
    if (forward[i].from < forward[i - 1].to) {
      return "values \"" + *forward[i - 1].value + "\" and \"" + *forward[i].value +
             "\" were there by turns";
    }
  }
  for (const Named& zone : backward) {
    const auto after =
        std::upper_bound(forward.begin(), forward.end(), zone.from,
                         [](Stamp from, const Named& other) { return from < other.from; });
    if (after == forward.begin()) continue;
    const Named& around = *std::prev(after);
    if (around.from < zone.from && zone.to < around.to) {
      return "value \"" + *zone.value + "\" was written while \"" + *around.value +
             "\" was seen before and after";
    }
  }
  return "";
}

}  // namespace weir::sim
