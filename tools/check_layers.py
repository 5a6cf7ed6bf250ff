#!/usr/bin/python3
"""Holds every #include against the layers that the CMakeLists declare, and draws those layers.

    tools/check_layers.py             check; exit 1 and one line for each violation
    tools/check_layers.py --mermaid   print the layer picture
    tools/check_layers.py --write     put the picture into docs/ARCHITECTURE.md

The rule: a folder of weir/ includes itself and the folders named in the DEPS of its weir_library,
all of lower rank. Its tests, benchmarks and fuzzers may also include their TEST_DEPS. Store drivers
are for rank 6 (cmd, tests, bench, examples, sim), which may include anything. Sockets stay in
weir/net (admin may use Asio and Beast), a database's own headers in its driver, gRPC's in rls/grpc.
"""

import argparse
import os
import re
import sys
from dataclasses import dataclass, field

import source_tree

TOP_FOLDERS = ("cmd", "tests", "bench", "examples", "sim")
TOP_RANK = 6
DRIVER = re.compile(r"^store/.")
PICTURE_FILE = "docs/ARCHITECTURE.md"
PICTURE_BEGIN = "<!-- layers:begin -->"
PICTURE_END = "<!-- layers:end -->"

# Headers that only some folders of weir/ may include.
LIBRARIES = [
    (re.compile(r"^rocksdb/"), {"store/rocksdb"}),
    (re.compile(r"^(libpq|postgresql/|pqxx/)"), {"store/postgres"}),
    (re.compile(r"^(grpc|grpcpp|google/protobuf|envoy)/"), {"rls/grpc"}),
]
# The same for sockets; tests above the mechanisms may open them to play the client.
SOCKETS = [
    (re.compile(r"^boost/beast"), {"admin"}),
    (re.compile(r"^boost/asio"), {"net", "admin"}),
    (re.compile(r"^openssl/"), {"net"}),
    (re.compile(r"^sys/(socket|un|epoll|poll|select)\.h"), {"net"}),
    (re.compile(r"^(netinet/|arpa/inet\.h|net/if\.h|netdb\.h|poll\.h)"), {"net"}),
]

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', re.MULTILINE)
LIBRARY = re.compile(r"\bweir_library\s*\(([^)]*)\)")
KEYWORDS = {"NAME", "RANK", "DEPS", "PRIVATE_DEPS", "SRCS", "HDRS", "TESTS", "BENCHES", "FUZZERS",
            "TEST_DEPS"}


@dataclass
class Folder:
    """One folder of weir/, named by its path below weir/."""

    name: str
    rank: int
    deps: set = field(default_factory=set)
    test_deps: set = field(default_factory=set)


def parse_library(arguments):
    """Returns the arguments of one weir_library call as keyword -> list of words."""
    parsed, keyword = {}, None
    for word in arguments.split():
        if word in KEYWORDS:
            keyword = word
            parsed.setdefault(keyword, [])
        elif keyword is not None:
            parsed[keyword].append(word)
    return parsed


def library_folder(word):
    """Returns the library named by `weir::x`, `weir_x` or `x` as its folder: store_memory is
    store/memory."""
    return re.sub(r"^(weir::|weir_)", "", word).replace("_", "/")


def read_folders(root):
    """Returns the declared folders by name, and the errors of the declarations themselves."""
    folders, errors = {}, []
    for path in source_tree.files(os.path.join(root, "weir"), ("CMakeLists.txt",)):
        where = f"weir/{path}"
        text = re.sub(r"#[^\n]*", "", source_tree.read(root, where))
        for call in LIBRARY.finditer(text):
            parsed = parse_library(call.group(1))
            name = library_folder((parsed.get("NAME") or [""])[0])
            rank = (parsed.get("RANK") or [""])[0]
            if name != os.path.dirname(path):
                errors.append(f"{where}: NAME is not the folder's name with '/' as '_'")
            elif not rank.isdigit() or int(rank) >= TOP_RANK:
                errors.append(f"{where}: RANK must be a number below {TOP_RANK}")
            elif name in folders:
                errors.append(f"{where}: a folder declares one library")
            else:
                test_deps = {library_folder(w) for w in parsed.get("TEST_DEPS", [])
                             if w.startswith(("weir::", "weir_"))}
                folders[name] = Folder(name, int(rank), set(map(library_folder,
                                       parsed.get("DEPS", []))), test_deps)
            if any(w.startswith(("weir::", "weir_")) for w in parsed.get("PRIVATE_DEPS", [])):
                errors.append(f"{where}: weir libraries go to DEPS, where the check sees them")
    return folders, errors


def owner(path, folders):
    """Returns the declared folder that `path` (from the root) lies in, or None."""
    parts = path.split("/")[1:-1] if path.startswith("weir/") else []
    for length in range(len(parts), 0, -1):
        if "/".join(parts[:length]) in folders:
            return folders["/".join(parts[:length])]
    return None


def find_cycle(folders):
    """Returns one cycle of DEPS as a list of names, first and last the same, or None."""
    done = set()

    def visit(name, path):
        if name in path:
            return path[path.index(name):] + [name]
        if name in done or name not in folders:
            return None
        for dep in sorted(folders[name].deps):
            cycle = visit(dep, path + [name])
            if cycle:
                return cycle
        done.add(name)
        return None

    return next(filter(None, (visit(name, []) for name in sorted(folders))), None)


