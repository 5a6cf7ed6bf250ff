#!/usr/bin/python3
"""Holds the fault table of docs/reliability.md against the tests that it names.

Each row names at least one test file and, behind it, claims that are tests in it: TEST(…, Claim) or
def claim. The file must be named in the CMakeLists.txt of its folder or of one above, which
tools/tidy.py checks for all tests.

    check_reliability.py [ROOT]
"""

import os
import re
import sys

DOCUMENT = os.path.join("docs", "reliability.md")
TEST_FILE = re.compile(r"_test\.(cc|py)$")


def rows(text):
    """The last cell of each row of the table under "## Faults"."""
    section = text.split("## Faults", 1)[-1].split("\n## ", 1)[0]
    table = [line for line in section.splitlines() if line.startswith("| ")]
    return [(line.split(" | ")[0].strip("| "), line.rstrip(" |").split(" | ")[-1])
            for line in table[2:]]


def claims_of(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    return set(re.findall(r"^TEST(?:_F|_P)?\(\w+,\s*(\w+)\)", text, re.MULTILINE)) | set(
        re.findall(r"^ +def (test_\w+)\(", text, re.MULTILINE))


def check(root):
    """Yields what is wrong."""
    with open(os.path.join(root, DOCUMENT), encoding="utf-8") as file:
        faults = rows(file.read())
    if not faults:
        yield "there is no table of faults"
    for fault, cell in faults:
        known, named, shown = set(), None, 0
        for word in re.findall(r"`([^`]+)`", cell):
            if TEST_FILE.search(word):
                named = word
                path = os.path.join(root, word)
                known = claims_of(path) if os.path.exists(path) else set()
                if not known:
                    yield f"{fault}: {word} is no file of tests"
            elif word in known:
                shown += 1
            else:
                yield f"{fault}: {named} has no test {word}"
        if shown == 0:
            yield f"{fault}: no test shows it"


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else os.getcwd()
    problems = list(check(root))
    for problem in problems:
        print(f"{DOCUMENT}: {problem}")
    print(f"reliability: {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
