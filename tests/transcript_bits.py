"""The part of the transcript about bits; much of it is drawn by chance, from a fixed seed."""

import random

from transcript_step import Step, s

_random = random.Random(7)

BASIC = [
    s("SETBIT b 7 1"), s("GET b"), s("SETBIT b 7 0"), s("GETBIT b 7"), s("SETBIT b 100 1"),
    s("STRLEN b"), s("GETBIT b 100"), s("GETBIT b 101"), s("GETBIT b 10000"), s("GETBIT nothing 5"),
    s("SETBIT b -1 1"), s("SETBIT b x 1"), s("SETBIT b 1 2"), s("SETBIT b 1 -1"), s("SETBIT b 1 x"),
    s("SETBIT b 1 01"), s("SETBIT b 1.5 1"), s("SETBIT b 4294967296 1"), s("SETBIT b x y"),
    s("SETBIT b 9223372036854775807 1"), s("SETBIT b 1"), s("SETBIT"), s("SETBIT b 1 1 1"),
    s("GETBIT b"), s("GETBIT b x"), s("GETBIT b -1"), s("GETBIT b 4294967296"),
    s("GETBIT b 4294967295"), s("GETBIT b 1 1"), s("EXPIRE b 100"), s("SETBIT b 3 1"), s("TTL b"),
    s("SET n 12345"), s("GETBIT n 2"), s("SETBIT n 2 0"), s("GET n"), s("SETBIT zero 0 0"),
    s("GET zero"), s("GETBIT b #1"), s("SETBIT b #1 1"),
    s("BITCOUNT nothing"), s("BITCOUNT nothing 0"), s("BITCOUNT nothing x y"),
    s("BITCOUNT nothing 0 1 FOO"), s("BITCOUNT"), s("BITCOUNT n 0"), s("BITCOUNT n x 1"),
    s("BITCOUNT n 0 x"), s("BITCOUNT n 0 1 FOO"), s("BITCOUNT n 0 1 BIT x"),
    s("BITCOUNT n 0 1 bit"),
    s("BITCOUNT n 0 1 Byte"), s("BITCOUNT n x y FOO"), s("BITPOS nothing 0"), s("BITPOS nothing 1"),
    s("BITPOS nothing 2"), s("BITPOS n"), s("BITPOS n x"), s("BITPOS n 2"), s("BITPOS n -1"),
    s("BITPOS n 1 x"), s("BITPOS n 1 0 x"), s("BITPOS n 1 0 1 FOO"), s("BITPOS n 1 0 1 BIT x"),
    s("BITPOS n 1 x y FOO"), s("BITPOS nothing 1 x y"), s("BITPOS nothing 0 5 6 BIT"),
    Step("SET", "empty", ""), s("BITPOS empty 0"), s("BITPOS empty 1"), s("BITPOS empty 0 0"),
    s("BITPOS empty 0 0 -1"), s("BITPOS empty 0 0 -1 BIT"), s("BITCOUNT empty"),
    s("BITCOUNT empty 0 -1"), Step("SET", "ones", b"\xff" * 3), s("BITPOS ones 0"),
    s("BITPOS ones 0 0"), s("BITPOS ones 0 0 -1"), s("BITPOS ones 0 3"), s("BITPOS ones 0 2"),
    s("BITPOS ones 0 0 -1 BIT"), s("BITPOS ones 1 -1 0"), s("BITPOS ones 0 -100"),
]

VALUES = [b"\x00" * 20, b"\xff" * 20, b"\x00" * 9 + b"\x01" + b"\x00" * 9, b"foobar",
          b"\xff\xf0\x00", b"\x00\xff\xf0", b"\x80", b"\x01", bytes(range(256)),
          b"\xff" * 17 + b"\xfe" + b"\xff" * 14]
RANGES = []
for _value in VALUES:
    RANGES += [Step("SET", "v", _value), s("BITCOUNT v"), s("BITPOS v 0"), s("BITPOS v 1")]
    for _ in range(14):
        _limit = _random.choice((4, 24, 200, 2100))
        _start, _end = (str(_random.randint(-_limit, _limit)) for _ in range(2))
        _unit = _random.choice(((), ("BIT",), ("BYTE",)))
        RANGES += [Step("BITCOUNT", "v", _start, _end, *_unit),
                   Step("BITPOS", "v", _random.choice("01"), _start, _end, *_unit),
                   Step("BITPOS", "v", _random.choice("01"), _start)]
RANGES += [Step("BITCOUNT", "v", start, end, *unit)
           for start in ("-9223372036854775808", "9223372036854775807", "0")
           for end in ("-9223372036854775808", "9223372036854775807", "-1")
           for unit in ((), ("BIT",))]

COMBINED = [
    s("BITOP AND d"), s("BITOP"), s("BITOP FOO d a"), s("BITOP NOT d a b"),
    s("BITOP NOT d nothing"),
    s("EXISTS d"), Step("SET", "{o}a", "abc"), Step("SET", "{o}b", "\x01\x02\x03\x04\x05"),
    Step("SET", "{o}c", b"\xff\x00\xff"), s("SET {o}t x EX 100"),
]
for _operation in ("AND", "or", "XOR"):
    COMBINED += [step for sources in (("{o}a",), ("{o}a", "{o}b"), ("{o}b", "{o}c", "{o}a"),
                                      ("{o}a", "nothing{o}"), ("{o}none",), ("{o}a", "{o}a"))
                 for step in (Step("BITOP", _operation, "{o}d", *sources), s("GET {o}d"),
                              s("TTL {o}d"))]
