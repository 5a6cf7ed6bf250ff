#!/usr/bin/env python3
"""weir's placements beside each other: look-up, memory, evenness, movement.

`placement_bench` measures and counts; this prints one table. Nodes have equal weights.

  look-up   ns from a 64-bit hash (of the slot table: from a slot) to the node
  key       ns from a key of 16 bytes to the node, its tag and hash included
  bytes     of the table
  pk/mean   the greatest share over the mean
  leave     keys that move when one node leaves, over those it held
  join      keys that move when one comes, over a whole share; below 1 it gets less than its share

    ./dev bench ring [--time 0.2]
"""
import argparse
import json
import os
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(ROOT, "build", "release")
NAMES = {
    "SlotPlacement": "slot table",
    "RingPlacement": "ring, 150 points",
    "KetamaPlacement": "ketama, 160 points",
    "MaglevPlacement": "Maglev, 65537",
    "JumpPlacement": "jump hash",
}


def measure(seconds):
    subprocess.run(["cmake", "--build", BUILD, "--target", "placement_bench"], check=True,
                   stdout=subprocess.DEVNULL)
    output = subprocess.run(
        [os.path.join(BUILD, "benches", "placement_bench"), "--benchmark_format=json",
         f"--benchmark_min_time={seconds}"], check=True, capture_output=True, text=True).stdout
    return json.loads(output)["benchmarks"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--time", type=float, default=0.2, help="seconds for each look-up")
    rows = {}
    for result in measure(parser.parse_args().time):
        # "LookUp<RingPlacement>/10", and "/iterations:1" after what is built once.
        what, rest = result["name"].split("<")
        placement, rest = rest.split(">/")
        row = rows.setdefault((int(rest.split("/")[0]), placement), {})
        if what == "Build":
            row.update({key: result[key] for key in ("bytes", "peak_to_mean", "leave", "join")})
        else:
            row[what] = result["cpu_time"]
    print(f"{'nodes':>5}  {'placement':<20}{'look-up':>9}{'key':>9}{'bytes':>10}{'pk/mean':>9}"
          f"{'leave':>8}{'join':>8}")
    for (nodes, placement), row in sorted(
            rows.items(), key=lambda item: (item[0][0], list(NAMES).index(item[0][1]))):
        print(f"{nodes:>5}  {NAMES[placement]:<20}{row['LookUp']:>7.1f}ns{row['LookUpKey']:>7.1f}ns"
              f"{row['bytes']:>10.0f}{row['peak_to_mean']:>9.4f}{row['leave']:>8.2f}"
              f"{row['join']:>8.2f}")


if __name__ == "__main__":
    main()
