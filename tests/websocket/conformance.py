#!/usr/bin/env python3
"""Plays the cases of cases.py to an echo server and prints what came of each, as TAP.

    tests/websocket/conformance.py [--fast] [--only PREFIX] [--late-utf8] SERVER [ARGUMENT...]

SERVER is started, prints its port in a line of its own, and is ended by its process id.
"""

import argparse
import subprocess
import sys

from cases import CASES, Pace
from wire import Wire, Wrong


def order(name):
    return [int(part) for part in name.split(".")]


def fault(case, port, pace):
    """What was wrong, or None."""
    try:
        with Wire(port, case.offers, case.timeout) as wire:
            case.run(wire, pace)
    except (Wrong, OSError) as error:
        return str(error) or type(error).__name__
    return None


def main():
    options = argparse.ArgumentParser(usage=__doc__)
    options.add_argument("--fast", action="store_true", help="long cases shortened")
    options.add_argument("--only", default="", help="ids that begin so")
    options.add_argument("--late-utf8", action="store_true",
                         help="the server judges text at the end of a message (6.4: non-strict)")
    options.add_argument("server", nargs=argparse.REMAINDER)
    options = options.parse_args()
    names = [name for name in sorted(CASES, key=order) if (name + ".").startswith(options.only)]
    pace = Pace(options.fast, options.late_utf8)
    print(f"1..{len(names)}")
    faults = 0
    with subprocess.Popen(options.server, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as server:
        try:
            port = int(server.stdout.readline())
            for number, name in enumerate(names, 1):
                why = fault(CASES[name], port, pace)
                faults += why is not None
                print(f"{'ok' if why is None else 'not ok'} {number} - {name}", flush=True)
                if why is not None:
                    print(f"# {why}", flush=True)
            print(f"# {len(names) - faults} of {len(names)}")
            if server.poll() is not None:
                print(f"Bail out! the server ended with {server.returncode}")
                return 1
        finally:
            server.terminate()
            server.wait()
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
