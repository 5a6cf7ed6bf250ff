#!/usr/bin/env python3
"""The cache beside an LRU cache of standard parts, memcached and redis-server.

  ns       of a look-up, hash, lock and a copy of 100 bytes included, by one thread or, for each
           thread, by two; beside a list and a map of the standard library behind one mutex
  batches  the same in batches of 16, as the pipeline looks up a burst of reads, keys asked for
           uniformly and as Zipf's law with 0.99 has it, among many entries; by two threads also
           how much more they do in all
  bytes    of resident memory that an entry adds, for many tiny entries (keys `key:%08d` with values
           of 12 bytes) and for entries of 100 bytes; beside the two servers, filled over a socket

With --memory alone what the cache takes of resident memory for each byte that it was given, with
the allocator of the server: after each step in which the sizes of entries change, and after three
quarters of them have ended at once, then also for each byte that is counted for those left.

    ./dev bench cache [--entries 1000000] [--many 10000000] [--tiny 20000000]
    ./dev bench cache --memory [--budget 1024]
"""
import argparse
import json
import os
import socket
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(ROOT, "build", "release")
BATCH = 1000
MEMORY_STEPS = ("mixed", "small", "large", "mixed_again", "small_left", "small_fragmentation",
                "mixed_left", "mixed_fragmentation", "most")


def run(entries, which):
    output = subprocess.run(
        [os.path.join(BUILD, "benches", "lanes_bench"), "--benchmark_format=json",
         f"--benchmark_filter={which}"], check=True, capture_output=True, text=True,
        env={**os.environ, "WEIR_BENCH_ENTRIES": str(entries)}).stdout
    return json.loads(output)["benchmarks"]


def look_ups(entries):
    """Returns ns by (cache, what, threads)."""
    found = {}
    for result in run(entries, "Hit|Miss"):
        name, _, threads = result["name"].removeprefix("BM_").split("/")
        cache, what = ("weir", name[5:]) if name.startswith("Lanes") else ("lru", name[11:])
        # Of the whole, by the clock: what one thread waits for a look-up of its own.
        threads = int(threads.removeprefix("threads:"))
        found[cache, what, threads] = result["real_time"] * threads
    return found


def batches(entries):
    """Returns ns by (distribution, threads), of each thread."""
    found = {}
    for result in run(entries, "Batches"):
        name, _, threads = result["name"].removeprefix("BM_Batches").split("/")
        threads = int(threads.removeprefix("threads:"))
        found[name.lower(), threads] = result["real_time"] * threads
    return found


def fill(entries, value_bytes):
    """Returns bytes an entry by cache."""
    found = {}
    for result in run(entries, f"Fill/{value_bytes}/"):
        cache = "weir" if "Lanes" in result["name"] else "lru"
        found[cache] = result["bytes_of_entry"]
    return found


def memory(budget_mib):
    weir = os.path.join(BUILD, "weir")
    linked = subprocess.run(["ldd", weir], check=True, capture_output=True, text=True).stdout
    allocators = [line.split()[2] for line in linked.splitlines() if "libmimalloc" in line]
    output = subprocess.run(
        [os.path.join(BUILD, "benches", "lanes_memory_bench"), "--benchmark_format=json"],
        check=True, capture_output=True, text=True,
        env={**os.environ, "WEIR_BENCH_BUDGET": str(budget_mib),
             "LD_PRELOAD": ":".join(allocators)}).stdout
    result = json.loads(output)["benchmarks"][0]
    for name in MEMORY_STEPS:
        print(f"{name.replace('_', ' '):<22}{result[name]:>6.3f}")


def resident(process):
    with open(f"/proc/{process.pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def connect(port):
    for _ in range(500):
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=60)
        except ConnectionRefusedError:
            time.sleep(0.02)
    sys.exit("the server does not come up")


def fill_server(command, entries, value_bytes, set_one, reply):
    """Starts a server, fills it, and returns bytes an entry."""
    port = free_port()
    arguments = [word.replace("PORT", str(port)) for word in command]
    with subprocess.Popen(arguments, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as process:
        try:
            with connect(port) as link:
                before = resident(process)
                value = b"v" * value_bytes
                for start in range(0, entries, BATCH):
                    count = min(BATCH, entries - start)
                    link.sendall(b"".join(set_one(b"key:%08d" % n, value)
                                          for n in range(start, start + count)))
                    left = count * len(reply)
                    while left > 0:
                        left -= len(link.recv(min(left, 1 << 16)))
                return (resident(process) - before) / entries
        finally:
            process.terminate()


def memcached(entries, value_bytes):
    return fill_server(
        ["memcached", "-u", "nobody", "-l", "127.0.0.1", "-p", "PORT", "-m", "16384", "-t", "1"],
        entries, value_bytes,
        lambda key, value: b"set %b 0 0 %d\r\n%b\r\n" % (key, len(value), value), b"STORED\r\n")


def redis(entries, value_bytes):
    return fill_server(
        ["redis-server", "--port", "PORT", "--save", "", "--appendonly", "no"],
        entries, value_bytes,
        lambda key, value: b"*3\r\n$3\r\nSET\r\n$12\r\n%b\r\n$%d\r\n%b\r\n"
        % (key, len(value), value), b"+OK\r\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--many", type=int, default=10_000_000, help="entries of the batches")
    parser.add_argument("--tiny", type=int, default=20_000_000, help="entries of 12 bytes")
    parser.add_argument("--memory", action="store_true", help="this alone")
    parser.add_argument("--budget", type=int, default=1024, help="of --memory, in MiB")
    options = parser.parse_args()
    benches = ["lanes_memory_bench", "weir"] if options.memory else ["lanes_bench"]
    subprocess.run(["cmake", "--build", BUILD, "--target", *benches], check=True,
                   stdout=subprocess.DEVNULL)
    if options.memory:
        return memory(options.budget)
    found = look_ups(options.entries)
    print(f"{'look-up':<12}{'threads':>8}{'weir ns':>10}{'lru ns':>10}{'lru/weir':>10}")
    for what in ("Hit", "Miss"):
        for threads in (1, 2):
            weir, lru = found["weir", what, threads], found["lru", what, threads]
            print(f"{what.lower():<12}{threads:>8}{weir:>10.1f}{lru:>10.1f}{lru / weir:>10.2f}")
    found = batches(options.many)
    print(f"\n{'batches of 16':<16}{'1 thread':>10}{'2 threads':>11}{'throughput':>12}")
    for name in ("uniform", "zipf"):
        one, two = found[name, 1], found[name, 2]
        print(f"{name:<16}{one:>10.1f}{two:>11.1f}{2 * one / two:>11.2f}x", flush=True)
    print(f"\n{'bytes an entry':<24}{'weir':>8}{'lru':>8}{'memcached':>11}{'redis':>8}")
    for entries, value_bytes in ((options.tiny, 12), (options.entries, 100)):
        row = fill(entries, value_bytes)
        print(f"{entries:>10} x 12 + {value_bytes:<6}  {row['weir']:>6.1f}{row['lru']:>8.1f}"
              f"{memcached(entries, value_bytes):>11.1f}{redis(entries, value_bytes):>8.1f}",
              flush=True)


if __name__ == "__main__":
    main()
