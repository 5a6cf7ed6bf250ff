#!/usr/bin/python3
"""Runs the house rules that no compiler knows: banned words, lengths, registration, titles.

    tools/tidy.py    exit 1 and one line for each violation

An exception is a line `check | path | reason` in tools/tidy_allow.txt; it silences one check for
one file, is printed with every run, and is itself a violation once it silences nothing.
"""

import argparse
import ast
import os
import re
import sys
from dataclasses import dataclass

import source_tree

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 500
COLUMNS_MAX = 100
FOLDER_README_LINES_MAX = 40

ALLOW_FILE = "tools/tidy_allow.txt"
CODE = source_tree.CPP + (".py",)
TEXT = CODE + (".md", ".txt", ".cmake", ".sh", ".toml", ".json", "dev", "run")

MECHANISM = re.compile(
    r"^weir/(ring|shard|cache|limit|resp|tracking)/(?!.*_(test|bench|fuzz)\.cc$)")
TEST = re.compile(r"(_test\.cc|^tests/.*\.(h|cc))$")
ANY = re.compile("")
NOT_PREFETCH = re.compile(r"^(?!weir/base/prefetch\.h$)")

NOW = "take `now` as an argument (weir/base/time.h)"
SEED = "take a seed and use weir/base/random.h"
NO_IO = "mechanisms do no I/O: return a value and let the caller write it"
NO_THREADS = "mechanisms are single-owner: threads and locks belong to the layers above"
WAIT = "wait for the event itself (a condition, a callback, a ManualClock step)"


@dataclass
class Ban:
    where: re.Pattern
    token: str
    instead: str


# Searched in C++ without comments.
BANS = [
    Ban(MECHANISM, r"\bsystem_clock\b", NOW),
    Ban(MECHANISM, r"\bsteady_clock\b", NOW),
    Ban(MECHANISM, r"\brandom_device\b", SEED),
    Ban(MECHANISM, r"<fstream>", NO_IO),
    Ban(MECHANISM, r"<iostream>", NO_IO),
    Ban(MECHANISM, r"\bstd::cout\b", NO_IO),
    Ban(MECHANISM, r"\bspdlog\b", NO_IO),
    Ban(MECHANISM, r"<thread>", NO_THREADS),
    Ban(MECHANISM, r"<mutex>", NO_THREADS),
    Ban(MECHANISM, r"\bsleep_for\b", NO_THREADS),
    # The standard's literal namespaces are made to be opened.
    Ban(ANY, r"\busing\s+namespace\s+(?!std::(\w+_)?literals\b)",
        "name what is used: `using weir::Bytes;`"),
    Ban(ANY, r"\bstd::rand\b", SEED),
    Ban(NOT_PREFETCH, r"\b__builtin_prefetch\b",
        "weir/base/prefetch.h: GCC leaves out calls of a function that only prefetches"),
    Ban(ANY, r"\bboost/asio\.hpp\b", "include the header needed, <boost/asio/io_context.hpp>"),
    Ban(TEST, r"\bsleep_for\b", WAIT),
    Ban(TEST, r"\busleep\b", WAIT),
]
# Searched everywhere, comments included. Written in halves so that this file passes its own check.
UNFINISHED = re.compile(r"\b(FIX" r"ME|TO" r"DO|XX" r"X)\b")


@dataclass
class Violation:
    check: str
    path: str
    line: int
    text: str

    def __str__(self):
        return f"{self.path}:{self.line}: [{self.check}] {self.text}"


def check_banned(root):
    for path in source_tree.files(root, source_tree.CPP):
        text = source_tree.without_comments(source_tree.read(root, path))
        for ban in BANS:
            if ban.where.search(path):
                for match in re.finditer(ban.token, text):
                    yield Violation("banned", path, source_tree.line_of(text, match.start()),
                                    f"{match.group(0).strip()}: {ban.instead}")


def check_unfinished(root):
    for path in source_tree.files(root, TEXT):
        text = source_tree.read(root, path)
        for match in UNFINISHED.finditer(text):
            yield Violation("unfinished", path, source_tree.line_of(text, match.start()),
                            f"{match.group(0)}: finish it, or open an issue")


def check_lengths(root):
    for path in source_tree.files(root, CODE):
        lines = source_tree.read(root, path).splitlines()
        if len(lines) > FILE_LINES_MAX:
            yield Violation("file_length", path, len(lines),
                            f"{len(lines)} lines, at most {FILE_LINES_MAX}")
        for number, line in enumerate(lines, 1):
            if len(line) > COLUMNS_MAX:
                yield Violation("columns", path, number,
                                f"{len(line)} columns, at most {COLUMNS_MAX}")


def block_kind(header):
    """Returns what a '{' opens outside of functions, judged by the text before it: a `scope`
    (namespace, class), a `function`, or `other` (an initializer, a default argument)."""
    if header.count("(") != header.count(")"):
        return "other"
    bare = re.sub(r"\boperator\s*[^\s\w(]*|->", " ", header)
    for pattern in (r"\([^()]*\)", r"<[^<>]*>"):
        while re.search(pattern, bare):
            bare = re.sub(pattern, " ", bare)
    if re.match(r'\s*extern\s*""\s*$', bare):
        return "scope"
    if re.search(r"\b(namespace|class|struct|union|enum)\b", bare):
        return "scope"
    return "function" if "(" in header and "=" not in bare else "other"


