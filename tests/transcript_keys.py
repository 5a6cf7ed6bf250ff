"""The part of the transcript about keys: names, expiry, searches, what OBJECT tells."""

from transcript_step import Step, s

FAR = "99999999999"

HELLO = bytes.fromhex("000568656c6c6f0a006372df766534200a")  # As DUMP returns it.
COMPRESSED = bytes.fromhex("00c30e412c0361626361e0ff02e115070162630a00d25733cec044e12b")
# A sound checksum over a string that ends too early.
SHORT = bytes.fromhex("003f68656c6c6f0a00cccaae2e1b88bfbe")

DUMPS = [
    s("SET d hello"), s("DUMP d"), s("DUMP none"), s("DUMP"), s("DUMP a b"),
    *[step for value in ("", "12345", "-1", "127", "128", "-129", "32768", "2147483648", "007")
      for step in (Step("SET", "d", value), s("DUMP d"))],
    Step("RESTORE", "d", "0", HELLO), Step("RESTORE", "d", "0", HELLO, "REPLACE"), s("GET d"),
    s("TTL d"), Step("RESTORE", "r", "0", HELLO), s("GET r"), s("DEL r"),
    Step("RESTORE", "r", "100000", HELLO), s("TTL r"), s("DEL r"),
    Step("RESTORE", "r", FAR + "000", HELLO, "ABSTTL"), s("PTTL r", how="near"),
    Step("RESTORE", "r", "1", HELLO, "ABSTTL", "REPLACE"), s("EXISTS r"),
    Step("RESTORE", "r", "1", HELLO, "ABSTTL"), s("EXISTS r"),
    Step("RESTORE", "r", "0", COMPRESSED, "replace", "idletime", "1000"), s("GET r"), s("DEL r"),
    Step("RESTORE", "r", "0", HELLO, "FREQ", "100"), s("DEL r"),
    Step("RESTORE", "r", "x", HELLO), Step("RESTORE", "r", "-1", HELLO),
    Step("RESTORE", "r", "0", HELLO, "FOO"), Step("RESTORE", "r", "0", HELLO, "IDLETIME"),
    Step("RESTORE", "r", "0", HELLO, "IDLETIME", "x"),
    Step("RESTORE", "r", "0", HELLO, "IDLETIME", "-1"),
    Step("RESTORE", "r", "0", HELLO, "FREQ", "256"), Step("RESTORE", "r", "0", HELLO, "FREQ", "-1"),
    Step("RESTORE", "r", "0", HELLO, "FREQ", "1", "IDLETIME", "1"),
    Step("RESTORE", "r", "0", HELLO[:-1] + b"x"), Step("RESTORE", "r", "0", "short"),
    Step("RESTORE", "r", "0", SHORT), s("RESTORE r 0"), s("RESTORE"), s("EXISTS r"), s("DEL d"),
]

NAMES = [
    s("SET {x}a 1 EX 100"), s("RENAME {x}a {x}b"), s("GET {x}b"), s("TTL {x}b"), s("EXISTS {x}a"),
    s("RENAME {x}a {x}b"), s("RENAME nothing nothing"), s("RENAME {x}b {x}b"), s("GET {x}b"),
    s("RENAME {x}b"), s("RENAME"), s("RENAME a b c"), s("SET {x}c 2"), s("RENAME {x}c {x}b"),
    s("TTL {x}b"), s("GET {x}b"), s("SET {x}c 3"), s("RENAMENX {x}c {x}b"), s("GET {x}b"),
    s("RENAMENX {x}c {x}d"), s("MGET {x}c {x}d"), s("RENAMENX {x}c {x}d"), s("RENAMENX {x}d {x}d"),
    s("RENAMENX a"), s("RENAMENX"), s("COPY {x}d {x}e"), s("MGET {x}d {x}e"), s("COPY {x}d {x}e"),
    s("SET {x}d new EX 100"), s("COPY {x}d {x}e REPLACE"), s("GET {x}e"), s("TTL {x}e"),
    s("COPY {x}d {x}d"), s("COPY {x}none {x}none"), s("COPY {x}none {x}f"), s("COPY {x}d {x}f FOO"),
    s("COPY {x}d {x}f DB"), s("COPY {x}d {x}f DB x"), s("COPY {x}d {x}f DB 16"),
    s("COPY {x}d {x}f DB -1"), s("COPY {x}d {x}f DB 99999999999"), s("COPY {x}d {x}f DB 0 replace"),
    s("COPY {x}d {x}f replace REPLACE"), s("COPY {x}none {x}f REPLACE"), s("GET {x}f"),
    s("COPY {x}d {x}d FOO"), s("COPY a"), s("COPY"), s("TOUCH {x}d {x}e nothing {x}d"), s("TOUCH"),
    s("UNLINK {x}d {x}e nothing {x}d"), s("UNLINK"), s("EXISTS {x}d {x}e"), s("SELECT 99999999999"),
]

