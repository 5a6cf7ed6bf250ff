#!/usr/bin/python3
"""Goal: a fault that no test shows any more is found. Method: documents with one thing wrong."""

import os
import tempfile
import unittest

import check_reliability

HEAD = "# T\n\n## Faults\n\n| fault | what | hears | shown by |\n| --- | --- | --- | --- |\n"


class Reliability(unittest.TestCase):
    def problems(self, *cells):
        with tempfile.TemporaryDirectory() as root:
            os.makedirs(os.path.join(root, "docs"))
            os.makedirs(os.path.join(root, "a"))
            files = {"a/x_test.cc": "TEST_F(X, Claim) {}\nTEST(X,\n     Longer) {}\n",
                     "a/y_test.py": "class Y:\n    def test_it(self):\n        pass\n",
                     "docs/reliability.md": HEAD + "".join(
                         f"| f{i} | w | | {cell} |\n" for i, cell in enumerate(cells)) +
                         "\n## Other\n\n| a | `no_test.cc` |\n"}
            for name, text in files.items():
                with open(os.path.join(root, name), "w", encoding="utf-8") as file:
                    file.write(text)
            return list(check_reliability.check(root))

    def test_tests_that_exist_are_fine(self):
        self.assertEqual(self.problems("`a/x_test.cc` `Claim` `Longer`; `a/y_test.py` `test_it`"),
                         [])

    def test_a_claim_that_is_gone_is_named(self):
        self.assertEqual(self.problems("`a/x_test.cc` `Claim` `Gone`"),
                         ["f0: a/x_test.cc has no test Gone"])

    def test_a_claim_of_another_file_does_not_count(self):
        self.assertIn("f0: a/y_test.py has no test Claim",
                      self.problems("`a/y_test.py` `Claim`"))

    def test_a_file_that_is_gone_is_named(self):
        self.assertIn("f0: a/z_test.cc is no file of tests", self.problems("`a/z_test.cc` `Claim`"))

    def test_a_fault_without_a_test_is_named(self):
        self.assertEqual(self.problems("`a/x_test.cc` `Claim`", "by nobody"),
                         ["f1: no test shows it"])

    def test_no_table_is_a_problem(self):
        self.assertEqual(self.problems(), ["there is no table of faults"])


if __name__ == "__main__":
    unittest.main()
