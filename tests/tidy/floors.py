#!/usr/bin/env python3
"""Who may include whom, and how the house is kept: reads every file of the tree and prints what is
wrong with it, a line a fault. Exit status 1 if there is any.

    floors.py [ROOT]

The floors are drawn in docs/ARCHITECTURE.md. Each is one Floor below: the folders of the tree that
it may include, the third-party headers, and whether it may call the operating system.
"""
import re
import sys
from dataclasses import dataclass
from pathlib import Path

ASK_LINES = 600  # past this a file is listed: did two ideas move in together?
MAX_LINES = 800
TOP_LEVEL = {
    "server", "protocol", "transport", "jetstream", "bench", "tests", "docs",
    "README.md", "LICENSE", "dev", "meson.build", "meson_options.txt",
}
NOT_OURS = {".git", ".cache", "build", "node_modules", "compile_commands.json", "__pycache__"}
CODE = {".h", ".cc", ".c", ".py", ".mjs", ".html"}
NO_NOUN = {"utils", "util", "common", "helpers", "helper", "misc"}

VOCABULARY = "server/include/pipit/"
VOCABULARY_HEADERS = {VOCABULARY + name + ".h" for name in ("export", "result", "payload", "message", "options")}
GENERATED = {"pipit_config.h"}
THIRD_PARTY = re.compile(
    r"(uv|simdjson|xxhash|lz4|zlib|crypt)\.h$|(uv|wslay|mbedtls|doctest|benchmark|nats)/")
# Headers of the C standard library that a header for C needs.
C_STANDARD = {"stddef.h", "stdint.h"}
# Headers of the standard library by which a floor would wait, read a clock or touch a file.
WORLD = {"atomic", "barrier", "chrono", "condition_variable", "csignal", "ctime", "filesystem",
         "fstream", "future", "iostream", "latch", "mutex", "semaphore", "shared_mutex",
         "stop_token", "thread"}


@dataclass(frozen=True)
class Floor:
    folder: str                        # the longest folder that begins a path is its floor
    ours: tuple = ()                   # beginnings of paths that it may include, besides its own
    third_party: tuple = ()            # beginnings of header names
    system: bool = False               # headers of the operating system
    world: tuple = ()                  # of WORLD
    all: bool = False


THREADS = ("atomic", "condition_variable", "mutex", "thread")
FLOORS = (
    Floor(VOCABULARY, world=("chrono",)),
    Floor("protocol/", third_party=("simdjson.h",)),
    Floor("transport/", third_party=("uv.h", "wslay/", "zlib.h", "mbedtls/"), system=True,
          world=THREADS + ("chrono",)),
    Floor("server/router/", ours=("protocol/subject.h",), third_party=("xxhash.h",), world=THREADS),
    Floor("jetstream/store/", third_party=("lz4.h", "xxhash.h"), system=True, world=THREADS),
    Floor("jetstream/", ours=("jetstream/store/", "protocol/"), third_party=("simdjson.h",),
          world=THREADS),
    Floor("server/", all=True),
    Floor("docs/examples/", ours=(VOCABULARY,), third_party=("uv.h",), system=True,
          world=("chrono", "fstream")),
    Floor("bench/", all=True),
    Floor("tests/", all=True),
)


def floor_of(path):
    return max((floor for floor in FLOORS if path.startswith(floor.folder)),
               key=lambda floor: len(floor.folder), default=None)


def allows(floor, source, target):
    """Whether a file of `floor` may include `target`, a path of the tree."""
    if floor.all or target in VOCABULARY_HEADERS or target in GENERATED:
        return True
    if source.startswith(VOCABULARY) and target.startswith(VOCABULARY):
        return True
    return floor_of(target) is floor or target.startswith(floor.ours or ("\0",))


def include_fault(root, path, quote, name):
    floor = floor_of(path)
    if floor is None:
        return "is in no floor"
    ours = name if quote == '"' else None
    if name.startswith("pipit/"):
        ours = "server/include/" + name
    if ours:
        if ours not in GENERATED and not (root / ours).is_file():
            return f"includes {name}, which is no path from the root"
        if not allows(floor, path, ours):
            return f"includes {name}: {floor.folder} must not know it"
        return None
    if floor.all:
        return None
    if THIRD_PARTY.match(name):
        allowed = name.startswith(floor.third_party or ("\0",))
    elif name.endswith(".h"):
        allowed = floor.system or name in C_STANDARD
    else:
        allowed = name not in WORLD or name in floor.world
    return None if allowed else f"includes <{name}>: {floor.folder} must not know it"


INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)


def faults_of_file(root, path):
    file = root / path
    if NO_NOUN & set(re.split(r"[._]", file.name)):
        yield "has a name that says nothing of what is in it"
    if file.suffix not in CODE and path != "dev":
        return
    text = file.read_text(encoding="utf-8")
    lines = text.count("\n")
    if lines > MAX_LINES:
        yield f"has {lines} lines, more than {MAX_LINES}"
    if file.suffix in (".h", ".cc", ".c"):
        for quote, name in INCLUDE.findall(text):
            fault = include_fault(root, path, quote, name)
            if fault:
                yield fault


def files(root, folder=""):
    for entry in sorted((root / folder).iterdir()):
        path = folder + entry.name
        if entry.name in NOT_OURS:
            continue
        if entry.is_dir():
            yield from files(root, path + "/")
        elif entry.is_file():
            yield path


def faults(root):
    for entry in sorted(root.iterdir()):
        if entry.name[0] != "." and entry.name not in TOP_LEVEL | NOT_OURS:
            yield f"{entry.name}: does not belong at the top"
    for path in files(root):
        for fault in faults_of_file(root, path):
            yield f"{path}: {fault}"


def long_files(root):
    for path in files(root):
        if Path(path).suffix in CODE:
            lines = (root / path).read_text(encoding="utf-8").count("\n")
            if lines > ASK_LINES:
                yield f"{path}: {lines} lines: did two ideas move in together?"


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[2]).resolve()
    for line in long_files(root):
        print(line)
    found = list(faults(root))
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
