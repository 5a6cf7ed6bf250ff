#!/usr/bin/env python3
"""What the cache loses beside the best known policy, each chosen in hindsight.

The folder holds traces, NAME.txt.zst, and may hold baselines.csv with a row for each trace and
capacity: `trace,entries,…,best`, hit ratios in per cent. Each row is replayed. A trace with sizes
has no row: it is replayed with room for 1/64 to 1/2 of its bytes, beside the references that weigh
sizes or do not, once counting objects and once counting bytes.

With --generated, traces of generated requests with sizes are replayed in the same way: keys by
Zipf's law, sizes spread evenly over doublings, independent of how often a key is asked for or
opposed to it; and the same with keys that come once, which are a third of the requests. Of the one
that drifts the ranks of the keys change, and sizes are distributed log-normally.

  regret   best - auto in points: within 0.5 it is well, within 2 for less than 50 000 requests

    ./dev bench regrets FOLDER [--only TRACE] [--generated]
"""
import argparse
import bisect
import csv
import itertools
import math
import os
import random
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
WEIR = os.path.join(ROOT, "build", "release", "weir")
REFERENCES = ("lru", "s3fifo", "gdsf")
SHARES = (64, 32, 16, 8, 4, 2)  # One such part of all bytes.
LONG_TRACE = 50_000
REGRET_MAX, REGRET_MAX_SHORT = 0.5, 2.0
GENERATED = ("independent", "opposed", "independent-once", "opposed-once", "drifting")
REQUESTS, KEYS, ZIPF_EXPONENT = 200_000, 20_000, 0.8
SIZE_MIN, DOUBLINGS = 100, 10
DRIFT_EVERY, DRIFT = 20_000, 500  # Requests; ranks.
SIZE_MEDIAN, SIZE_SIGMA = 2000, 1.8


def replay(trace, *arguments):
    """Returns (hit ratio, byte hit ratio) of each capacity."""
    output = subprocess.run([WEIR, "replay", "--trace", trace, *arguments], check=True,
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    return [tuple(float(field) for field in line.split(",")[3:])
            for line in output.splitlines()[1:]]


def survey(trace):
    """Returns the requests of a trace and the bytes of all its keys, 0 without sizes."""
    sizes, requests = {}, 0
    with subprocess.Popen(["zstd", "-dc", trace], stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            requests += 1
            if "," in line:
                key, size = line.split(",")
                sizes[key] = int(size)
            elif requests > LONG_TRACE:
                process.terminate()
                break
    return requests, sum(sizes.values())


def unsized(folder, rows):
    """Replays each row of the baselines. Returns the regrets."""
    print(f"{'trace':<10}{'entries':>8}{'auto':>8}{'lru':>8}{'best':>8}  {'which':<16}{'regret'}")
    regrets = []
    for row in rows:
        trace = os.path.join(folder, row["trace"] + ".txt.zst")
        auto = replay(trace, "--entries", row["entries"])[-1][0]
        policies = {name: float(ratio) for name, ratio in row.items()
                    if name not in ("trace", "entries", "best")}
        best = max(policies, key=policies.get)
        regrets.append(policies[best] - auto)
        most = REGRET_MAX if survey(trace)[0] >= LONG_TRACE else REGRET_MAX_SHORT
        print(f"{row['trace']:<10}{row['entries']:>8}{auto:>8.2f}{policies['lru']:>8.2f}"
              f"{policies[best]:>8.2f}  {best:<16}{regrets[-1]:>7.2f}"
              f"{'' if regrets[-1] <= most else '  above ' + str(most)}", flush=True)
    return regrets


def sized(trace, total):
    for column, objective in enumerate(("hits", "bytes")):
        print(f"\n{os.path.basename(trace)}, {objective} in per cent\n{'bytes':>12}{'auto':>8}"
              + "".join(f"{name:>8}" for name in REFERENCES))
        for share in SHARES:
            capacity = str(total // share)
            auto = replay(trace, "--bytes", capacity, "--objective", objective)[-1][column]
            others = [replay(trace, "--bytes", capacity, "--policy", name)[-1][column]
                      for name in REFERENCES]
            print(f"{capacity:>12}{auto:>8.2f}" + "".join(f"{ratio:>8.2f}" for ratio in others)
                  + ("" if auto >= max(others) else "  behind"), flush=True)


def generate(name, file):
    """Writes the requests of a trace of GENERATED."""
    draw = random.Random(1)
    sums = list(itertools.accumulate((rank + 1) ** -ZIPF_EXPONENT for rank in range(KEYS)))

    def size_of(rank):
        if name == "drifting":
            return SIZE_MIN + int(SIZE_MEDIAN * math.exp(SIZE_SIGMA * draw.gauss(0, 1)))
        place = rank / KEYS * 0.8 + draw.random() * 0.2 if "opposed" in name else draw.random()
        return int(SIZE_MIN * 2 ** (DOUBLINGS * place))

    sizes = [size_of(rank) for rank in range(KEYS)]
    for n in range(REQUESTS):
        if n % 3 == 0 and name not in ("independent", "opposed"):
            evenly = int(SIZE_MIN * 2 ** (DOUBLINGS * draw.random()))
            file.write(f"once{n},{size_of(0) if name == 'drifting' else evenly}\n")
            continue
        rank = min(bisect.bisect_left(sums, draw.random() * sums[-1]), KEYS - 1)
        key = (rank + n // DRIFT_EVERY * DRIFT) % KEYS if name == "drifting" else rank
        file.write(f"{key},{sizes[key]}\n")


def generated(only):
    with tempfile.TemporaryDirectory() as scratch:
        for name in GENERATED:
            if only not in (None, name):
                continue
            plain = os.path.join(scratch, name + ".txt")
            with open(plain, "w", encoding="ascii") as file:
                generate(name, file)
            subprocess.run(["zstd", "-q", "--rm", plain], check=True)
            sized(plain + ".zst", survey(plain + ".zst")[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--only", help="the name of one trace")
    parser.add_argument("--generated", action="store_true", help="also traces made up here")
    options = parser.parse_args()
    rows = []
    baselines = os.path.join(options.folder, "baselines.csv")
    if os.path.exists(baselines):
        with open(baselines, encoding="utf-8", newline="") as file:
            rows = [row for row in csv.DictReader(file) if options.only in (None, row["trace"])]
    if rows:
        regrets = unsized(options.folder, rows)
        print(f"worst {max(regrets):.2f}, mean {sum(regrets) / len(regrets):.2f}")
    for file in sorted(os.listdir(options.folder)):
        name = file.removesuffix(".txt.zst")
        if name == file or options.only not in (None, name):
            continue
        trace = os.path.join(options.folder, file)
        total = survey(trace)[1]
        if total > 0:
            sized(trace, total)
    if options.generated:
        generated(options.only)


if __name__ == "__main__":
    sys.exit(main())