def check_declarations(folders):
    errors = []
    for folder in folders.values():
        for dep in sorted(folder.deps):
            if dep not in folders:
                errors.append(f"weir/{folder.name}: {dep} is declared by no weir_library")
        for dep in sorted(folder.deps & set(folders)):
            if folders[dep].rank >= folder.rank:
                errors.append(f"weir/{folder.name} (rank {folder.rank}) depends on {dep} "
                              f"(rank {folders[dep].rank}); only lower ranks may be used")
            if DRIVER.match(dep):
                errors.append(f"weir/{folder.name}: depends on the driver {dep}; only rank "
                              f"{TOP_RANK} knows drivers")
        # A test may see its own rank (a driver as a double), a mechanism's only what is below.
        # What no folder declares is a library of test parts within the folder itself.
        for dep in sorted(folder.test_deps & set(folders)):
            rank = folders[dep].rank
            if rank > folder.rank or (folder.rank <= 1 and rank == folder.rank):
                errors.append(f"weir/{folder.name} (rank {folder.rank}): TEST_DEPS name {dep} "
                              f"(rank {rank})")
    cycle = find_cycle(folders)
    if cycle:
        errors.append("cycle: " + " -> ".join(cycle))
    return errors


def check_include(folder, path, quote, target, folders):
    """Returns what is wrong with one include in a file of `folder`, or None."""
    is_test = re.search(r"_(test|bench|fuzz)\.cc$", path)
    confined = LIBRARIES + ([] if is_test and folder.rank >= 2 else SOCKETS)
    for pattern, allowed in confined:
        if pattern.match(target) and folder.name not in allowed:
            return f"{target} belongs to {', '.join(sorted('weir/' + a for a in allowed))} alone"
    if quote == "<":
        return "own headers take quotes" if target.startswith("weir/") else None
    if not target.startswith("weir/"):
        return f'"{target}" is not written from the root ("weir/...")'
    seen = owner(target, folders)
    if seen is None:
        return f"{target}: its folder declares no weir_library"
    allowed = {folder.name} | folder.deps | (folder.test_deps if is_test else set())
    if seen.name not in allowed:
        return f"{target}: {seen.name} is not in the DEPS of {folder.name}"
    return None


def check_includes(root, folders):
    errors = []
    for path in source_tree.files(root, source_tree.CPP):
        text = source_tree.without_comments(source_tree.read(root, path))
        folder = owner(path, folders)
        if folder is None and path.split("/")[0] not in TOP_FOLDERS:
            errors.append(f"{path}: its folder declares no weir_library")
            continue
        for include in INCLUDE.finditer(text):
            quote, target = include.groups()
            problem = None
            if "../" in target:
                problem = f"{target}: includes are written from the root"
            elif folder is not None:
                problem = check_include(folder, path, quote, target, folders)
            if problem:
                errors.append(f"{path}:{source_tree.line_of(text, include.start())}: {problem}")
    return errors


def mermaid(folders):
    """Returns the picture: ranks as boxes from the top down, an arrow for each declared DEPS."""

    def node(name):
        return name.replace("/", "_")

    lines = ["```mermaid", "flowchart TD"]
    lines += [f"  subgraph r{TOP_RANK}[rank {TOP_RANK}: may include anything]", "    direction LR"]
    lines += [f"    top_{name}[{name}]" for name in TOP_FOLDERS] + ["  end"]
    for rank in sorted({folder.rank for folder in folders.values()}, reverse=True):
        lines += [f"  subgraph r{rank}[rank {rank}]", "    direction LR"]
        lines += [f"    {node(name)}[{name}]" for name in sorted(folders)
                  if folders[name].rank == rank] + ["  end"]
    lines.append(f"  r{TOP_RANK} --> r{max(folder.rank for folder in folders.values())}")
    for name in sorted(folders):
        lines += [f"  {node(name)} --> {node(dep)}" for dep in sorted(folders[name].deps)]
    return "\n".join(lines + ["```"])


def picture_update(root, folders):
    """Returns (text as it stands, text as it should be) of the picture's file, or None without
    the file. Raises ValueError when the file has no place for the picture."""
    if not os.path.exists(os.path.join(root, PICTURE_FILE)):
        return None
    text = source_tree.read(root, PICTURE_FILE)
    place = re.compile(re.escape(PICTURE_BEGIN) + ".*?" + re.escape(PICTURE_END), re.DOTALL)
    if not place.search(text):
        raise ValueError(f"{PICTURE_FILE}: {PICTURE_BEGIN} ... {PICTURE_END} is missing")
    picture = f"{PICTURE_BEGIN}\n{mermaid(folders)}\n{PICTURE_END}"
    return text, place.sub(lambda _: picture, text)


def check(root):
    """Returns every violation below `root`, one line each."""
    folders, errors = read_folders(root)
    if not folders:
        return errors + ["no weir_library was found"]
    errors += check_declarations(folders) + check_includes(root, folders)
    try:
        picture = picture_update(root, folders)
        if picture and picture[0] != picture[1]:
            errors.append(f"{PICTURE_FILE}: the layer picture is stale; run "
                          "tools/check_layers.py --write")
    except ValueError as error:
        errors.append(str(error))
    return errors


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", default=os.path.dirname(os.path.dirname(
        os.path.abspath(__file__))))
    parser.add_argument("--mermaid", action="store_true", help="print the layer picture")
    parser.add_argument("--write", action="store_true", help=f"put it into {PICTURE_FILE}")
    arguments = parser.parse_args()
    if arguments.mermaid:
        print(mermaid(read_folders(arguments.root)[0]))
        return 0
    if arguments.write:
        picture = picture_update(arguments.root, read_folders(arguments.root)[0])
        if picture is None:
            print(f"{PICTURE_FILE} does not exist", file=sys.stderr)
            return 1
        with open(os.path.join(arguments.root, PICTURE_FILE), "w", encoding="utf-8") as file:
            file.write(picture[1])
        return 0
    errors = check(arguments.root)
    for error in errors:
        print(error)
    print(f"layers: {len(errors)} violations")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
