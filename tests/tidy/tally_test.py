#!/usr/bin/env python3
"""Proves that tally.py counts what passed and what failed, and that nothing else counts as passed."""
import json
import tempfile
import unittest
from pathlib import Path

from tally import count, tally


def ran(result, stdout=""):
    return {"name": "a test", "result": result, "stdout": stdout}


CASES = "[doctest] test cases:  31 |  29 passed |  2 failed | 1 skipped\n[doctest] assertions: 9 | 9 passed | 0 failed |\n"
POINTS = "TAP version 13\nok 1 - one\n  ---\n  ...\nnot ok 2 - two # 3\nok 3 - three # SKIP not here\n1..3\n"


class Tally(unittest.TestCase):
    def test_a_plain_test_counts_as_one(self):
        self.assertEqual(count(ran("OK", "any output")), (1, 0, 0))
        self.assertEqual(count(ran("FAIL")), (0, 1, 0))
        self.assertEqual(count(ran("TIMEOUT")), (0, 1, 0))
        self.assertEqual(count(ran("SKIP")), (0, 0, 1))

    def test_doctest_and_tap_count_what_is_in_them(self):
        self.assertEqual(count(ran("FAIL", CASES)), (29, 2, 0))
        self.assertEqual(count(ran("FAIL", POINTS)), (1, 1, 1))

    def test_a_crash_after_all_cases_passed_is_a_failure(self):
        self.assertEqual(count(ran("FAIL", CASES.replace("2 failed", "0 failed"))), (29, 1, 0))
        self.assertEqual(count(ran("ERROR", "ok 1 - one\n1..2\n")), (1, 1, 0))

    def test_logs_and_broken_steps_add_up(self):
        with tempfile.TemporaryDirectory() as folder:
            log = Path(folder, "debug", "meson-logs", "testlog.json")
            log.parent.mkdir(parents=True)
            log.write_text(json.dumps(ran("OK")) + "\n" + json.dumps(ran("FAIL", CASES)) + "\n")
            self.assertEqual(tally([], [log])[:3], (30, 2, 0))
            self.assertEqual(tally(["release"], [log])[:3], (30, 3, 0))

    def test_a_log_without_tests_is_a_failure(self):
        with tempfile.TemporaryDirectory() as folder:
            missing = Path(folder, "debug", "meson-logs", "testlog.json")
            self.assertEqual(tally([], [missing])[:3], (0, 1, 0))
            missing.parent.mkdir(parents=True)
            missing.write_text("")
            self.assertEqual(tally([], [missing])[:3], (0, 1, 0))


if __name__ == "__main__":
    unittest.main()
