#!/usr/bin/python3
"""Goal: each tidy check finds its violation, names file and line, and is quiet on a clean tree.

Method: a small clean tree in a temporary folder; each test plants one violation and expects that
one alone.
"""

import os
import subprocess
import sys
import tempfile
import unittest

import tidy

CLEAN = {
    "weir/ring/CMakeLists.txt": "weir_library(NAME ring SRCS ring.cc TESTS ring_test.cc)\n",
    "weir/ring/README.md": "# Ring\n\n```\n# a comment in an example is no title\n```\n",
    "weir/ring/ring.h": "// system_clock is only talked about here\nint F();\n",
    "weir/ring/ring.cc": '#include "weir/ring/ring.h"\nint F() { return 1; }\n',
    "weir/ring/ring_test.cc": "#include <thread>\n",
    "weir/net/loop.cc": "#include <mutex>\n#include <thread>\n",
}


def body(lines):
    return "{\n" + "  F();\n" * (lines - 2) + "}\n"


class TidyTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        for path, text in CLEAN.items():
            self.plant(path, text)

    def plant(self, path, text):
        path = os.path.join(self.folder.name, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def expect(self, check, path, line):
        found = tidy.check(self.folder.name)[0]
        self.assertEqual([(v.check, v.path, v.line) for v in found], [(check, path, line)],
                         [str(v) for v in found])
        return found[0]

    def expect_clean(self):
        self.assertEqual([str(v) for v in tidy.check(self.folder.name)[0]], [])

    def test_a_clean_tree_passes(self):
        self.expect_clean()

    def test_every_banned_token_is_found_in_a_mechanism_with_its_replacement(self):
        planted = ["std::chrono::system_clock::now();", "std::chrono::steady_clock::now();",
                   "std::random_device d;", "#include <fstream>", "#include <iostream>",
                   "#include <thread>", "#include <mutex>", "sleep_for(1);", "std::cout;",
                   "spdlog::info(1);", "using  namespace std;", "std::rand();",
                   "#include <boost/asio.hpp>", "__builtin_prefetch(p);"]
        for line in planted:
            with self.subTest(line):
                self.plant("weir/ring/ring.cc", f'#include "weir/ring/ring.h"\n{line}\n')
                found = self.expect("banned", "weir/ring/ring.cc", 2)
                self.assertRegex(found.text, r": \S+")

    def test_the_layers_above_may_read_clocks_and_lock_but_not_open_namespaces(self):
        self.plant("weir/net/loop.cc", "#include <mutex>\nsteady_clock::now();\n"
                   "using namespace std::chrono_literals;\n")
        self.expect_clean()
        self.plant("weir/net/loop.cc", "using namespace weir;\n")
        self.expect("banned", "weir/net/loop.cc", 1)

    def test_a_sleeping_test_is_found(self):
        for path in ("weir/ring/ring_test.cc", "tests/serve.cc"):
            for call in ("std::this_thread::sleep_for(x);\n", "usleep(5);\n"):
                with self.subTest(path + call):
                    self.plant(path, call)
                    self.expect("banned", path, 1)
                    self.plant(path, "\n")

    def test_unfinished_work_is_found_even_in_comments_and_documents(self):
        for word in ("FIX" "ME", "TO" "DO", "XX" "X"):
            with self.subTest(word):
                self.plant("docs/PLAN.md", f"# Plan\n\n{word}: later\n")
                self.expect("unfinished", "docs/PLAN.md", 3)

    def test_a_file_of_500_lines_passes_and_501_do_not(self):
        self.plant("weir/net/loop.cc", "\n" * 500)
        self.expect_clean()
        self.plant("weir/net/loop.cc", "\n" * 501)
        self.expect("file_length", "weir/net/loop.cc", 501)

    def test_100_columns_pass_and_101_do_not(self):
        self.plant("tools/draw.py", "#" * 100 + "\n")
        self.expect_clean()
        self.plant("tools/draw.py", "\n" + "#" * 101 + "\n")
        self.expect("columns", "tools/draw.py", 2)

    def test_a_function_of_70_lines_passes_and_71_do_not_whatever_its_shape(self):
        shapes = ["void F() ", "TEST(Ring, Moves) ", "bool operator==(const A& a) const ",
                  "template <typename T, typename = If<(1 < 2)>> void F(T t = {}) ",
                  "auto F() -> std::vector<int> ", 'extern "C" int F(const char* a) ',
                  "A::A(int b) : b_{b}, c_(b) ", "A::A(int b) : b_{b} ", "F::~F() noexcept(true) "]
        before = "namespace weir {\nenum class E { kA };\nint a[] = {1, 2};\nclass A {\n public:\n"
        for shape in shapes:
            with self.subTest(shape):
                self.plant("weir/net/loop.cc", before + shape + body(70) + "};\n}\n")
                self.expect_clean()
                self.plant("weir/net/loop.cc", before + shape + body(71) + "};\n}\n")
                self.expect("function_length", "weir/net/loop.cc", 6)

    def test_braces_in_literals_and_comments_and_macros_do_not_count(self):
        noise = "const char* a = \"{\"; char b = '{'; int c = 1'000; // {\n#define D {\\\n {\n"
        noise += 'const char* e = R"x({)x";\n'
        self.plant("weir/net/loop.cc", noise + "void F() " + body(71))
        self.expect("function_length", "weir/net/loop.cc", 5)

    def test_long_tables_and_classes_are_no_functions(self):
        self.plant("weir/net/loop.cc", "const Row kRows[] = {\n" + "  {F(1)},\n" * 90 + "};\n"
                   "class A {\n" + "  int F() { return 1; }\n" * 90 + "};\n")
        self.expect_clean()

    def test_a_long_python_function_is_found(self):
        self.plant("tools/draw.py", "def draw():\n" + "    pass\n" * 69)
        self.expect_clean()
        self.plant("tools/draw.py", "def draw():\n" + "    pass\n" * 70)
        self.expect("function_length", "tools/draw.py", 1)

    def test_an_unregistered_test_is_found(self):
        for name in ("points_test.cc", "points_bench.cc", "points_fuzz.cc", "points_test.py"):
            with self.subTest(name):
                self.plant(f"weir/ring/{name}", "\n")
                self.expect("registered", f"weir/ring/{name}", 1)
                os.remove(os.path.join(self.folder.name, "weir/ring", name))

    def test_a_test_whose_registration_is_commented_out_is_found(self):
        self.plant("weir/ring/CMakeLists.txt", "weir_library(NAME ring  # TESTS ring_test.cc\n)\n")
        self.expect("registered", "weir/ring/ring_test.cc", 1)

    def test_a_header_that_nobody_includes_is_found(self):
        self.plant("weir/ring/points.h", "\n")
        self.plant("weir/net/loop.cc", '// #include "weir/ring/points.h"\n')
        self.expect("dead_header", "weir/ring/points.h", 1)

    def test_a_page_without_a_title_or_with_two_is_found(self):
        for text in ("prose\n", "# One\n\n# Two\n"):
            with self.subTest(text):
                self.plant("docs/PAGE.md", text)
                self.expect("title", "docs/PAGE.md", 1)

    def test_a_folder_readme_of_40_lines_passes_and_41_do_not(self):
        self.plant("weir/ring/README.md", "# Ring\n" + "\n" * 39)
        self.expect_clean()
        self.plant("weir/ring/README.md", "# Ring\n" + "\n" * 40)
        self.expect("readme_length", "weir/ring/README.md", 41)

    def test_an_exception_needs_a_reason_and_silences_one_check_of_one_file(self):
        self.plant("weir/net/loop.cc", "using namespace std;\n" + "/" * 101 + "\n")
        self.plant(tidy.ALLOW_FILE, "# why\ncolumns | weir/net/loop.cc | a table\n")
        self.expect("banned", "weir/net/loop.cc", 1)
        self.assertEqual(tidy.check(self.folder.name)[1],
                         [("columns", "weir/net/loop.cc", "a table")])
        self.plant("weir/net/loop.cc", "/" * 101 + "\n")
        self.expect_clean()
        self.plant("weir/net/loop.cc", "\n")
        self.plant(tidy.ALLOW_FILE, "columns | weir/net/loop.cc |\n")
        self.expect("allow", tidy.ALLOW_FILE, 1)

    def test_an_exception_that_allows_nothing_is_found(self):
        self.plant(tidy.ALLOW_FILE, "columns | weir/net/loop.cc | was a table once\n")
        self.expect("allow", tidy.ALLOW_FILE, 1)

    def test_the_exit_code_is_one_on_a_violation_and_zero_without(self):
        command = [sys.executable, tidy.__file__, "--root", self.folder.name]
        self.assertEqual(subprocess.run(command, capture_output=True).returncode, 0)
        self.plant("weir/net/loop.cc", "using namespace std;\n")
        self.assertEqual(subprocess.run(command, capture_output=True).returncode, 1)


if __name__ == "__main__":
    unittest.main()
