#!/usr/bin/env python3
"""Whoever reads docs/COMPATIBILITY.md learns of every difference that differential_test.py lets pass.

    accepted_test.py ROOT
"""
import sys
from pathlib import Path

from tests.jetstream.api.accepted import ACCEPTED
from tests.support.server_process import tap

TEXT = " ".join((Path(sys.argv[1]) / "docs/COMPATIBILITY.md").read_text().split())


def stands(entry):
    row = f"| {entry.what} | {entry.why} |"
    assert row in TEXT, f"not in docs/COMPATIBILITY.md: {row}"


tap([(entry.what, lambda entry=entry: stands(entry)) for entry in ACCEPTED])
