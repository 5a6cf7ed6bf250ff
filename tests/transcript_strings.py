"""The part of the transcript about strings: ranges, older forms of SET, LCS, floats."""

from transcript_step import Step, s

FAR = "99999999999"

SET_FORMS = [
    s("DEL k new"), s("SETNX k v"), s("SETNX k w"), s("GET k"), s("SETNX k"), s("SETNX k v w"),
    s("SETEX k 100 v"), s("TTL k"), s("SETEX k 0 v"), s("SETEX k -1 v"), s("SETEX k x v"),
    s("SETEX k 1.5 v"), s("SETEX k 9223372036854775807 v"), s("SETEX k 100"), s("SETEX"),
    s("SETEX k 100 v w"), s("GET k"), s("PSETEX k 100000 v"), s("TTL k"), s("PSETEX k 0 v"),
    s("PSETEX k -5 v"), s("PSETEX k x v"), s("PSETEX k 9223372036854775807 v"), s("PSETEX k 1"),
    s("SETNX k v"), s("TTL k"), s("GETSET k new"), s("TTL k"), s("GETSET nothing v"),
    s("GET nothing"), s("GETSET k"), s("GETSET k a b"), s("GETDEL k"), s("GETDEL k"), s("EXISTS k"),
    s("GETDEL"), s("GETDEL a b"), s("DEL nothing"), s("MSETNX m1 1 m2 2"), s("MGET m1 m2"),
    s("MSETNX m2 x m3 y"), s("MGET m2 m3"), s("MSETNX m4"), s("MSETNX"), s("MSETNX m4 1 m5"),
    s("MSETNX m4 1 m4 2"), s("GET m4"), s("EXPIRE m4 100"), s("MSETNX m4 1"), s("TTL m4"),
    s("GETEX nothing"), s("GETEX nothing EX 10"), s("GETEX nothing EX 0"), s("GETEX nothing FOO"),
    s("SET g v"), s("GETEX g"), s("TTL g"), s("GETEX g EX 100"), s("TTL g"), s("GETEX g"),
    s("TTL g"), s("GETEX g PERSIST"), s("TTL g"), s("GETEX g PX 100000"), s("TTL g"),
    Step("GETEX", "g", "EXAT", FAR), s("TTL g", how="near"),
    Step("GETEX", "g", "PXAT", FAR + "000"), s("TTL g", how="near"), s("GETEX g EX"),
    s("GETEX g EX 0"), s("GETEX g EX -1"), s("GETEX g EX x"), s("GETEX g EX 10 PX 10"),
    s("GETEX g EX 10 PERSIST"), s("GETEX g PERSIST EX 10"), s("GETEX g PERSIST PERSIST"),
    s("GETEX g EX 10 EX 200"), s("TTL g"), s("GETEX g NX"), s("GETEX g KEEPTTL"), s("GETEX g GET"),
    s("GETEX g PX 9223372036854775807"), s("GETEX g EX 9223372036854775"), s("GETEX"),
    s("getex g px 5 pExAt 5"), s("GETEX g EXAT 1"), s("EXISTS g"), s("SET g v"),
    s("GETEX g PXAT 1"), s("GET g"), s("GETEX g PXAT 0"),
]

RANGES = [Step("DEL", "e"), s("SET h Hello"), s("SET i 12345")]
RANGES += [Step("GETRANGE", key, start, end)
           for key in ("h", "i", "e")
           for start in ("0", "1", "4", "5", "-1", "-3", "-5", "-6", "-100", "100")
           for end in ("0", "2", "4", "5", "-1", "-2", "-5", "-6", "-100", "100")]
RANGES += [
    s("SUBSTR h 0 2"), s("SUBSTR h -2 -1"), s("SUBSTR h 1"), s("SUBSTR h x 1"), s("GETRANGE h 0"),
    s("GETRANGE h 0 1 2"), s("GETRANGE h x 1"), s("GETRANGE h 0 x"), s("GETRANGE h 1.5 2"),
    s("GETRANGE h 0 9223372036854775807"), s("GETRANGE h -9223372036854775808 -1"),
    s("GETRANGE h 9223372036854775807 9223372036854775807"),
    s("GETRANGE h -9223372036854775808 -9223372036854775808"),
    s("GETRANGE h 0 9223372036854775808"), s("GETRANGE nothing x 1"), s("GETRANGE"),
    Step("SET", "big", "abcdefghij" * 10000), s("GETRANGE big 5 14"), s("GETRANGE big -15 -6"),
    s("GETRANGE big 1 99998"), s("GETRANGE big 0 -1"), s("DEL big"),
    s("SETRANGE r 0 abc"), s("GET r"), s("SETRANGE r 1 X"), s("GET r"), s("SETRANGE r 5 yz"),
    s("GET r"), s("SETRANGE r 3 12345"), s("GET r"), Step("SETRANGE", "r", "100", ""),
    s("STRLEN r"), Step("SETRANGE", "none", "100", ""), s("EXISTS none"), s("SETRANGE r -1 a"),
    s("SETRANGE r x a"), s("SETRANGE r 0"), s("SETRANGE r 0 a b"), s("SETRANGE"),
    s("SETRANGE none -1 a"), Step("SETRANGE", "none", "-1", ""), s("SETRANGE r 536870912 a"),
    s("SETRANGE r 9223372036854775807 a"), s("SETRANGE r 9223372036854775808 a"),
    s("SETRANGE r 1.5 a"), s("EXPIRE r 100"), s("SETRANGE r 0 Q"), s("TTL r"), s("GET r"),
    s("SETRANGE fresh 3 abc"), s("GET fresh"), s("SET num 12345"), s("SETRANGE num 1 X"),
    s("GET num"), s("SETRANGE none2 4294967295 a"), s("EXISTS none2"),
]

