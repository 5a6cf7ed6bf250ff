#!/usr/bin/python3
"""Plants each bug of sim/mutants/ and sees that the simulator's ordinary seeds find it.

    sim/mutants.py [PATCH...]     all patches, or these

A mutant is a patch of the production code. What it touches is compiled from a patched copy and
linked before the release build's libraries, which hold the rest; then seeds run until one fails.
The seed that its line `Seed: N` names runs first: as an ordinary one it finds the bug as well, and
sooner. The last line is `mutants N caught M`; the exit code is 1 unless both are equal.
"""

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(ROOT, "build", "release")
WORK = os.path.join(ROOT, "build", "mutants")
SEEDS = 1000
JOBS = int(os.environ.get("JOBS", os.cpu_count() or 1))
FAILS = re.compile(r"^seed (\d+) (?:fails|aborts): (.*)", re.MULTILINE)
TOUCHES = re.compile(r"^(?:\+\+\+|---) [ab]/(\S+)", re.MULTILINE)
KNOWN = re.compile(r"^Seed: (\d+)$", re.MULTILINE)


def run(*command, **options):
    return subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          **options)


class Failure(Exception):
    """Why a mutant could not be tried."""


class Build:
    """What the release build says of the simulator: its units, what each includes, its link."""

    def __init__(self):
        done = run("cmake", "--build", BUILD, "--target", "weir_simulator")
        if done.returncode != 0:
            raise Failure(done.stdout)
        with open(os.path.join(BUILD, "compile_commands.json"), encoding="utf-8") as file:
            self.commands = {self.object_of(each["command"]): each for each in json.load(file)}
        commands = run("ninja", "-C", BUILD, "-t", "commands", "weir_sim").stdout.splitlines()
        self.link = commands[-1].removeprefix(": && ").removesuffix(" && :")
        linked = {self.object_of(command) for command in commands if " -c " in command}
        self.includes = {name: files for name, files in self.read_includes() if name in linked}

    @staticmethod
    def object_of(command):
        words = shlex.split(command)
        return words[words.index("-o") + 1]

    @staticmethod
    def read_includes():
        for record in run("ninja", "-C", BUILD, "-t", "deps").stdout.split("\n\n"):
            name, *files = record.strip().splitlines() or [""]
            yield name.split(": #deps")[0], {
                os.path.relpath(os.path.join(BUILD, file.strip()), ROOT) for file in files}

    def touched_by(self, files):
        return sorted(name for name, included in self.includes.items() if included & files)


def copy_patched(patch, folder):
    """Leaves what the patch touches, patched, in `folder`; returns the names of those files."""
    with open(patch, encoding="utf-8") as file:
        touched = set(TOUCHES.findall(file.read()))
    for name in touched:
        if not os.path.exists(os.path.join(ROOT, name)):
            raise Failure(f"there is no {name} to patch")
        os.makedirs(os.path.dirname(os.path.join(folder, name)), exist_ok=True)
        shutil.copy(os.path.join(ROOT, name), os.path.join(folder, name))
    done = run("patch", "-p1", "--no-backup-if-mismatch", "-i", patch, cwd=folder)
    if done.returncode != 0:
        raise Failure("the patch does not apply:\n" + done.stdout)
    return touched


def make(build, patch, folder):
    """Builds the simulator with the mutant in it; returns its path."""
    objects = []
    for name in build.touched_by(copy_patched(patch, folder)):
        unit = build.commands[name]
        source = os.path.relpath(unit["file"], ROOT)
        patched = os.path.join(folder, source)
        target = os.path.join(folder, name.replace("/", "-"))
        words = [target if word == name else
                 patched if word == unit["file"] and os.path.exists(patched) else word
                 for word in shlex.split(unit["command"])]
        # Fast to build; a seed is the same history in every build.
        done = run(words[0], "-I" + folder, *words[1:], "-O0", "-g0", cwd=BUILD)
        if done.returncode != 0:
            raise Failure("it does not build:\n" + done.stdout[-2000:])
        objects.append((name, target))
    if not objects:
        raise Failure("it touches nothing of the simulator")
    simulator = os.path.join(folder, "weir_sim")
    link = shlex.split(build.link)
    link[link.index("-o") + 1] = simulator
    replaced = dict(objects)
    link = [replaced.pop(word, word) for word in link]
    first = next(i for i, word in enumerate(link) if word.endswith(".a"))
    done = run(*link[:first], *replaced.values(), *link[first:], cwd=BUILD)
    if done.returncode != 0:
        raise Failure("it does not link:\n" + done.stdout[-2000:])
    return simulator


def find_seed(simulator, patch):
    """Returns the match of a seed that fails, or nothing."""
    with open(patch, encoding="utf-8") as file:
        known = KNOWN.search(file.read())
    for seeds in ([f"{known[1]}..{known[1]}"] if known else []) + [f"1..{SEEDS}"]:
        done = run(simulator, "--seeds", seeds, "--stop", "--no-shrink")
        found = FAILS.search(done.stdout)
        if found is not None:
            return found
    return None


def try_mutant(build, patch):
    """Returns whether the mutant is caught, and what to tell of it."""
    folder = os.path.join(WORK, os.path.basename(patch))
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    try:
        found = find_seed(make(build, patch, folder), patch)
        if found is None:
            return False, f"not caught by {SEEDS} seeds"
        return True, f"caught by seed {found[1]}: {found[2]}"
    except Failure as failure:
        return False, str(failure)
    finally:
        shutil.rmtree(folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("patches", nargs="*", metavar="PATCH")
    folder = os.path.join(ROOT, "sim", "mutants")
    patches = [os.path.abspath(patch) for patch in parser.parse_args().patches] or sorted(
        os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".patch"))
    build = Build()

    def judge(patch):
        caught, text = try_mutant(build, patch)
        print(f"{os.path.basename(patch).removesuffix('.patch'):36} {text}", flush=True)
        return caught

    with ThreadPoolExecutor(JOBS) as pool:
        caught = sum(pool.map(judge, patches))
    print(f"mutants {len(patches)} caught {caught}")
    return 0 if caught == len(patches) else 1


if __name__ == "__main__":
    sys.exit(main())
