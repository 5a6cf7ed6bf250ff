"""The script of commands whose replies weir and redis-server must give with the same bytes."""

import transcript_bits
import transcript_keys
import transcript_server
import transcript_strings
from transcript_step import Step, s

# Commands whose replies differ by intent, so that smoke_test.py looks at their shape instead.
ALLOWED = {
    "command": "describes a smaller table of commands",
    "config": "has the parameters of another program",
    "info": "has the counters of another program",
    "hello": "names another server, version and connection number (errors are in the script)",
    "cl.throttle": "is a module's there",
    "gcra": "is no command there",
    "increx": "is no command there",
    "rl.throttle": "is no command there",
    **{f"limit.{verb}": "is weir's own" for verb in (
        "acquire", "cancel", "check", "commit", "explain", "offenders", "peek", "policy",
        "refund", "release", "reserve", "wait", "whatif")},
    "weir.backup": "is weir's own",
    "weir.getx": "is weir's own",
    "weir.invalidate": "is weir's own",
    "weir.mrc": "is weir's own",
    "weir.ring": "is weir's own",
    "weir.shard": "is weir's own",
    "quit": "ends the connection, so that a script would end with it",
}


# Commands that Debian's redis-server does not know.
NEWER_THAN_REDIS_7_0 = {b"client|setinfo", b"client|no-touch", b"cluster|myshardid",
                        b"cluster|slot-stats"}

FAR = "99999999999"  # A second and a millisecond in a future that both servers share.

CONNECTION = [
    s("PING"), s("ping hello"), s("PING a b"), s("ECHO hello"), s("ECHO"), s("ECHO a b"),
    Step("ECHO", ""), Step("PING", ""), Step("ECHO", b"\x00\xff\r\n"),
    s("SELECT 0"), s("SELECT 16"), s("SELECT -1"), s("SELECT x"), s("SELECT"), s("SELECT 0 0"),
    s("SELECT 99999999999999999999"), s("CLIENT"), s("CLIENT GETNAME"), s("CLIENT SETNAME me"),
    s("CLIENT GETNAME"), Step("CLIENT", "SETNAME", "a b"), Step("CLIENT", "SETNAME", "a\nb"),
    Step("CLIENT", "SETNAME", ""), s("client getname"), s("CLIENT SETNAME"), s("CLIENT ID x"),
    s("CLIENT GETNAME x"), s("CLIENT NO-SUCH"), s("CLIENT no-such-Thing a b"),
    s("HELLO x"), s("HELLO 1"), s("HELLO 4"), s("HELLO 2 SETNAME"), s("HELLO 3 NOSUCH"),
    s("HELLO 2 AUTH a"), Step("HELLO", "2", "SETNAME", "a b"), s("HELLO 99999999999999999999"),
    s("CONFIG"), s("CONFIG GET"), s("CONFIG GET no-such-parameter"), s("CONFIG NO-SUCH"),
    s("COMMAND NO-SUCH"), s("COMMAND COUNT x"), s("COMMAND INFO no-such"),
    s("COMMAND DOCS no-such"),
    s("AUTH"), s("AUTH x"), s("AUTH default x"), s("AUTH nobody x"), s("AUTH a b c"),
    Step("AUTH", ""), Step("AUTH", "", ""), s("HELLO 2 AUTH nobody x"),
    Step("HELLO", "2", "SETNAME", "a b", "AUTH", "c", "d"),
    s("ACL"), s("ACL WHOAMI"), s("ACL WHOAMI x"), s("ACL USERS"), s("ACL USERS x"),
    s("ACL CAT no-such"), s("ACL CAT a b"), s("ACL GETUSER"), s("ACL GETUSER nobody"),
    s("ACL SETUSER"), s("ACL DELUSER"), s("ACL LIST x"), s("ACL NO-SUCH"),
    s("ACL DRYRUN"), s("ACL DRYRUN default"), s("ACL DRYRUN nobody get a"),
    s("ACL DRYRUN default no-such a"), s("ACL DRYRUN default get"), s("ACL DRYRUN default config"),
    s("ACL DRYRUN default config get"), s("ACL DRYRUN default config no-such x"),
    s("ACL DRYRUN default get a"), s("ACL DRYRUN default flushall"), s("ACL GENPASS 0"),
    s("ACL GENPASS -1"), s("ACL GENPASS 4097"), s("ACL GENPASS x"), s("ACL GENPASS 8 8"),
    s("ASKING"), s("ASKING x"),
]

