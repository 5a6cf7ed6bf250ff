#!/usr/bin/python3
"""Goal: ./dev installs what is missing and nothing else, and its exit codes and closing lines tell
the truth.

Method: a copy of ./dev runs in a temporary folder where apt-get, cmake, ctest and the like are
scripts that record their arguments and do as the test says.
"""

import os
import shutil
import subprocess
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PASSED = "100% tests passed, 0 tests failed out of 7"


class DevTest(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = temporary.name
        os.makedirs(os.path.join(self.folder, "tools"))
        shutil.copy(os.path.join(ROOT, "dev"), self.folder)
        self.plant("tools/packages.txt",
                   "# list\n[debian]\n# compiler\ng++\ncmake\n\n[debian-test]\ncurl\n\n"
                   "[debian-node]\nnpm\n\n"
                   "[npm]\nioredis@6.0.0\n")
        self.plant("node_modules/ioredis/package.json", '{\n  "version": "6.0.0"\n}\n')
        self.stub("dpkg-query", "for name in g++ cmake curl; do echo $name installed; done")
        self.stub("id", "echo 0")
        for name in ("apt-get", "cmake", "node", "npm"):
            self.stub(name)
        self.stub("ctest", f"echo '{PASSED}'")
        self.fuzzer("exit 0")

    def plant(self, path, text):
        path = os.path.join(self.folder, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def stub(self, name, script=""):
        path = self.plant(f"bin/{name}", f'#!/bin/bash\necho "{name} $*" >>calls\n{script}\n')
        os.chmod(path, 0o755)

    def fuzzer(self, script):
        self.plant("weir/resp/parser_fuzz.cc", "")
        self.plant("weir/resp/corpus/ping", "")
        os.chmod(self.plant("build/fuzz/fuzzers/parser_fuzz",
                            f'#!/bin/bash\necho "fuzz $*" >>calls\n{script}\n'), 0o755)

    def dev(self, *arguments):
        environment = dict(os.environ, PATH=f"{self.folder}/bin:/usr/bin:/bin", JOBS="2")
        return subprocess.run(["./dev", *arguments], cwd=self.folder, env=environment, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True)

    def calls(self, program):
        path = os.path.join(self.folder, "calls")
        if not os.path.exists(path):
            return []
        with open(path, encoding="utf-8") as file:
            return [line.strip() for line in file if line.startswith(program + " ")]

    def test_help_names_every_verb(self):
        run = self.dev("help")
        self.assertEqual(run.returncode, 0)
        for verb in "run build package test bench fuzz check format clean help".split():
            self.assertRegex(run.stdout, rf"(?m)^  {verb}\b")

    def test_an_unknown_verb_is_a_usage_error(self):
        self.assertEqual(self.dev("deploy").returncode, 2)

    def test_nothing_is_installed_when_nothing_is_missing(self):
        run = self.dev("build")
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual(self.calls("apt-get"), [])
        self.assertEqual(self.calls("cmake"),
                         ["cmake --preset release", "cmake --build --preset weir -j 2"])
        self.assertRegex(run.stdout, r"(?m)^build weir +\d+ s$")

    def test_root_installs_the_missing_packages_and_no_other(self):
        self.stub("dpkg-query", "echo 'g++ installed'; echo 'cmake config-files'")
        self.assertEqual(self.dev("build").returncode, 0)
        self.assertEqual(self.calls("apt-get"),
                         ["apt-get update", "apt-get install -y --no-install-recommends cmake"])

    def test_what_only_the_tests_need_is_installed_for_them_alone(self):
        self.stub("dpkg-query", "echo 'g++ installed'; echo 'cmake installed'")
        self.assertEqual(self.dev("build").returncode, 0)
        self.assertEqual(self.calls("apt-get"), [])
        self.assertEqual(self.dev("test", "--fast").returncode, 0)
        self.assertEqual(self.calls("apt-get")[1:],
                         ["apt-get install -y --no-install-recommends curl"])

    def test_a_user_without_sudo_is_told_the_exact_command(self):
        self.stub("dpkg-query", "echo 'g++ installed'")
        self.stub("id", "echo 1000")
        self.stub("sudo", "exit 1")
        run = self.dev("build")
        self.assertEqual(run.returncode, 1)
        self.assertIn("apt-get update && apt-get install -y --no-install-recommends cmake\n",
                      run.stderr)
        self.assertEqual(self.calls("cmake"), [])

    def test_a_user_with_sudo_installs_by_it(self):
        self.stub("dpkg-query", "echo 'g++ installed'")
        self.stub("id", "echo 1000")
        self.stub("sudo", '[ "$1" = -n ] && shift; exec "$@"')
        self.assertEqual(self.dev("build").returncode, 0)
        self.assertEqual(len(self.calls("apt-get")), 2)

    def test_a_failed_installation_stops_everything(self):
        self.stub("dpkg-query", "echo 'g++ installed'")
        self.stub("apt-get", "echo 'no route'; exit 100")
        run = self.dev("build")
        self.assertEqual(run.returncode, 1)
        self.assertIn("no route", run.stderr)
        self.assertEqual(self.calls("cmake"), [])

    def test_an_npm_package_of_another_version_is_replaced(self):
        self.plant("node_modules/ioredis/package.json", '{\n  "version": "5.9.0"\n}\n')
        self.assertEqual(self.dev("test", "--fast").returncode, 0)
        self.assertRegex(self.calls("npm")[0], r"^npm install .* ioredis@6\.0\.0$")

    def test_a_failed_build_shows_its_end_and_fails(self):
        self.stub("cmake", '[ "$1" = --build ] || exit 0; echo "bytes.cc: wrong"; exit 1')
        run = self.dev("build")
        self.assertEqual(run.returncode, 1)
        self.assertIn("bytes.cc: wrong", run.stderr)

    def test_package_says_how_to_install_what_it_made(self):
        self.stub("git", "echo 1700000000")
        self.stub("cpack", 'mkdir -p build/package && touch build/package/weir_1_amd64.deb && '
                           'echo "date $SOURCE_DATE_EPOCH" >>calls')
        run = self.dev("package")
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual(self.calls("date"), ["date 1700000000"])
        self.assertEqual(run.stdout.splitlines()[-1],
                         "apt install ./build/package/weir_1_amd64.deb")

    def test_fast_runs_the_release_tests_alone(self):
        run = self.dev("test", "--fast")
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual(self.calls("ctest"), ["ctest --preset release"])
        self.assertEqual(run.stdout.splitlines()[-1], PASSED)

    def test_a_full_run_covers_the_sanitizers_and_ends_with_the_summary(self):
        run = self.dev("test")
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual(self.calls("ctest"), [f"ctest --preset {preset}"
                                               for preset in ("release", "asan", "tsan")])
        self.assertEqual(len(self.calls("fuzz")), 1)
        self.assertEqual(run.stdout.splitlines()[-1], PASSED)
        self.assertEqual(run.stdout.splitlines()[-8:].count(PASSED), 3)

    def test_a_failing_sanitizer_run_fails_the_whole(self):
        self.stub("ctest", f"echo '{PASSED}'; [ $2 != tsan ]")
        run = self.dev("test")
        self.assertEqual(run.returncode, 1)
        self.assertIn("failed: tsan", run.stderr)

    def test_a_sanitizer_build_that_fails_is_reported_beside_the_runs_that_passed(self):
        self.stub("cmake", '[ "$1 $3" != "--build asan" ]')
        run = self.dev("test")
        self.assertEqual(run.returncode, 1)
        self.assertIn("failed: asan", run.stderr)
        self.assertIn("asan:\ndid not run\n", run.stdout)
        self.assertEqual(self.calls("ctest"), ["ctest --preset release", "ctest --preset tsan"])

    def test_a_failing_fuzzer_fails_the_whole(self):
        self.fuzzer("exit 77")
        run = self.dev("test")
        self.assertEqual(run.returncode, 1)
        self.assertIn("failed: fuzz", run.stderr)
        self.assertEqual(self.dev("fuzz", "1").returncode, 1)

    def test_fuzz_runs_for_the_given_seconds_over_the_seeds(self):
        self.assertEqual(self.dev("fuzz", "3").returncode, 0)
        self.assertIn("-max_total_time=3 ", self.calls("fuzz")[0])
        self.assertTrue(self.calls("fuzz")[0].endswith(" weir/resp/corpus"))
        self.assertEqual(self.dev("fuzz", "long").returncode, 1)

    def test_a_fuzzer_that_was_not_built_is_a_failure(self):
        os.remove(os.path.join(self.folder, "build/fuzz/fuzzers/parser_fuzz"))
        self.assertEqual(self.dev("fuzz", "1").returncode, 1)

    def test_an_unknown_benchmark_is_a_failure_and_the_known_are_listed(self):
        self.plant("bench/serve.py", "import sys; print('served', *sys.argv[1:])\n")
        self.plant("weir/ring/ring_bench.cc", "")
        self.assertEqual(self.dev("bench").stdout.split(), ["serve", "ring_bench"])
        self.assertEqual(self.dev("bench", "river").returncode, 1)
        self.assertTrue(self.dev("bench", "serve", "16").stdout.endswith("served 16\n"))


if __name__ == "__main__":
    unittest.main()
