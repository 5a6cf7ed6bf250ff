"""The files of the repository and the text of C++ without its comments, for the other tools."""

import os
import re

CPP = (".h", ".cc")
SKIPPED_FOLDERS = re.compile(r"^(build.*|node_modules|weir-data.*|__pycache__|\.(?!ci$).*)$")

# Digit separators (1'000) are no character literals, hence the look-behind.
_LITERAL_OR_COMMENT = re.compile(
    r'//[^\n]*|/\*.*?\*/'
    r'|R"(?P<mark>[^()\\\s"]{0,16})\(.*?\)(?P=mark)"'
    r'|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9A-Za-z_])'(?:\\.|[^'\\\n])+'",
    re.DOTALL,
)


def files(root, endings):
    """Returns the paths below `root`, relative with '/', whose names end in one of `endings`."""
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not SKIPPED_FOLDERS.match(name))
        for name in sorted(names):
            if name.endswith(endings):
                path = os.path.relpath(os.path.join(folder, name), root)
                found.append(path.replace(os.sep, "/"))
    return found


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as file:
        return file.read()


def without_comments(text, literals=True):
    """Returns C++ `text` with comments as spaces, lines kept; without `literals` those go too."""

    def blank(match):
        token = match.group(0)
        if literals and not token.startswith("/"):
            return token
        inner = re.sub(r"[^\n]", " ", token)
        return inner if token.startswith("/") else '"' + inner[1:-1] + '"'

    return _LITERAL_OR_COMMENT.sub(blank, text)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1