FLOATS = [s("DEL f")]
for _start in ("0", "1", "3.0", "10.50", "5.0e3", "-1.5", "1e-5", "123456789012345678", "0.1",
               "-0", "1e17", "99999999999999999999", "3.141592653589793238462643"):
    for _delta in ("0.1", "1", "-1", "5e3", "1.1e1", "0.00000000000000001", "-0.3", "200", "1e300",
                   "-1e-20", "+1", ".5", "5.", "0x1p3"):
        FLOATS += [Step("SET", "f", _start), Step("INCRBYFLOAT", "f", _delta), s("GET f")]
FLOATS += [
    Step("SET", "f", text) if text is not None else s("INCRBYFLOAT f 1")
    for value in ("", " 1", "1 ", "abc", "1a", "nan", "inf", "-inf", "infinity", "1e400", "1e5000",
                  "1e-5000", "0x10", "--1", "1,5", "\t1", "1\n", "1e", "e1", ".", "1_0")
    for text in (value, None)]
FLOATS += [
    Step("INCRBYFLOAT", "f2", value)
    for value in ("", " 1", "1 ", "abc", "nan", "inf", "-inf", "1e5000", "1e-5000", "0x1", "+1.5",
                  "-1.5", "1" * 400, "1" * 5200, "-0", "0")]
FLOATS += [
    s("INCRBYFLOAT f2"), s("INCRBYFLOAT"), s("INCRBYFLOAT f2 1 2"), s("SET f2 1 EX 100"),
    s("INCRBYFLOAT f2 0.5"), s("TTL f2"), s("INCR f2"), s("SET f2 1e4932"),
    s("INCRBYFLOAT f2 1.1e4932"), s("INCRBYFLOAT f2 1e4932"), s("STRLEN f2"),
    s("INCRBYFLOAT f2 1e4932"),
    s("STRLEN f2"), s("SET f2 5"), s("INCRBYFLOAT f2 -5"), s("GET f2"), s("INCR f2"),
    s("INCRBYFLOAT f2 1.0"), s("INCR f2"),
]

LCS = [
    s("LCS nothing none"), s("LCS nothing none LEN"), s("LCS nothing none IDX"),
    s("LCS a"), s("LCS"), s("LCS a b FOO"), s("LCS a b LEN IDX"), s("LCS a b IDX LEN"),
    s("LCS a b MINMATCHLEN"), s("LCS a b MINMATCHLEN x"), s("LCS a b IDX MINMATCHLEN 1.5"),
    s("LCS a b LEN LEN"), s("LCS a b len Idx WITHMATCHLEN"),
]
_WORDS = [
    ("ohmytext", "mynewtext"), ("", "abc"), ("abc", ""), ("abc", "abc"), ("abc", "xyz"),
    ("aaaa", "aa"), ("aa", "aaaa"), ("abcabcabc", "bca"), ("xaxbxcx", "abc"), ("abcdef", "fedcba"),
    ("AGGTAB", "GXTXAYB"), ("ab" * 40, "ba" * 33), ("kitten sitting", "sitting kitten"),
    ("\x00\x01\x02", "\x01\x00\x02"),
    ("rnaATTAAAGGTTTATACCTTCCCAGGTAACAAACCAACCAACTTTCGATCTCTTGTAGATCTG",
     "ATTAAAGGTTTATACCTTCCCAGGTAACAAACCAACCAACTTTCGATCTCTTGTAGATCTGTTC"),
    ("a" * 300 + "b" * 300, "b" * 300 + "a" * 300), ("abc" * 200, "acb" * 250),
]
for _a, _b in _WORDS:
    LCS += [Step("SET", "{l}1", _a), Step("SET", "{l}2", _b), Step("LCS", "{l}1", "{l}2"),
            Step("LCS", "{l}1", "{l}2", "LEN"), Step("LCS", "{l}1", "{l}2", "IDX"),
            Step("LCS", "{l}2", "{l}1", "IDX", "WITHMATCHLEN"),
            Step("LCS", "{l}1", "{l}2", "IDX", "MINMATCHLEN", "2"),
            Step("LCS", "{l}1", "{l}2", "IDX", "MINMATCHLEN", "-4", "WITHMATCHLEN"),
            Step("LCS", "{l}1", "{l}2", "MINMATCHLEN", "4", "WITHMATCHLEN"),
            Step("LCS", "{l}1", "nothing", "IDX"), Step("LCS", "{l}1", "{l}1", "IDX")]
LCS += [Step("SET", "{l}1", "ab" * 6000), Step("SET", "{l}2", "ba" * 6000), s("LCS {l}1 {l}2 LEN"),
        s("LCS {l}1 {l}2"), s("LCS {l}1 {l}2 FOO"), s("DEL {l}1 {l}2")]

SCRIPT = SET_FORMS + RANGES + FLOATS + LCS
