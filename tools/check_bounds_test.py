#!/usr/bin/python3
"""Goal: a row of docs/bounds.md that does not say what the code says is found, and no other.

Method: a small tree in a temporary folder; each test writes one row.
"""

import os
import tempfile
import unittest

import check_bounds

HEADER = """\
class Pipeline {
  static constexpr size_t kCommandsMax = 1024;
  static constexpr size_t kBytesMax = size_t{1} << 20;
  static constexpr size_t kTurnMax = 4 * kCommandsMax;
  static constexpr auto kWaitMax = std::chrono::seconds(10);
  size_t share_max() const { return total_ / 2; }
};
struct Limits {
  std::chrono::milliseconds timeout = std::chrono::seconds(60);
};
"""


class CheckBoundsTest(unittest.TestCase):
    def problems(self, *rows):
        with tempfile.TemporaryDirectory() as root:
            os.makedirs(os.path.join(root, "weir", "gateway"))
            os.makedirs(os.path.join(root, "docs"))
            with open(os.path.join(root, "weir", "gateway", "pipeline.h"), "w",
                      encoding="utf-8") as file:
                file.write(HEADER)
            with open(os.path.join(root, "docs", "bounds.md"), "w", encoding="utf-8") as file:
                file.write("\n".join(("# Bounds", "", *rows, "")))
            return list(check_bounds.problems(root))

    def test_rows_that_are_right_pass(self):
        self.assertEqual(self.problems(
            "| what | bound | past it |",
            "| commands (`Pipeline::kCommandsMax`) | 1024 | not read |",
            "| bytes (`Pipeline::kBytesMax`) | 1 MiB | not read |",
            "| both (`Pipeline::kCommandsMax`, `Pipeline::kBytesMax`) | 1024, 1 MiB | refused |",
            "| a turn (`Pipeline::kTurnMax`) | 4096 | waits |",
            "| a wait (`Pipeline::kWaitMax`) | 10 s | closed |",
            "| a field (`Limits::timeout`) | 60 s | closed |",
            "| a share (`Pipeline::share_max`) | half | waits |"), [])

    def test_another_number_is_found(self):
        for name, bound in (("kCommandsMax", "1025"), ("kCommandsMax", "11024"),
                            ("kBytesMax", "1 KiB"), ("kTurnMax", "1024"), ("kWaitMax", "10 ms")):
            found = self.problems(f"| x (`Pipeline::{name}`) | {bound} | y |")
            self.assertEqual(len(found), 1, (name, bound, found))

    def test_a_name_that_is_gone_is_found(self):
        for name in ("Pipeline::kGone", "Gone::kCommandsMax"):
            found = self.problems(f"| x (`{name}`) | 1024 | y |")
            self.assertEqual(found, [f"{name} is named and does not exist"])


if __name__ == "__main__":
    unittest.main()
