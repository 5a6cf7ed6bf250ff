"""redis-cli plays the scenarios; see scenario.py for what is read and written.

It is fed through its standard input as a person would type, and prints replies for people
(--no-raw), which are read back here. A pipeline is what it is for redis-cli: one after another.
"""

import os
import re
import subprocess
import sys

END = os.urandom(8).hex()  # Echoed after each command to show that its reply has ended.

port, protocol, ca, user, password = sys.argv[1:]
options = ["--tls", "--cacert", ca, "-h", "localhost"] if ca else []
options += ["--user", user] if user else []
options += ["-a", password, "--no-auth-warning"] if password else []
cli = subprocess.Popen(["redis-cli", "-p", port, f"-{protocol}", "--no-raw", *options],
                       stdin=subprocess.PIPE, stdout=subprocess.PIPE)
ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"a": b"\a", b"b": b"\b"}


def unquote(text):
    return re.sub(rb"\\(x[0-9a-f]{2}|.)",
                  lambda found: bytes.fromhex(found[1][1:].decode()) if found[1][:1] == b"x"
                  else ESCAPES.get(found[1], found[1]), text[1:-1])


def reply(lines, width=0):
    """Returns the token of the reply at the head of `lines`, indented by `width`, and takes it."""
    text = lines.pop(0)[width:]
    if text == b"(nil)":
        return "n"
    if text.startswith(b"(error) "):
        return "e" + text[8:].hex()
    if text.startswith(b"(integer) "):
        return "i" + text[10:].decode()
    if text.startswith(b'"'):
        return "s" + unquote(text).hex()
    if text in (b"(empty array)", b"(empty list or set)"):
        return "[0"
    number = re.match(rb" *(\d+)\) ", text)
    if not number:
        return "s" + text.hex()  # A status.
    lines.insert(0, b" " * width + text)
    elements = []
    while lines and (head := re.match(rb" *(\d+)\) ", lines[0][width:])) and (
            int(head[1]) == len(elements) + 1):
        elements.append(reply(lines, width + head.end()))
    return " ".join([f"[{len(elements)}", *elements])


def typed(*commands):
    """Types commands; returns the lines of their replies, none when the connection was lost."""
    for words in commands:
        quoted = ['"' + "".join(f"\\x{byte:02x}" for byte in word) + '"' for word in words]
        cli.stdin.write(" ".join(quoted).encode() + b"\n")
    cli.stdin.write(f"ECHO {END}\n".encode())
    cli.stdin.flush()
    lines = []
    while (line := cli.stdout.readline().rstrip(b"\n")) != f'"{END}"'.encode():
        if cli.poll() is not None:
            sys.exit(f"redis-cli ended with {cli.returncode}")
        if not re.fullmatch(rb"\(\d+\.\d\ds\)", line):  # How long it took, from half a second on.
            lines.append(line)
    return lines


def type_in(words):
    return reply(typed(words) or typed(words))  # redis-cli connects again for the next command.


def answer(verb, commands):
    if verb == "transaction":
        lines = typed([b"MULTI"], *commands, [b"EXEC"])
        return reply(lines[1 + len(commands):])
    return " ".join(type_in(words) for words in commands)


for request in sys.stdin:
    said, *texts = request.rstrip("\n").split(" ")
    print(answer(said, [[bytes.fromhex(word) for word in text.split(",")] for text in texts]),
          flush=True)