EXPIRY = [
    s("SET e v"), Step("EXPIREAT", "e", FAR), s("EXPIRETIME e"), s("PEXPIRETIME e"),
    Step("PEXPIREAT", "e", FAR + "499"), s("EXPIRETIME e"), s("PEXPIRETIME e"),
    Step("PEXPIREAT", "e", FAR + "500"), s("EXPIRETIME e"), Step("EXPIREAT", "e", FAR, "NX"),
    Step("EXPIREAT", "e", "99999999998", "GT"), Step("EXPIREAT", "e", "99999999998", "LT"),
    s("EXPIRETIME e"), Step("EXPIREAT", "e", FAR, "XX", "gt"), s("EXPIRETIME e"), s("PERSIST e"),
    s("EXPIRETIME e"), s("PEXPIRETIME e"), Step("EXPIREAT", "e", FAR, "XX"),
    Step("EXPIREAT", "e", FAR, "GT"), Step("EXPIREAT", "e", FAR, "NX"), s("EXPIRETIME nothing"),
    s("PEXPIRETIME nothing"), s("EXPIRETIME"), s("PEXPIRETIME"), s("EXPIRETIME e e"),
    s("EXPIREAT e x"), s("EXPIREAT e"), s("EXPIREAT e 1 FOO"), s("EXPIREAT e 1 NX XX"),
    s("EXPIREAT e 1 GT LT"), s("EXPIREAT e 9223372036854775807"), s("PEXPIREAT e x"),
    s("EXPIREAT e -9223372036854775808"), s("PEXPIREAT e"), s("PEXPIREAT e 1 XX NX"),
    s("EXPIREAT nothing 1"), s("EXPIREAT e 9223372036854775"), s("EXPIREAT e 1.5"),
    s("EXISTS e"), s("EXPIREAT e 1"), s("EXISTS e"), s("SET e v"), s("PEXPIREAT e 1"), s("GET e"),
    s("SET e v"), s("PEXPIREAT e -1"), s("TTL e"), s("SET e v"), s("EXPIREAT e 0"), s("TTL e"),
    s("EXPIRE e 10 LT LT"), s("SET e v"), s("EXPIRE e 10 nx"), s("EXPIRE e 0 GT"), s("TTL e"),
    s("EXPIRE e 5 gt LT"), s("EXPIRE e 5 xx LT"), s("TTL e"), s("EXPIRE e -1 LT"), s("EXISTS e"),
]

SEARCHES = [s("FLUSHDB"), s("RANDOMKEY"), s("KEYS *"), s("KEYS"), s("KEYS a b"), s("RANDOMKEY x"),
            s("SET only 1"), s("RANDOMKEY"), s("KEYS *")]
_NAMES = ["one", "two", "three", "four", "key:1", "key:12", "key:123", "a[b]c", "a*c", "a?c", "abc",
          "a\\c", "-", "^", "caret^", "]", "", "Upper", "with space", "tab\tkey", "new\nline",
          b"\xff\x00\xfe", "x" * 100]