def cpp_functions(text):
    """Yields (first line, last line) of each function of a C++ file, signature included."""
    code = source_tree.without_comments(text, literals=False)
    code = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda m: re.sub(r"[^\n]", " ", m.group(0)),
                  code, flags=re.MULTILINE)
    stack, start = [], 0
    for match in re.finditer(r"[{};]", code):
        at = match.start()
        outside = all(kind == "scope" for kind in stack)
        if match.group(0) == "{":
            kind = block_kind(code[start:at]) if outside else "other"
            stack.append(kind)
            if kind == "scope":
                start = at + 1
        elif match.group(0) == "}" and stack:
            kind = stack.pop()
            # `A() : b_{1}, c_{2} {` opens braces before the body; the signature goes on.
            goes_on = kind == "other" or re.match(r"\s*[,{]", code[at + 1 :])
            if kind == "function" and not goes_on:
                signature = re.match(r"(\s|(public|protected|private):)*", code[start:])
                yield (source_tree.line_of(code, start + signature.end()),
                       source_tree.line_of(code, at))
            if all(k == "scope" for k in stack) and not goes_on:
                start = at + 1
        elif match.group(0) == ";" and outside:
            start = at + 1


def python_functions(text):
    """Yields (first line, last line) of each function of a Python file."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.lineno, node.end_lineno


def check_functions(root):
    for path in source_tree.files(root, CODE):
        functions = python_functions if path.endswith(".py") else cpp_functions
        for first, last in functions(source_tree.read(root, path)):
            lines = last - first + 1
            if lines > FUNCTION_LINES_MAX:
                yield Violation("function_length", path, first,
                                f"function of {lines} lines, at most {FUNCTION_LINES_MAX}")


def check_registered(root):
    """A test that no CMakeLists names never runs, and nobody notices."""
    words = {}
    for path in source_tree.files(root, ("CMakeLists.txt",)):
        text = re.sub(r"#[^\n]*", "", source_tree.read(root, path))
        words[os.path.dirname(path)] = set(re.split(r"[\s()\"/]+", text))
    for path in source_tree.files(root, ("_test.cc", "_bench.cc", "_fuzz.cc", "_test.py")):
        folder, name = os.path.split(path)
        while folder not in words and folder:
            folder = os.path.dirname(folder)
        if name not in words.get(folder, ()):
            yield Violation("registered", path, 1, "named in no CMakeLists.txt, so it never runs")


def check_headers(root):
    included = set()
    for path in source_tree.files(root, source_tree.CPP):
        text = source_tree.without_comments(source_tree.read(root, path))
        included |= set(re.findall(r'^[ \t]*#[ \t]*include[ \t]*"([^"\n]+)"', text, re.MULTILINE))
    for path in source_tree.files(root, (".h",)):
        if path not in included:
            yield Violation("dead_header", path, 1, "no file includes it")


def check_markdown(root):
    for path in source_tree.files(root, (".md",)):
        text = source_tree.read(root, path)
        prose = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
        titles = len(re.findall(r"^# \S", prose, re.MULTILINE))
        if titles != 1:
            yield Violation("title", path, 1, f"{titles} lines `# Title`, must be one")
        lines = len(text.splitlines())
        if re.match(r"weir/.*README\.md$", path) and lines > FOLDER_README_LINES_MAX:
            yield Violation("readme_length", path, lines,
                            f"{lines} lines, at most {FOLDER_README_LINES_MAX}")


CHECKS = [check_banned, check_unfinished, check_lengths, check_functions, check_registered,
          check_headers, check_markdown]


def read_allowed(root):
    """Returns {(check, path): reason} of the allow-list, and the violations of the list itself."""
    allowed, violations = {}, []
    if not os.path.exists(os.path.join(root, ALLOW_FILE)):
        return allowed, violations
    for number, line in enumerate(source_tree.read(root, ALLOW_FILE).splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        parts = [part.strip() for part in line.split("|")]
        if len(parts) != 3 or not all(parts):
            violations.append(Violation("allow", ALLOW_FILE, number,
                                        "must read: check | path | reason"))
        else:
            allowed[parts[0], parts[1]] = parts[2]
    return allowed, violations


def check(root):
    """Returns the violations below `root` and the exceptions in use as (check, path, reason)."""
    allowed, violations = read_allowed(root)
    used = set()
    for violation in (found for run in CHECKS for found in run(root)):
        key = (violation.check, violation.path)
        if key in allowed:
            used.add(key)
        else:
            violations.append(violation)
    for key in sorted(set(allowed) - used):
        violations.append(Violation("allow", ALLOW_FILE, 1, f"{' | '.join(key)}: allows nothing"))
    return violations, [(*key, allowed[key]) for key in sorted(used)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", default=os.path.dirname(os.path.dirname(
        os.path.abspath(__file__))))
    violations, exceptions = check(parser.parse_args().root)
    for violation in violations:
        print(violation)
    for exception in exceptions:
        print("allowed: " + " | ".join(exception))
    print(f"tidy: {len(violations)} violations, {len(exceptions)} allowed")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
