#!/usr/bin/env python3
"""Plays the conversations of edge_cases/ (README.md there) to a server and reports in TAP.

    edge_cases_test.py SERVER [--reactors N] [--only NAME] [--record]

SERVER is a pipit, or "genuine": $NATS_SERVER, else nats-server on the PATH. --record, with the genuine
one alone, writes the answers that it gives into the files.
"""
import argparse
import sys
from pathlib import Path

from tests.jetstream.api.conversation import Conversation
from tests.support.server_process import genuine_server

FOLDER = Path(__file__).with_name("edge_cases")


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("server")
    arguments.add_argument("--reactors", type=int, default=1)
    arguments.add_argument("--only", default="")
    arguments.add_argument("--record", action="store_true")
    options = arguments.parse_args()
    genuine = options.server == "genuine"
    if options.record and not genuine:
        arguments.error("answers come from the genuine server")
    binary = genuine_server() if genuine else str(Path(options.server).resolve())
    files = sorted(path for path in FOLDER.glob("*.jetstream") if options.only in path.name)
    assert files, "no such conversation"
    print(f"1..{len(files)}", flush=True)
    failed = 0
    for number, path in enumerate(files, 1):
        conversation = Conversation(path, binary, None if genuine else options.reactors)
        name = f"{number} - {path.stem}"
        try:
            reason = conversation.play(options.record)
            print("ok", name, *(["# SKIP", reason] if reason else []), flush=True)
        except Exception as error:  # pylint: disable=broad-except
            failed += 1
            print("not ok", name)
            for line in f"{type(error).__name__}: {error}".splitlines():
                print("#", line, flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
