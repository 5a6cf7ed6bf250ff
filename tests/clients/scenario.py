"""The common scenarios, and how a client library is made to play them.

scenarios.json lists scenarios; a scenario is a list of steps, each one of

    {"run": COMMANDS, "replies": VALUES}       one command, or several by the client's pipeline
    {"transaction": COMMANDS, "reply": VALUE}  by the client's own MULTI and EXEC
    {"until": COMMAND, "reply": VALUE}         asked again until it answers so
    {"restart": true}                          the server ends and comes back on the same port

A run with "times": N is repeated so often within one pipeline. A word is a text, an integer,
{"bytes": HEX} or {"repeat": TEXT, "times": N}. A value is null, an integer, a word, a list of
values, {"between": [LOW, HIGH]}, {"error": HOW_IT_BEGINS}, or "position" for 1, 2, 3 ... in a run.

A driver is a small program for one client. It reads a line for each step from standard input,

    run COMMAND...      or      transaction COMMAND...

a command being its words in hexadecimal, joined by commas, and prints one line: for each command of
a run its reply, for a transaction one reply, separated by blanks. A reply is

    n, t, f        nil, true, false
    iNUMBER        a number
    sHEX           a string
    eHEX           an error: what the client's error type for replies of the server says
    [COUNT REPLY...]  without the closing bracket
    xHEX           instead of all replies: the client raised an error for the pipeline as a whole

Its arguments are PORT PROTOCOL CA USER PASSWORD, empty where there is none. When the server has
been restarted, it connects again as its client does by itself or by the client's manual.
"""

import contextlib
import decimal
import json
import os
import subprocess
import threading

import weir_process

FOLDER = os.path.dirname(os.path.abspath(__file__))


class ErrorReply(bytes):
    """An error that the client raised or returned for one command."""


class Raised(ErrorReply):
    """An error that the client raised instead of all replies."""


def word(value):
    """Returns the bytes that a word of scenarios.json stands for."""
    if isinstance(value, dict) and "bytes" in value:
        return bytes.fromhex(value["bytes"])
    if isinstance(value, dict):
        return value["repeat"].encode() * value["times"]
    return str(value).encode()


def is_word(value):
    return isinstance(value, str) or (
        isinstance(value, dict) and bool({"bytes", "repeat"} & set(value)))


def decode(tokens):
    """Takes one reply off a list of tokens."""
    token = tokens.pop(0)
    kind, rest = token[0], token[1:]
    if kind == "[":
        return [decode(tokens) for _ in range(int(rest))]
    if kind == "i":
        return float(rest) if "." in rest else int(rest)
    if kind == "s":
        return bytes.fromhex(rest)
    if kind in "ex":
        return {"e": ErrorReply, "x": Raised}[kind](bytes.fromhex(rest))
    return {"n": None, "t": True, "f": False}[kind]


def number(reply):
    """Returns the number that a client made of a reply, or None: many leave the digits."""
    try:
        return decimal.Decimal(reply.decode() if isinstance(reply, bytes) else str(reply))
    except (decimal.InvalidOperation, UnicodeDecodeError):
        return None


def matches(expected, reply, position=0):
    """Whether a client's view of a reply is what the scenario says.

    Clients turn OK and 1 into true, 0 and nil into false, digits into numbers, and drop `ERR `;
    nothing else is let pass.
    """
    if isinstance(reply, ErrorReply):
        if not isinstance(expected, dict) or "error" not in expected:
            return False
        text = expected["error"].encode()
        return reply.startswith((text, text.removeprefix(b"ERR ")))
    if expected == "position":
        expected = position
    if isinstance(reply, bool):
        return expected in (["OK", "PONG", 1] if reply else [None, 0])
    if expected is None:
        return reply is None
    if isinstance(expected, list):
        return isinstance(reply, list) and len(reply) == len(expected) and all(
            map(matches, expected, reply))
    if isinstance(expected, int):
        return number(reply) == expected
    if isinstance(expected, dict) and "between" in expected:
        low, high = expected["between"]
        return number(reply) is not None and low <= number(reply) <= high
    if not is_word(expected):
        return False
    if isinstance(reply, (int, float)):
        return number(word(expected)) == number(reply)
    return reply == word(expected)


def short(value):
    text = repr(value)
    return text if len(text) <= 200 else text[:200] + f"... ({len(text)} characters)"


class Player:
    """Plays scenarios through one driver. `restart` restarts the server that it talks to."""

    def __init__(self, command, restart, errors):
        self._restart = restart
        self._errors = errors
        self._driver = subprocess.Popen(command, cwd=FOLDER, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=errors, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._driver.kill()
        self._driver.wait()
        for pipe in (self._driver.stdin, self._driver.stdout):
            with contextlib.suppress(BrokenPipeError):
                pipe.close()

    def finish(self):
        """Ends the driver; returns its exit code."""
        self._driver.stdin.close()
        return self._driver.wait(timeout=weir_process.DEADLINE_SECONDS)

    def ask(self, verb, commands):
        texts = [",".join(word(value).hex() for value in command) for command in commands]
        # A client that waits for ever ends this way, and the line is empty.
        patience = threading.Timer(weir_process.DEADLINE_SECONDS, self._driver.kill)
        patience.start()
        try:
            self._driver.stdin.write(" ".join([verb, *texts]) + "\n")
            self._driver.stdin.flush()
            line = self._driver.stdout.readline()
        finally:
            patience.cancel()
        if not line:
            self._driver.wait(timeout=weir_process.DEADLINE_SECONDS)
            self._errors.seek(0)
            raise AssertionError(f"the client ended during {short(commands)}:\n"
                                 f"{self._errors.read()}")
        tokens = line.rstrip("\n").split(" ")
        replies = []
        while tokens:
            replies.append(decode(tokens))
        return replies

    def play(self, scenario):
        for step in scenario["steps"]:
            try:
                self._play_step(step)
            except (AssertionError, BrokenPipeError) as error:
                raise AssertionError(f"{scenario['name']}: {error}") from error

    def _play_step(self, step):
        if "restart" in step:
            self._restart()
        elif "until" in step:
            weir_process.wait_until(
                lambda: matches(step["reply"], self.ask("run", [step["until"]])[0]), str(step))
        elif "transaction" in step:
            self._check(step["transaction"], [step["reply"]],
                        self.ask("transaction", step["transaction"]))
        else:
            times = step.get("times", 1)
            commands = step["run"] * times
            self._check(commands, step["replies"] * times, self.ask("run", commands))

    @staticmethod
    def _check(commands, expected, replies):
        if isinstance(replies[0], Raised):
            values = expected[0] if isinstance(expected[0], list) else expected
            expected = [value for value in values if isinstance(value, dict) and "error" in value]
        if len(replies) != len(expected):
            raise AssertionError(f"{short(commands)}: {len(replies)} replies, {short(replies)}")
        for at, (value, reply) in enumerate(zip(expected, replies)):
            if not matches(value, reply, at + 1):
                raise AssertionError(f"{short(commands)}: reply {at + 1} is {short(reply)}, "
                                     f"expected {short(value)}")


def load():
    with open(os.path.join(FOLDER, "scenarios.json"), encoding="utf-8") as file:
        return json.load(file)