UNKNOWN = [
    s("NO-SUCH"), s("no-such a b c"), Step("NO-SUCH", "a b", "", "c"), Step(""), Step("", "a"),
    Step("N" * 200, "a"), Step("NO-SUCH", "a" * 200, "b"), Step("NO-SUCH", *["arg"] * 40),
    Step("NO-SUCH", "a" * 120, "bcdefghijk", "z"), Step("NO\r\nSUCH", "a"),
    Step("NO-SUCH", "a\r\nb"),
    Step("NO-SUCH", "x" * 127, "y"), Step("NO-SUCH", "x" * 128, "y"),
]

STRINGS = [
    s("GET nothing"), s("SET k v"), s("GET k"), s("get K"), s("SeT k w"), s("GET k"), s("GET"),
    s("GET a b"), s("SET"), s("SET k"), Step("SET", "k", ""), s("GET k"), Step("SET", "", "empty"),
    Step("GET", ""), Step("DEL", ""), Step("SET", "bin", bytes(range(256))), s("GET bin"),
    s("STRLEN bin"), s("STRLEN nothing"), s("STRLEN"), s("STRLEN a b"),
    Step("SET", "big", "x" * 100000), s("STRLEN big"), s("GET big"), s("DEL big bin"),
    s("SET k v NX"), s("SET k v XX"), s("SET new v XX"), s("SET new v NX"), s("SET new w NX GET"),
    s("SET new w XX GET"), s("SET new2 w GET"), s("SET new3 w XX GET"), s("GET new3"),
    s("SET new4 w NX GET"), s("GET new4"), s("SET k v NX XX"), s("SET k v XX NX"), s("SET k v FOO"),
    s("SET k v EX"), s("SET k v EX 0"), s("SET k v EX -1"), s("SET k v EX x"), s("SET k v PX 0"),
    s("SET k v EX 1.5"), s("SET k v EX 9223372036854775807"), s("SET k v PX 9223372036854775807"),
    s("SET k v EX 9223372036854775"), s("SET k v EXAT 9223372036854775807"),
    s("SET k v EX 10 PX 10"), s("SET k v EX 10 KEEPTTL"),
    s("SET k v KEEPTTL EX 10"), s("SET k v KEEPTTL KEEPTTL"), s("SET k v GET GET"),
    s("SET k v NX NX"), s("SET k v EX 10 EX 10"), s("SET k v EXAT 0"), s("SET k v PXAT -5"),
    s("SET k v EXAT 1"), s("GET k"), s("TTL k"), s("SET k v ex 100"), s("TTL k"),
    s("SET k v2 KEEPTTL"), s("TTL k"), s("SET k v3"), s("TTL k"), s("SET k v PX 100000"),
    s("PTTL k", how="near"), s("TTL k"), Step("SET", "k", "v", "EXAT", FAR),
    s("TTL k", how="near"), Step("SET", "k", "v", "PXAT", FAR + "000"), s("PTTL k", how="near"),
    s("SET k v GET EX 100"), s("TTL k"), s("SET absent v XX GET EX 0"), s("SET absent v EX 0 NX"),
    Step("SET", "k", "v", "EX", " 10"), Step("SET", "k", "v", "EX", "+10"),
    Step("SET", "k", "v", "EX", "010"), Step("SET", "k", "v", "EX", ""),
    s("MSET a 1 b 2 c 3"), s("MGET a b c nothing"), s("MGET"), s("MGET a a a"), s("MSET"),
    s("MSET a"), s("MSET a 1 b"), s("MSET d 1 d 2"), s("GET d"), s("MGET nothing"),
]

