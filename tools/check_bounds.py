#!/usr/bin/python3
"""Holds docs/bounds.md against the constants that it names.

A row of its tables that names `Class::kConstant`, or a field of a struct of limits, must show the
constant's value as it stands in the class's header; a name in a row must exist. Prints each row
that does not.

    tools/check_bounds.py [ROOT]
"""
import os
import re
import sys

NAME = re.compile(r"`(\w+)::(\w+)`")
UNITS = ((30, "GiB"), (20, "MiB"), (10, "KiB"))
CAST = re.compile(r"(?:std::)?(?:size_t|u?int\d+_t)\{(\d+)\}")
DURATION = re.compile(r"std::chrono::(milliseconds|seconds)[({](\d+)[)}]")


def headers(root):
    for folder, _, names in os.walk(os.path.join(root, "weir")):
        for name in sorted(names):
            if name.endswith(".h"):
                with open(os.path.join(folder, name), encoding="utf-8") as file:
                    yield file.read()


def body_of(name, texts):
    """The text from where class or struct `name` begins, or None."""
    for text in texts:
        found = re.search(rf"^(?:class|struct) {name}\b[^;]*?\{{", text, re.MULTILINE)
        if found:
            return text[found.end():]
    return None


def forms_of(expression, body):
    """What a row may show of a constant: a number, that as a size, a time."""
    duration = DURATION.fullmatch(expression)
    if duration:
        return [f"{duration[2]} {'s' if duration[1] == 'seconds' else 'ms'}"]
    known = re.sub(r"\bk\w+", lambda name: str(number_of(name[0], body)), expression)
    number = int(eval(CAST.sub(r"\1", known), {"__builtins__": {}}))  # pylint: disable=eval-used
    for power, unit in UNITS:
        if "<<" in expression and number >= 1 << power and number % (1 << power) == 0:
            return [f"{number >> power} {unit}", str(number)]
    return [str(number)]


def expression_of(name, body):
    found = re.search(rf"\b{name}(?: = |\{{)([^;]+?)\}}?;", body)
    return found[1].strip() if found else None


def number_of(name, body):
    return int(eval(CAST.sub(r"\1", expression_of(name, body)),  # pylint: disable=eval-used
                    {"__builtins__": {}}))


def problems(root):
    texts = list(headers(root))
    with open(os.path.join(root, "docs", "bounds.md"), encoding="utf-8") as file:
        rows = [line for line in file if line.startswith("|")]
    for row in rows:
        bound = row.split("|")[2]
        for owner, name in NAME.findall(row):
            body = body_of(owner, texts)
            if body is None or not re.search(rf"\b{name}\b", body):
                yield f"{owner}::{name} is named and does not exist"
                continue
            expression = expression_of(name, body)
            if expression is None or "(" in expression and not DURATION.fullmatch(expression):
                continue  # A function: a share of what is configured.
            forms = forms_of(expression, body)
            if not any(re.search(rf"(?<![\d.]){re.escape(form)}(?!\d)", bound) for form in forms):
                yield f"{owner}::{name} is {forms[0]}, but its row says:{bound}"


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else "."
    found = list(problems(root))
    for problem in found:
        print(f"docs/bounds.md: {problem}")
    print(f"bounds: {len(found)} problems")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