SEARCHES += [Step("SET", name, "v") for name in _NAMES]
SEARCHES += [Step("KEYS", pattern, how="set") for pattern in (
    "*", "?", "", "o*", "*e", "*o*", "????", "key:*", "key:1?", "key:1*3", "[ot]*", "[a-k]*",
    "[^a-z]*", "[^o]*", "a[*]c", "a\\*c", "a\\?c", "a\\\\c", "a?c", "a[b]c", "a\\[b\\]c", "[", "[a",
    "[a-", "[^", "\\", "a\\", "**", "*?*", "[]", "[]]", "[\\]]", "[^]", "[^\\^]", "U*", "u*",
    "[z-a]*", "[a-c-e]*", "x" * 100, "*x*x*x*x*x*x*x", "[o-", "wi*ce", "*\t*", "*\n*", b"\xff*",
    b"*\x00*")]
SEARCHES += [Step("SCAN", "0", "COUNT", "1000", "MATCH", pattern, how="page")
             for pattern in ("*", "key:*", "", "[^a-z]*", "a\\*c", "no-such")]
SEARCHES += [
    s("SCAN 0 MATCH key:* COUNT 1000 TYPE string", how="page"),
    s("SCAN 0 TYPE STRING COUNT 1000", how="page"), s("SCAN 0 TYPE"), s("SCAN 0 COUNT 1 COUNT"),
    s("SCAN 0 COUNT 9223372036854775808"), s("SCAN 0 COUNT 1.5"), s("SCAN 18446744073709551616"),
    s("SCAN 0 match"), s("SCAN abc MATCH a"), s("SET gone v PX 100000"), s("PEXPIREAT gone 1"),
    s("KEYS gone"), s("FLUSHDB FOO"), s("FLUSHDB ASYNC ASYNC"), s("FLUSHDB sync"), s("DBSIZE"),
    s("SET a 1"), s("FLUSHDB ASYNC"), s("KEYS *"),
]

OBJECT = [
    s("OBJECT"), s("OBJECT FOO"), s("OBJECT FOO a b"), s("OBJECT ENCODING"),
    s("OBJECT ENCODING a b"),
    s("OBJECT FREQ"), s("OBJECT IDLETIME"), s("OBJECT REFCOUNT"), s("OBJECT HELP x"),
    s("OBJECT ENCODING nothing"), s("OBJECT FREQ nothing"), s("OBJECT IDLETIME nothing"),
    s("OBJECT REFCOUNT nothing"), s("SET ob v"), s("OBJECT FREQ ob"), s("OBJECT IDLETIME ob"),
    s("OBJECT REFCOUNT ob"), s("object encoding ob"),
]
for _value in ("1", "-1", "0", "9223372036854775807", "-9223372036854775808", "9223372036854775808",
               "12345678901234567890123", "01", "+1", "-0", "1.5", "", " 1", "a" * 44, "a" * 45,
               "a" * 20000, "x", "999999", "10000"):
    OBJECT += [Step("SET", "ob", _value), s("OBJECT ENCODING ob")]
OBJECT += [
    s("MEMORY"), s("MEMORY FOO"), s("MEMORY USAGE"), s("MEMORY USAGE nothing"),
    s("MEMORY USAGE nothing SAMPLES"), s("MEMORY USAGE nothing SAMPLES x"),
    s("MEMORY USAGE nothing SAMPLES -1"), s("MEMORY USAGE nothing SAMPLES 0"),
    s("MEMORY USAGE nothing SAMPLES 5"), s("MEMORY USAGE ob FOO"), s("MEMORY USAGE ob SAMPLES 1 x"),
    s("MEMORY USAGE nothing samples 1 SAMPLES 2"), s("MEMORY HELP x"), s("DEL ob"),
]

SCRIPT = DUMPS + NAMES + EXPIRY + SEARCHES + OBJECT
