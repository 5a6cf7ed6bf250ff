#!/usr/bin/python3
"""Goal: a command that is wrong in one word, or right in an unusual one, does what redis-server 7.0
does with it, to the reply, to the value and to its expiry.

Method: generated. Every command of weir's table that names keys has valid calls here. Each call is
sent as it is, with each of its words replaced by every word that parsers and arithmetic trip over,
left out, and doubled; on a key that is absent, a text, a number, and a number that expires. weir
and redis-server must give the same bytes, and leave the same value with the same time to live.

    mutations_test.py WEIR
"""

import os
import sys
import unittest

import weir_process
from weir_process import encode

WEIR = ""

CALLS = [line.split() for line in """
GET k|SET k v|SET k v EX 100|SET k v PX 100000 NX|SET k v KEEPTTL GET|SET k v EXAT 99999999999 XX
SETNX k v|SETEX k 100 v|PSETEX k 100000 v|GETSET k v|GETDEL k|GETEX k|GETEX k EX 100|GETEX k PERSIST
GETEX k PXAT 99999999999000|MSET k v d w|MSETNX k v d w|MGET k d|STRLEN k|APPEND k v|GETRANGE k 0 -1
SUBSTR k 0 -1|SETRANGE k 1 v|LCS k d|LCS k d IDX MINMATCHLEN 1 WITHMATCHLEN|LCS k d LEN
INCR k|DECR k|INCRBY k 5|DECRBY k 5|INCRBYFLOAT k 1.5
SETBIT k 7 1|GETBIT k 7|BITCOUNT k|BITCOUNT k 0 -1|BITCOUNT k 0 -1 BIT|BITPOS k 1
BITPOS k 0 0 -1 BYTE|BITOP AND d k k|BITOP NOT d k|BITFIELD k GET u8 0
BITFIELD k SET i8 #1 5 OVERFLOW SAT INCRBY u4 0 9
BITFIELD k OVERFLOW FAIL INCRBY u8 0 255|BITFIELD_RO k GET u8 0
DEL k d|UNLINK k d|EXISTS k k|TOUCH k d|TYPE k|RENAME k d|RENAMENX k d|COPY k d|COPY k d REPLACE
EXPIRE k 100|EXPIRE k 200 NX|EXPIRE k 200 GT|PEXPIRE k 100000 XX|PEXPIRE k 50000 LT
EXPIREAT k 99999999999|EXPIREAT k 1|PEXPIREAT k 99999999999000 XX GT|PERSIST k
TTL k|PTTL k|EXPIRETIME k|PEXPIRETIME k|OBJECT ENCODING k|OBJECT FREQ k|OBJECT IDLETIME k
OBJECT REFCOUNT k|MEMORY USAGE k|MEMORY USAGE k SAMPLES 5|WATCH k d
""".replace("\n", "|").split("|") if line]

# Commands that name keys and have no call.
LEFT_OUT = {
    "cl.throttle": "redis-server does not have it",
    "dump": "its payload is compared in transcript_keys.py",
    "gcra": "redis-server does not have it",
    "increx": "redis-server does not have it",
    "restore": "its payloads are compared in transcript_keys.py",
    "rl.throttle": "redis-server does not have it",
    **{f"weir.{verb}": "weir's own" for verb in ("getx", "invalidate|key", "invalidate|tag")},
    **{f"limit.{verb}": "weir's own" for verb in (
        "acquire", "cancel", "check", "commit", "peek", "refund", "release", "reserve", "wait")},
}

WORDS = ["", "x", "-1", "0", "1", "8", "1.5", " 1", "+1", "01", "9223372036854775806",
         "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "nan", "-inf",
         "1e400", "0x10", "k", "d", "nx", "XX", "GT", "LT", "EX", "pxat", "KEEPTTL", "GET",
         "PERSIST", "u8", "i64", "u64", "#1", "BIT", "OVERFLOW", "WRAP", "REPLACE", "LEN", "IDX"]

