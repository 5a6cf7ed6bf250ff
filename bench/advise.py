#!/usr/bin/env python3
"""Whether a cache of another size answers what `weir advise` said that it would.

All keys are stored. Then a server of each memory is begun in turn, asked the same reads by `weir
bench`, and its hits are counted from its start. The first one is asked for advice, and what it
estimates for the cache of each other.

  cache     MiB of the server's cache
  estimate  hits of 100 reads that the first server foretold (of its own size as well)
  found     those of the server of this size
  reads/s   of the databases, as estimated, for the first one's reads a second

    ./dev bench advise [--memory 128 --memory 192 …] [--keys 1000000] [--requests 6000000]
"""
import argparse
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests"))

import weir_process  # noqa: E402

WEIR = os.environ.get("WEIR", os.path.join(ROOT, "build", "release", "weir"))
CONNECTIONS, PIPELINE, VALUE_BYTES = 8, 32, 100


def bench(server, options, *more):
    subprocess.run([WEIR, "bench", "--server", f"127.0.0.1:{server.port}", "--keys",
                    str(options.keys), "--value-bytes", str(VALUE_BYTES), "--connections",
                    str(CONNECTIONS), "--pipeline", str(PIPELINE), *more],
                   check=True, capture_output=True)


def ask(server, options):
    """Sends the reads. Returns (hits, look-ups) of the server since its start."""
    bench(server, options, "--mix", "get:1", "--distribution", "zipf", "--zipf-exponent",
          str(options.exponent), "--requests", str(options.requests), "--seconds", "100000")
    metrics = server.metrics()
    hits = metrics["weir_cache_hits_total"]
    return hits, hits + metrics["weir_cache_misses_total"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--memory", type=int, action="append", help="MiB, the first is advised")
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument("--requests", type=int, default=6_000_000)
    parser.add_argument("--exponent", type=float, default=0.8)
    options = parser.parse_args()
    memories = options.memory or [128, 96, 192, 256, 384]
    with weir_process.scratch() as directory:
        def start(memory):
            return weir_process.Weir(WEIR, directory, "--memory", f"{memory}MiB")

        budgets = {}
        for memory in memories:
            with start(memory) as server:
                if not budgets:
                    bench(server, options, "--fill", "--mix", "ping", "--requests", "1")
                budgets[memory] = int(server.metrics()["weir_cache_budget_bytes"])
                server.stop()
        print(f"# {options.keys} keys of {VALUE_BYTES} bytes, {options.requests} reads, "
              f"Zipf {options.exponent}")
        estimates = []
        for memory in memories:
            with start(memory) as server, server.client() as client:
                hits, look_ups = ask(server, options)
                if not estimates:
                    rows = client.command("WEIR.MRC", *(str(budgets[m]) for m in memories))
                    estimates = [(float(row[1]), float(row[2])) for row in rows]
                    advice = subprocess.run(
                        [WEIR, "advise", "--server", f"127.0.0.1:{server.port}"],
                        check=True, capture_output=True, text=True).stdout
                    print(advice)
                    print(f"{'memory':>7}{'cache':>7}{'estimate':>10}{'found':>8}{'reads/s':>10}",
                          flush=True)
                server.stop()
            ratio, misses = estimates[memories.index(memory)]
            print(f"{memory:>7}{budgets[memory] / 2**20:>7.0f}{ratio:>10.1f}"
                  f"{100 * hits / look_ups:>8.1f}{misses:>10.0f}", flush=True)


if __name__ == "__main__":
    main()
