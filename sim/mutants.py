#!/usr/bin/python3
"""Plants each bug of sim/mutants/ and sees that the simulator's ordinary seeds find it.

    sim/mutants.py [PATCH...]     all patches, or these

A mutant is a patch of the production code. The tree is copied, patched and built apart, only what
the patch touches again, and seeds run until one fails. The last line is `mutants N caught M`; the
exit code is 1 unless both are equal.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from queue import Queue

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
WORK = os.path.join(ROOT, "build", "mutants")
SEEDS = 1000
COMMANDS = 300
FAILS = re.compile(r"^seed (\d+) (?:fails|aborts): (.*)", re.MULTILINE)


def run(*command, **options):
    return subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          **options)


def same(a, b):
    if not os.path.exists(b):
        return False
    with open(a, "rb") as one, open(b, "rb") as other:
        return one.read() == other.read()


class Tree:
    """A copy of the sources with a build directory of its own."""

    def __init__(self, number):
        self.source = os.path.join(WORK, f"tree{number}")
        self.build = os.path.join(WORK, f"build{number}")
        self.environment = dict(os.environ, CCACHE_BASEDIR=self.source, CCACHE_NOHASHDIR="1")

    def copy(self):
        """Copies what has changed, so that ninja builds no more than that."""
        files = run("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z",
                    cwd=ROOT).stdout.split("\0")
        for file in filter(None, files):
            source, target = os.path.join(ROOT, file), os.path.join(self.source, file)
            if os.path.isfile(source) and not same(source, target):
                os.makedirs(os.path.dirname(target), exist_ok=True)
                shutil.copy(source, target)

    def make(self):
        """Builds the simulator; returns what went wrong, or nothing."""
        if not os.path.exists(os.path.join(self.build, "build.ninja")):
            done = run("cmake", "-S", self.source, "-B", self.build, "-G", "Ninja",
                       "-DCMAKE_BUILD_TYPE=Release", env=self.environment)
            if done.returncode != 0:
                return done.stdout
        done = run("ninja", "-C", self.build, "-j", "1", "weir_simulator", env=self.environment)
        return "" if done.returncode == 0 else done.stdout

    def apply(self, patch, *options):
        return run("patch", "-p1", "--no-backup-if-mismatch", *options, "-i", patch,
                   cwd=self.source)


def try_mutant(tree, patch):
    """Returns whether the mutant is caught, and what to tell of it."""
    done = tree.apply(patch)
    if done.returncode != 0:
        return False, "the patch does not apply:\n" + done.stdout
    try:
        wrong = tree.make()
        if wrong:
            return False, "it does not build:\n" + wrong[-2000:]
        done = run(os.path.join(tree.build, "weir_sim"), "--seeds", f"1..{SEEDS}", "--commands",
                   str(COMMANDS), "--stop", "--no-shrink")
        found = FAILS.search(done.stdout)
        if found is None:
            return False, f"not caught by {SEEDS} seeds"
        return True, f"caught by seed {found.group(1)}: {found.group(2)}"
    finally:
        tree.apply(patch, "--reverse")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("patches", nargs="*", metavar="PATCH")
    folder = os.path.join(ROOT, "sim", "mutants")
    patches = [os.path.abspath(patch) for patch in parser.parse_args().patches] or sorted(
        os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".patch"))
    trees = Queue()
    workers = min(int(os.environ.get("JOBS", os.cpu_count() or 1)), len(patches))

    def prepare(number):
        tree = Tree(number)
        tree.copy()
        wrong = tree.make()
        trees.put(tree)
        return wrong

    def judge(patch):
        tree = trees.get()
        caught, text = try_mutant(tree, patch)
        trees.put(tree)
        print(f"{os.path.basename(patch)[:-len('.patch')]:32} {text}", flush=True)
        return caught

    with ThreadPoolExecutor(workers) as pool:
        wrong = "".join(pool.map(prepare, range(workers)))
        if wrong:
            print(wrong)
            return 1
        caught = sum(pool.map(judge, patches))
    print(f"mutants {len(patches)} caught {caught}")
    return 0 if caught == len(patches) else 1


if __name__ == "__main__":
    sys.exit(main())