NUMBERS = [
    s("INCR n"), s("INCR n"), s("GET n"), s("DECR n"), s("DECR n"), s("DECR n"), s("INCRBY n 10"),
    s("INCRBY n -20"), s("DECRBY n 5"), s("DECRBY n -5"), s("INCRBY n x"), s("INCRBY n 1.5"),
    s("INCRBY n"), s("INCR"), s("INCR n n"), s("DECR"), s("DECRBY n"), s("DECRBY n x"),
    Step("INCRBY", "n", ""), Step("INCRBY", "n", " 1"), Step("INCRBY", "n", "+1"),
    Step("INCRBY", "n", "01"), Step("INCRBY", "n", "-0"), s("SET s text"), s("INCR s"),
    s("INCRBY s 1"), s("DECR s"), s("SET max 9223372036854775807"), s("INCR max"),
    s("INCRBY max 1"), s("DECR max"), s("SET min -9223372036854775808"), s("DECR min"),
    s("DECRBY min 1"), s("INCR min"), s("DECRBY n -9223372036854775808"), s("SET min -5"),
    s("DECRBY min 9223372036854775807"), s("INCRBY n 9223372036854775808"),
    Step("SET", "sp", " 1"), s("INCR sp"), Step("SET", "sp", "1 "), s("INCR sp"),
    Step("SET", "sp", "01"), s("INCR sp"), Step("SET", "sp", "-0"), s("INCR sp"),
    Step("SET", "sp", ""), s("INCR sp"), s("SET sp +1"), s("INCR sp"), s("SET t 5 EX 100"),
    s("INCR t"), s("TTL t"), s("APPEND log a"), s("APPEND log bc"), s("GET log"), s("APPEND log"),
    Step("APPEND", "log", ""), Step("APPEND", "none", ""), s("EXISTS none"), s("STRLEN log"),
    s("SET ap 1 EX 100"), s("APPEND ap 2"), s("TTL ap"), s("INCR ap"), s("APPEND a b c"),
]

KEYS = [
    s("DEL a b c nothing"), s("DEL a"), s("DEL"), s("SET a 1"), s("DEL a a"), s("EXISTS a"),
    s("SET a 1"), s("EXISTS a a nothing"), s("EXISTS"), s("TYPE a"), s("TYPE nothing"), s("TYPE"),
    s("TYPE a b"), s("EXPIRE a 100"), s("TTL a"), s("EXPIRE nothing 100"), s("EXPIRE a"),
    s("EXPIRE a x"), s("EXPIRE a 1.5"), s("EXPIRE a 9223372036854775807"),
    s("EXPIRE a -9223372036854775808"), s("PEXPIRE a 9223372036854775807"),
    s("EXPIRE a 10 FOO"), s("EXPIRE a 10 NX XX"), s("EXPIRE a 10 GT LT"), s("EXPIRE a 10 NX GT"),
    s("EXPIRE a 200 NX"), s("EXPIRE a 200 XX"), s("TTL a"), s("EXPIRE a 100 GT"), s("TTL a"),
    s("EXPIRE a 300 GT"), s("TTL a"), s("EXPIRE a 400 LT"), s("EXPIRE a 50 LT"), s("TTL a"),
    s("PERSIST a"), s("PERSIST a"), s("PERSIST nothing"), s("PERSIST"), s("TTL a"), s("PTTL a"),
    s("EXPIRE a 100 GT"), s("EXPIRE a 100 XX"), s("EXPIRE a 100 LT"), s("TTL a"),
    s("EXPIRE a 90 XX GT"), s("EXPIRE a 200 XX XX"), s("TTL a"), s("PEXPIRE a 100000"),
    s("PTTL a", how="near"), s("PEXPIRE a x"), s("PEXPIRE a"), s("PEXPIRE a 1 NX XX"),
    s("TTL nothing"), s("PTTL nothing"), s("TTL"), s("PTTL a b"), s("EXPIRE a 0"), s("EXISTS a"),
    s("SET a 1"), s("PEXPIRE a -1"), s("GET a"), s("SET a 1"), s("EXPIRE a -100"), s("TTL a"),
    s("EXPIRE nothing x"), s("EXPIRE nothing 10 FOO"),
    s("SET a 1"), s("DBSIZE"), s("DBSIZE x"), s("SCAN 0 COUNT 1000", how="page"), s("SCAN"),
    s("SCAN x"), s("SCAN 0 COUNT"), s("SCAN 0 COUNT 0"), s("SCAN 0 COUNT x"), s("SCAN 0 FOO"),
    s("SCAN 0 MATCH"), s("SCAN 0 COUNT 1000 MATCH a*", how="page"),
    s("SCAN 0 COUNT -1"), s("SCAN 0 FOO 1"), s("SCAN 0 COUNT 1000 TYPE list", how="page"),
    Step("SCAN", "0", "COUNT", "1000", "MATCH", "[a-b]", how="page"), s("SCAN 1.5"),
    Step("SCAN", "0", "COUNT", "1000", "MATCH", "\\a", how="page"),
    s("FLUSHALL FOO"), s("FLUSHALL ASYNC"), s("DBSIZE"), s("SET a 1"), s("FLUSHALL SYNC"),
    s("GET a"), s("FLUSHALL"), s("FLUSHALL SYNC SYNC"),
]

