#!/usr/bin/python3
"""One seed is one history in every build.

    sim/same_trace.py SEEDS COMMANDS WEIR_SIM

Runs the seeds in another build of the simulator and in the release build, which is brought up to
date first so that both are of one tree, and compares their trace hashes.
"""

import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RELEASE = os.path.join(ROOT, "build", "release")


def build_release():
    if not os.path.exists(os.path.join(RELEASE, "build.ninja")):
        subprocess.run(["cmake", "--preset", "release"], check=True, cwd=ROOT)
    subprocess.run(["cmake", "--build", RELEASE, "--target", "weir_simulator"], check=True)
    return os.path.join(RELEASE, "weir_sim")


def main():
    seeds, commands, other = sys.argv[1:]
    builds = [build_release(), other]
    runs = [subprocess.Popen([build, "--seeds", seeds, "--commands", commands, "--hashes",
                              "--no-shrink"], stdout=subprocess.PIPE, text=True)
            for build in builds]
    outputs = [run.communicate()[0].splitlines() for run in runs]
    for build, output in zip(builds, outputs):
        print(f"{build}: {output[-1] if output else 'nothing'}")
    if any(run.returncode != 0 for run in runs):
        return 1
    for lines in zip(*outputs):
        if len(set(lines)) > 1:
            print("the same seed is another history:", *lines, sep="\n  ")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
