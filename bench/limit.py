#!/usr/bin/env python3
"""Rate limits: the library's table, and decisions over the wire beside redis-server.

The library's rows come from the micro-benchmark limit_bench, in ns of CPU a decision. Over the wire
weir answers LIMIT.CHECK and CL.THROTTLE, redis-server runs the usual token bucket as a Lua script
(EVALSHA), and GET of an absent key in both stands for what a request costs anyway. As in
bench/serve.py: one server core, one for the generator, rounds that alternate, medians.

    ./dev bench limit [--rounds 5] [--scale 1.0] [--only library|wire]
"""
import argparse
import csv
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile

import serve

LIBRARY = os.path.join(serve.ROOT, "build", "release", "benches", "limit_bench")
KEYS = 1_000_000

# Names of limit_bench, what they are, decisions a call, and the goal in ns.
ROWS = (
    ("Table/HotSet", "1 of 1000 buckets, in bursts of 32", 10),
    ("Table/Million", "1 of 10^6 buckets, in bursts of 32", 20),
    ("Table/MillionHashing", "the same, and the hash of a 16-byte key", 30),
    ("Table/MillionOneByOne", "1 of 10^6 buckets, one by one", None),
    ("Table/HotSetStacked4", "4 limits in one decision, 4000 buckets", None),
    ("Table/MillionStacked4", "4 limits in one decision, 4 x 10^6 buckets", 60),
    ("HotKey", "a policy matched, hashed, decided: one client", None),
    ("ManyKeys", "the same, 1 of 10^6 clients", None),
    ("FourStacked", "four policies matched, hashed, decided", None),
    ("Refused", "a refusal", None),
)

TOKEN_BUCKET = """
local rate, burst, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local bucket = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens, at = tonumber(bucket[1]) or burst, tonumber(bucket[2]) or now
tokens = math.min(burst, tokens + (now - at) * rate)
local allowed = tokens >= cost
if allowed then tokens = tokens - cost end
redis.call('HSET', KEYS[1], 'tokens', tokens, 'at', now)
redis.call('PEXPIRE', KEYS[1], math.ceil(burst / rate * 1000))
return {allowed and 1 or 0, math.floor(tokens)}
"""


def library(rounds):
    names = "|".join(f"^{name}$" for name, _, _ in ROWS)
    output = subprocess.run(
        ["taskset", "-c", str(serve.SERVER_CORE), LIBRARY, f"--benchmark_filter={names}",
         f"--benchmark_repetitions={rounds}", "--benchmark_report_aggregates_only=true",
         "--benchmark_format=json"], capture_output=True, text=True, check=True).stdout
    median = {row["run_name"]: row["cpu_time"] for row in json.loads(output)["benchmarks"]
              if row["aggregate_name"] == "median"}
    print(f"{'ns a decision, one core':<52}{'ns':>8}{'goal':>8}")
    for name, words, goal in ROWS:
        print(f"{words:<52}{median[name]:>8.1f}{goal or '':>8}")


def measure(server, words, pipeline, requests):
    cpu = server.cpu_seconds()
    output = subprocess.run(
        ["taskset", "-c", str(serve.CLIENT_CORE), "redis-benchmark", "-p", str(server.port),
         "-r", str(KEYS), "-c", str(serve.CONNECTIONS), "-n", str(requests), "-P", str(pipeline),
         "--csv", *words], capture_output=True, text=True, check=True).stdout
    cpu = server.cpu_seconds() - cpu
    row = list(csv.DictReader(io.StringIO(output)))[-1]
    return {"rps": float(row["rps"]), "p99": float(row["p99_latency_ms"]),
            "cpu": cpu * 1e6 / requests}


def wire(folder, options):
    weir = serve.start_weir(folder)
    redis = serve.start_redis(os.path.join(folder, "redis"), False)
    script = subprocess.run(["redis-cli", "-p", str(redis.port), "SCRIPT", "LOAD", TOKEN_BUCKET],
                            capture_output=True, text=True, check=True).stdout.strip()
    key = "user:__rand_int__"
    asked = (
        ("weir  LIMIT.CHECK", weir, ["LIMIT.CHECK", key, "RATE", "100/s"]),
        ("weir  two limits in one", weir,
         ["LIMIT.CHECK", key, "RATE", "100/s", "AND", "all", "RATE", "1000000/s"]),
        ("weir  CL.THROTTLE", weir, ["CL.THROTTLE", key, "99", "100", "1"]),
        ("weir  GET, absent", weir, ["GET", "absent"]),
        ("redis EVALSHA, token bucket", redis, ["EVALSHA", script, "1", key, "100", "100", "1"]),
        ("redis GET, absent", redis, ["GET", "absent"]),
    )
    print(f"\n{'over the wire, 10^6 keys, 50 connections':<44}{'a second':>10}{'p99 ms':>9}"
          f"{'CPU µs':>9}")
    for pipeline, requests in ((1, 200_000), (32, 1_000_000)):
        results = {title: [] for title, _, _ in asked}
        for _ in range(options.rounds):
            for title, server, words in asked:
                results[title].append(measure(server, words, pipeline,
                                              max(int(requests * options.scale), 1000)))
        for title, _, _ in asked:
            rows = results[title]
            print(f"{title + f', pipeline {pipeline}':<44}"
                  f"{statistics.median(row['rps'] for row in rows):>10.0f}"
                  f"{statistics.median(row['p99'] for row in rows):>9.2f}"
                  f"{statistics.median(row['cpu'] for row in rows):>9.2f}", flush=True)
    for server in (weir, redis):
        server.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the usual requests")
    parser.add_argument("--only", choices=("library", "wire"))
    options = parser.parse_args()
    for program in (serve.WEIR, LIBRARY):
        if not os.path.exists(program):
            sys.exit(f"bench: {os.path.relpath(program, serve.ROOT)} is missing; run ./dev build")
    if options.only in (None, "library"):
        library(options.rounds)
    if options.only in (None, "wire"):
        with tempfile.TemporaryDirectory(dir=os.path.join(serve.ROOT, "build")) as folder:
            wire(folder, options)


if __name__ == "__main__":
    main()
