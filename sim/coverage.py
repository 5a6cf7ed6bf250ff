#!/usr/bin/python3
"""Which lines of the mechanisms and the gateway ordinary seeds reach.

    sim/coverage.py BUILD [--seeds 1500] [--commands 300]

BUILD is a build directory of the preset `coverage`. Prints the share of each folder, then the
functions that no seed has entered. Exits with 1 when a folder's share is below LEAST.
"""

import argparse
import glob
import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FOLDERS = ("gateway", "cache", "limit", "shard")
LEAST = 85.0
JOBS = int(os.environ.get("JOBS", os.cpu_count() or 1))


def run_seeds(build, seeds, commands):
    """Runs the seeds in JOBS parts, whose counts add up on disk. Returns whether all is well."""
    for path in glob.glob(os.path.join(build, "**", "*.gcda"), recursive=True):
        os.remove(path)
    simulator = os.path.join(build, "weir_sim")
    bounds = [1 + seeds * part // JOBS for part in range(JOBS + 1)]
    parts = [subprocess.Popen([simulator, "--seeds", f"{first}..{last - 1}", "--commands",
                               str(commands), "--no-shrink"])
             for first, last in zip(bounds, bounds[1:])]
    return all([part.wait() == 0 for part in parts])


def read_counts(build):
    """Returns, of each file, how often each line ran, and each function with its first line."""
    lines = defaultdict(lambda: defaultdict(int))
    functions = defaultdict(lambda: defaultdict(int))
    # Of every object, also of those that nothing links.
    notes = [path for folder in (*FOLDERS, "sim")
             for path in glob.glob(os.path.join(build, folder, "**", "*.gcno"), recursive=True)
             if "_test.dir" not in path]

    def read(path):
        done = subprocess.run(["gcov", "--json-format", "--stdout", path], text=True, check=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        return json.loads(done.stdout)

    with ThreadPoolExecutor(JOBS) as pool:
        for data in pool.map(read, notes):
            for file in data["files"]:
                name = os.path.relpath(os.path.join(data["current_working_directory"],
                                                    file["file"]), ROOT)
                if not name.startswith(tuple(f"weir/{folder}/" for folder in FOLDERS)):
                    continue
                for line in file["lines"]:
                    lines[name][line["line_number"]] += line["count"]
                for function in file["functions"]:
                    where = (function["start_line"], plain(function["demangled_name"]))
                    functions[name][where] += function["execution_count"]
    return lines, functions


def plain(name):
    """A function's name without namespaces, template arguments and parameters."""
    name = re.sub(r"\(.*", "", name.replace("(anonymous namespace)", ""))
    return re.sub(r"<.*>", "<>", name).replace("weir::", "").replace("::::", "::")


def for_tests_only(name):
    with open(os.path.join(ROOT, name), encoding="utf-8") as file:
        return "For tests only" in file.read(4000)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build")
    parser.add_argument("--seeds", type=int, default=1500)
    parser.add_argument("--commands", type=int, default=300)
    arguments = parser.parse_args()
    build = os.path.abspath(arguments.build)
    if not run_seeds(build, arguments.seeds, arguments.commands):
        return 1
    lines, functions = read_counts(build)
    for name in [name for name in lines if for_tests_only(name)]:
        del lines[name]
    for folder in FOLDERS:
        for name in sorted(lines):
            if not name.startswith(f"weir/{folder}/"):
                continue
            never = sorted(where for where, count in functions[name].items() if count == 0)
            missed = sum(count == 0 for count in lines[name].values())
            if never:
                print(f"{name}: {missed} lines not reached; not entered: "
                      + ", ".join(f"{function} ({line})" for line, function in never))
    print()
    worst = 100.0
    for folder in FOLDERS:
        counts = [count for name, file in lines.items() if name.startswith(f"weir/{folder}/")
                  for count in file.values()]
        reached = sum(count > 0 for count in counts)
        share = 100 * reached / len(counts)
        worst = min(worst, share)
        print(f"{folder:10} {reached:6} of {len(counts):6} lines  {share:5.1f} %")
    return 0 if worst >= LEAST else 1


if __name__ == "__main__":
    sys.exit(main())