# Of one connection, so WATCH sees what the connection itself writes.
TRANSACTIONS = [s(line) for line in (
    "EXEC", "DISCARD", "UNWATCH", "WATCH", "MULTI x", "EXEC x", "DISCARD x", "UNWATCH x", "RESET x",
    "MULTI", "EXEC", "EXEC", "MULTI", "DISCARD", "DISCARD",
    "MULTI", "MULTI", "WATCH a", "SET a 1", "GET a", "INCR a", "EXEC", "GET a",
    "MULTI", "SET a", "SET a 9", "EXEC", "EXEC", "GET a", "MULTI", "NO-SUCH x", "EXEC",
    "MULTI", "EXEC x", "EXEC", "MULTI", "WATCH", "EXEC", "MULTI", "DISCARD x", "EXEC",
    "MULTI", "CLIENT", "EXEC", "MULTI", "CLIENT NO-SUCH", "EXEC", "MULTI", "UNWATCH x", "EXEC",
    "MULTI", "SET a text", "INCR a", "SET a v EX 0", "GET a", "FOO", "DISCARD", "GET a",
    "MULTI", "SET a text", "INCR a", "SET a v EX 0", "SET a v FOO", "GET a", "EXEC", "GET a",
    "MULTI", "UNWATCH", "PING", "PING x", "ECHO hi", "SELECT 0", "SELECT x", "CLIENT GETNAME",
    "CLIENT SETNAME me", "CLIENT GETNAME", "MGET a none", "EXISTS a a none", "TYPE a", "TTL a",
    "STRLEN a", "GET none", "DEL a none", "SET x 1 NX", "SET x 2 NX", "SET x 2 GET", "EXPIRE x 100",
    "TTL x", "PERSIST x", "MSET p 1 q 2", "APPEND p 3", "EXEC", "MGET a x p q",
    "WATCH a", "SET a 7", "MULTI", "SET a 8", "EXEC", "GET a", "MULTI", "GET a", "EXEC",
    "WATCH a", "MULTI", "SET a 8", "EXEC", "WATCH a b", "SET b 1", "MULTI", "PING", "EXEC",
    "WATCH a", "UNWATCH", "SET a 7", "MULTI", "EXEC", "WATCH a", "MULTI", "DISCARD", "SET a 7",
    "MULTI", "EXEC", "WATCH none", "DEL none", "MULTI", "EXEC", "WATCH none", "SET none 1",
    "MULTI", "EXEC", "WATCH a", "EXPIRE a 100", "MULTI", "EXEC", "WATCH a", "EXPIRE gone 100",
    "MULTI", "EXEC", "WATCH a", "DEL a", "SET a 7", "MULTI", "EXEC", "WATCH a", "FLUSHALL",
    "MULTI", "EXEC", "WATCH a", "FLUSHALL", "MULTI", "EXEC", "WATCH a a", "WATCH a", "MULTI",
    "EXEC",
    "MSET a 1 b 2 c 3", "MULTI", "DBSIZE", "DEL a", "SET d 1", "DBSIZE", "FLUSHALL FOO",
    "FLUSHALL", "DBSIZE", "GET b", "INCR c", "DBSIZE", "DBSIZE x", "EXEC", "DISCARD",
    "MULTI", "DBSIZE", "DEL a", "SET d 1", "DBSIZE", "FLUSHALL FOO", "FLUSHALL", "DBSIZE", "GET b",
    "INCR c", "DBSIZE", "EXEC", "MGET a b c d", "DBSIZE",
    "MULTI", "SET a 5", "RESET", "EXEC", "GET a", "WATCH a", "SET a 1", "RESET", "MULTI", "EXEC",
    "CLIENT SETNAME me", "RESET", "CLIENT GETNAME", "HELLO 3 SETNAME", "GET none", "RESET",
    "GET none",
    "MULTI", "FLUSHALL", "SET only 1", "CLIENT KILL x:1", "CLIENT KILL ID 99999", "CLIENT LIST x y",
    "CLIENT LIST ID 99999", "SLOWLOG RESET", "SLOWLOG GET x", "SLOWLOG GET 0", "MEMORY PURGE",
    "CONFIG GET no-such-parameter", "CONFIG SET no-such-parameter 1", "KEYS *", "RANDOMKEY",
    "SCAN 0 COUNT 1000", "GET only", "EXEC", "GET only")]

