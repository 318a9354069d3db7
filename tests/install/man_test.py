#!/usr/bin/env python3
"""Every flag that --help names has its place in the man page, which names no other; and what is
written there is roff that man understands.

    man_test.py PIPIT MAN_PAGE
"""
import re
import shutil
import subprocess
import sys

FLAG = re.compile(r"(?<![\w-])(--?[A-Za-z][\w]*)")


def main():
    binary, page = sys.argv[1:]
    text = subprocess.run([binary, "--help"], capture_output=True, text=True, check=True).stdout
    told = set(FLAG.findall(text))
    source = open(page, encoding="utf-8").read().replace("\\-", "-")
    options = source.partition(".SH OPTIONS")[2].partition(".SH SIGNALS")[0]
    written = set(FLAG.findall(re.sub(r"\\f.", " ", options)))
    faults = [f"{flag}: not in the man page" for flag in sorted(told - written)]
    faults += [f"{flag}: not in --help" for flag in sorted(written - told)]
    if shutil.which("man"):
        man = subprocess.run(["man", "--warnings", "-l", "-Tutf8", page], capture_output=True, text=True,
                             env={"PATH": "/usr/bin:/bin", "MANWIDTH": "80", "LC_ALL": "C.UTF-8"})
        faults += man.stderr.splitlines()
    print("\n".join(faults))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