# Redis shares numbers below 10000, which shows in OBJECT REFCOUNT.
STATES = {"absent": [], "a text": [("SET", "k", "text"), ("SET", "d", "a txet")],
          "a number": [("SET", "k", "10007")],
          "one that expires": [("SET", "k", "10007", "EX", "100")]}
CLEAR = ("DEL", "v", "w", *WORDS)
PROBES = [("GET", "k"), ("TTL", "k"), ("GET", "d"), ("TTL", "d"), ("UNWATCH",)]

# Where a call says how long a key lives, no word that would let it expire between two probes.
TIMES = {"100", "200", "50000", "100000"}
SHORT = {"1", "8"}

# Replies of these are compared as numbers, of about the same size.
NEAR = {"TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME", "OBJECT", "MEMORY"}
NEAR_BY = 2000


def mutations(call):
    """Yields the call, then all that differ from it in one word."""
    yield call
    for i in range(1, len(call)):
        for word in WORDS:
            if call[i] in TIMES and word in SHORT:
                continue
            yield call[:i] + [word] + call[i + 1:]
        yield call[:i] + call[i + 1:]
        yield call[:i] + [call[i]] + call[i:]
    yield call + ["x"]


def near(one, other):
    numbers = isinstance(one, int) and isinstance(other, int)
    return numbers and (one < 0) == (other < 0) and abs(one - other) <= NEAR_BY


def same(words, one, other):
    (value, raw), (other_value, other_raw) = one, other
    return raw == other_raw or (words[0] in NEAR and near(value, other_value))


class Mutations(unittest.TestCase):
    def setUp(self):
        scratch = weir_process.scratch()
        self.addCleanup(scratch.cleanup)
        self.weir = weir_process.Weir(WEIR, os.path.join(scratch.name, "weir"), "--store", "memory",
                                      "--memory", "256MiB")
        self.addCleanup(self.weir.kill)
        self.redis = weir_process.Redis(os.path.join(scratch.name, "redis"))
        self.addCleanup(self.redis.kill)

    def answers(self, client, commands):
        client.send(b"".join(encode(*words) for words in commands))
        return [(client.read(), client.raw) for _ in commands]

    def compare(self, protocol, states):
        """Returns how many calls were made; fails with what differs."""
        count, different = 0, []
        with self.weir.client() as weir, self.redis.client() as redis:
            for client in (weir, redis):
                client.command("HELLO", str(protocol))
            for state in states:
                for call in CALLS:
                    commands = []
                    for words in mutations(call):
                        commands += [CLEAR, *STATES[state], words, *PROBES]
                        count += 1
                    for words, *pair in zip(commands, self.answers(weir, commands),
                                            self.answers(redis, commands)):
                        if not same(words, *pair):
                            different.append(f"  {' '.join(call)} on {state}: {words}\n"
                                             f"    redis {pair[1][1]!r}\n    weir  {pair[0][1]!r}")
        if different:
            self.fail(f"{len(different)} of {count} replies differ in RESP{protocol}:\n"
                      + "\n".join(different[:40]))
        return count

    def test_one_wrong_word_means_what_it_means_to_redis(self):
        self.assertGreater(self.compare(2, STATES), 20_000)

    def test_one_wrong_word_means_in_resp3_what_it_means_to_redis(self):
        self.compare(3, ["one that expires"])

    def test_every_command_that_names_keys_is_called(self):
        called = {call[0].lower() for call in CALLS}
        called |= {"|".join(call[:2]).lower() for call in CALLS if len(call) > 1}
        with self.weir.client() as client:
            rows = client.command("COMMAND")
        rows += [sub for row in rows for sub in row[9]]
        with_keys = {row[0].decode() for row in rows if row[3] != 0}
        self.assertGreater(len(with_keys), 50)
        self.assertEqual(with_keys - called, set(LEFT_OUT))


if __name__ == "__main__":
    WEIR = os.path.abspath(sys.argv.pop(1))
    unittest.main()