SCRIPT = (CONNECTION + UNKNOWN + STRINGS + NUMBERS + transcript_strings.SCRIPT
          + transcript_bits.SCRIPT + transcript_keys.SCRIPT + transcript_server.SCRIPT + KEYS
          + TRANSACTIONS)

INLINE = [Step(raw=request) for request in (
    b"PING\r\n", b"PING\n", b"  PING  \r\n", b"SET k v\r\n", b"GET k\r\n", b"\r\nPING\r\n",
    b"\n\n\nPING\r\n", b'SET k "a b"\r\n', b"GET k\r\n", b"SET k 'a b'\r\n", b"GET k\r\n",
    b'SET k "\\x41\\n\\t\\"\\\\"\r\n', b"GET k\r\n", b"SET k 'it\\'s'\r\n", b"GET k\r\n",
    b'SET k ""\r\n', b"GET k\r\n", b"NO-SUCH a b\r\n", b'ECHO "\\q\\xzz"\r\n', b"ECHO a\tb\r\n",
    b"*0\r\nPING\r\n", b"*-1\r\nPING\r\n", b"*1\r\n$4\r\nPING\r\n",
    b"ECHO 'a\"b'\r\n", b"*-10\r\nPING\r\n")
]

# Differ by intent: the request, what redis answers, what weir answers, and why.
DIFFERENT = [
    (Step("NO-SUCH", b"a\x00b"),
     b"-ERR unknown command 'NO-SUCH', with args beginning with: 'a' \r\n",
     b"-ERR unknown command 'NO-SUCH', with args beginning with: 'a\x00b' \r\n",
     "Redis prints the words as C strings"),
    (Step("GET\x00", "a"), b"-ERR unknown command 'GET', with args beginning with: 'a' \r\n",
     b"-ERR unknown command 'GET\x00', with args beginning with: 'a' \r\n",
     "Redis prints the words as C strings"),
    (s("SET k v PXAT 9223372036854775807"), b"+OK\r\n",
     b"-ERR invalid expire time in 'set' command\r\n",
     "the last moment of a record is the one that means: never"),
    (s("SCAN -1"), b"*2\r\n$1\r\n0\r\n*0\r\n", b"-ERR invalid cursor\r\n",
     "no cursor is negative; Redis lets it wrap around"),
    (Step("SCAN", ""), b"*2\r\n$1\r\n0\r\n*0\r\n", b"-ERR invalid cursor\r\n",
     "an empty cursor is a client's mistake; Redis starts anew"),
    (Step(raw=b"*1048577\r\n$4\r\nPING\r\n"), None,
     b"-ERR Protocol error: invalid multibulk length\r\n",
     "a command has at most 2^20 words; Redis takes 2^31 - 1"),
]

# Each ends its connection.
BROKEN = [
    b"*1\r\n+PING\r\n", b"*x\r\n", b"*99999999999999999999\r\n",
    b"*2147483648\r\n", b"*1\r\n$x\r\n", b"*1\r\n$-1\r\n", b"*1\r\n$536870913\r\n",
    b"*1\r\nPING\r\n",
    b"*1\r\n\r\n", b'SET k "unbalanced\r\n', b"SET k 'unbalanced\r\n", b"ECHO a\"b\r\n",
    b'ECHO "a"b\r\n', b"*1\r\n$4\r\nPING\r\n*x\r\n", b"A" * 70000, b"*" + b"1" * 70000,
    b"*1\r\n$" + b"1" * 70000, b"*1\r\n:1\r\n", b"*1 \r\n",
]


def commands():
    """Returns the names of all commands that the script sends."""
    return {str(step.words[0]).lower() for step in SCRIPT if step.words}
