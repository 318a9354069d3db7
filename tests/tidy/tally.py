#!/usr/bin/env python3
"""Adds up what meson's test logs say and ends with "N passed, N failed".

    tally.py [BROKEN_STEP...] -- TESTLOG...

A test that speaks TAP counts with each of its points and a doctest executable with each of its
cases; any other counts as one. A step that broke, a log that is missing and a test that failed
without saying where count as a failure each: nothing that did not run can pass.
"""
import json
import re
import sys
from pathlib import Path

DOCTEST = re.compile(r"test cases:\s*(\d+)\s*\|\s*(\d+) passed\s*\|\s*(\d+) failed")
TAP_POINT = re.compile(r"^(not )?ok\b[^#\n]*(#\s*(?:skip|todo)\b)?", re.IGNORECASE | re.MULTILINE)
TAP_PLAN = re.compile(r"^1\.\.\d+", re.MULTILINE)


def count(test):
    """(passed, failed, skipped) of one line of a log."""
    result, output = test["result"], test.get("stdout", "")
    good = result in ("OK", "EXPECTEDFAIL")
    if result == "SKIP":
        return 0, 0, 1
    passed = failed = skipped = 0
    cases = DOCTEST.findall(output)
    if cases:
        passed = sum(int(case[1]) for case in cases)
        failed = sum(int(case[2]) for case in cases)
    elif TAP_PLAN.search(output):
        for bad, directive in TAP_POINT.findall(output):
            if directive:
                skipped += 1
            elif bad:
                failed += 1
            else:
                passed += 1
    elif good:
        passed = 1
    if not good and failed == 0:
        failed = 1
    return passed, failed, skipped


def tally(broken, logs):
    """(passed, failed, skipped, what failed)."""
    passed = skipped = 0
    failed = len(broken)
    what = [f"step {step}" for step in broken]
    for log in logs:
        tests = []
        if log.is_file():
            tests = [json.loads(line) for line in log.read_text().splitlines()]
        if not tests:
            failed += 1
            what.append(f"{log}: no test ran")
        for test in tests:
            counts = count(test)
            passed, failed, skipped = (a + b for a, b in zip((passed, failed, skipped), counts))
            if counts[1]:
                what.append(f"{log.parts[-3]}: {test['name']}: {counts[1]} failed")
    return passed, failed, skipped, what


def main(arguments):
    split = arguments.index("--")
    passed, failed, skipped, what = tally(arguments[:split], [Path(log) for log in arguments[split + 1:]])
    print()
    for line in what:
        print(line)
    if skipped:
        print(f"{skipped} skipped")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