COMBINED += [
    s("BITOP NOT {o}d {o}a"), s("GET {o}d"), s("BITOP NOT {o}t {o}b"), s("GET {o}t"), s("TTL {o}t"),
    s("BITOP XOR {o}a {o}a {o}a"), s("GET {o}a"), s("BITOP AND {o}t {o}none {o}none2"),
    s("EXISTS {o}t"), Step("SET", "{o}e", ""), s("BITOP OR {o}d {o}e"), s("EXISTS {o}d"),
]

FIELDS = [
    s("BITFIELD bf"), s("BITFIELD"), s("BITFIELD bf FOO"), s("BITFIELD bf GET"),
    s("BITFIELD bf GET u8"), s("BITFIELD bf GET u64 0"), s("BITFIELD bf GET i65 0"),
    s("BITFIELD bf GET u0 0"), s("BITFIELD bf GET i0 0"), s("BITFIELD bf GET x8 0"),
    s("BITFIELD bf GET u 0"), Step("BITFIELD", "bf", "GET", "", "0"), s("BITFIELD bf GET u8 x"),
    s("BITFIELD bf GET u8 -1"), s("BITFIELD bf GET u8 #x"), s("BITFIELD bf GET u8 #-1"),
    s("BITFIELD bf GET U8 0"), s("BITFIELD bf GET u8 4294967296"), s("BITFIELD bf GET u08 0"),
    s("BITFIELD bf GET u8 4294967295"), s("BITFIELD bf SET u8 0"), s("BITFIELD bf SET u8 0 x"),
    s("BITFIELD bf SET u8 4294967296 1"), s("BITFIELD bf INCRBY u8 0"),
    s("BITFIELD bf INCRBY u8 0 x"), s("BITFIELD bf OVERFLOW"), s("BITFIELD bf OVERFLOW FOO"),
    s("BITFIELD bf OVERFLOW wrap"), s("EXISTS bf"), s("BITFIELD bf GET u8 0 GET i8 100"),
    s("EXISTS bf"), s("BITFIELD bf SET u8 0 255 GET i8 0"), s("GET bf"),
    s("BITFIELD bf OVERFLOW FAIL INCRBY u8 0 1"), s("BITFIELD bf OVERFLOW fail INCRBY u8 100 300"),
    s("STRLEN bf"), s("BITFIELD bf OVERFLOW SAT INCRBY u8 0 1 INCRBY i8 8 200 INCRBY i8 8 -400"),
    s("BITFIELD bf OVERFLOW WRAP INCRBY u8 0 1 OVERFLOW SAT INCRBY u8 0 300"),
    s("BITFIELD bf SET u8 #2 17 GET u8 16 GET u4 #4 GET u4 #5"), s("GET bf"),
    s("BITFIELD bf SET i64 0 -9223372036854775808 GET i64 0 INCRBY i64 0 -1"),
    s("BITFIELD bf SET u63 0 9223372036854775807 INCRBY u63 0 1 GET u63 0"),
    s("BITFIELD bf SET u63 0 -1 GET u63 0"), s("BITFIELD bf OVERFLOW SAT SET u8 0 -1 GET u8 0"),
    s("BITFIELD bf OVERFLOW FAIL SET u8 0 256 GET u8 0"), s("EXPIRE bf 100"),
    s("BITFIELD bf SET u1 3 1"), s("TTL bf"), s("BITFIELD_RO bf GET u8 0"),
    s("BITFIELD_RO bf SET u8 0 1"), s("BITFIELD_RO bf OVERFLOW WRAP"), s("BITFIELD_RO bf"),
    s("BITFIELD_RO bf GET u8 0 INCRBY u8 0 1"), s("BITFIELD_RO nothing GET i5 3 GET u63 #9"),
    s("BITFIELD_RO bf GET u8"), s("BITFIELD_RO"), s("BITFIELD_RO bf FOO"),
    s("BITFIELD bf SET u8 0 1 FOO"), s("BITFIELD bf GET u8 0 SET u8 0 x"), s("DEL bf"),
]


def _field():
    kind = _random.choice("iu")
    bits = _random.choice((1, 2, 7, 8, 9, 16, 31, 32, 33, 62, 63) + ((64,) if kind == "i" else ()))
    offset = _random.randint(0, 120)
    return f"{kind}{bits}", f"#{offset // 16}" if _random.random() < 0.3 else str(offset)


def _number():
    magnitude = _random.choice((1, 2, 100, 300, 2**31, 2**32 + 5, 2**62, 2**63 - 1))
    return str(_random.choice((-1, 1)) * _random.randint(0, magnitude))


for _ in range(120):
    _words = []
    for _ in range(_random.randint(1, 5)):
        if _random.random() < 0.4:
            _words += ["OVERFLOW", _random.choice(("WRAP", "SAT", "FAIL"))]
        _action = _random.choice(("GET", "SET", "INCRBY", "INCRBY"))
        _words += [_action, *_field()] + ([] if _action == "GET" else [_number()])
    FIELDS += [Step("BITFIELD", "bf", *_words), s("GET bf")]

SCRIPT = BASIC + RANGES + COMBINED + FIELDS
