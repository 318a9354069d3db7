#!/usr/bin/env python3
"""Starting does not take longer, nor more memory, for what is stored: after a kill a server over many
messages is ready, and its resident memory stays near an idle one's, also after reading.

    startup_test.py PIPIT [--messages N] [--subjects N] [--payload BYTES]

Prints the figures. It fails where messages are missing or memory follows the data (more than 64 MiB above
idle); times are printed and judged by nobody here.
"""
import argparse
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.support.nats_client import NatsClient
from tests.support.server_process import ServerProcess

BATCH = 500
WINDOW = 4000
MEMORY_MAX_BYTES = 64 << 20
LAST_GETS = 2000
INFO_PATIENCE_S = 200
CONFIG = """
listen: "127.0.0.1:-1", reactors: 1
jetstream {{ store_dir: "{}", max_file_store: 100GB }}
"""


def status(pid, field):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise KeyError(field)


def cpu_s(pid):
    """User and system time, to the nanosecond."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


class Run:
    def __init__(self, pipit, store):
        self.server = ServerProcess(pipit, config=CONFIG.format(store))
        begin = time.monotonic()
        self.client = NatsClient(self.server.ready().port())
        self.ready_s = time.monotonic() - begin

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.close()
        self.server.process.kill()
        self.server.__exit__()

    def api(self, call, body=""):
        answer = json.loads(self.client.request("$JS.API." + call, body).data)
        assert "error" not in answer, answer
        return answer

    def rss(self):
        return status(self.server.pid, "VmRSS")

    def peak(self):
        return status(self.server.pid, "VmHWM")


def fill(run, messages, subjects, payload):
    """Publishes without waiting for each; every one has to be acknowledged."""
    run.api("STREAM.CREATE.BIG", json.dumps({"name": "BIG", "subjects": ["big.*"], "allow_direct": True}))
    body = b"x" * payload
    inbox = run.client.new_inbox()
    sent = acked = 0
    while acked < messages:
        while sent < messages and sent - acked < WINDOW:
            count = min(BATCH, messages - sent)
            run.client.send(b"".join(
                NatsClient.frame(b"big.%d" % (number % subjects), body, b"", inbox)
                for number in range(sent, sent + count)))
            sent += count
        ack = run.client.answer(inbox).data
        assert b'"error"' not in ack, ack
        acked += 1


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("pipit")
    arguments.add_argument("--messages", type=int, default=100_000)
    arguments.add_argument("--subjects", type=int, default=10_000)
    arguments.add_argument("--payload", type=int, default=128)
    options = arguments.parse_args()
    pipit = str(Path(options.pipit).resolve())
    store = tempfile.mkdtemp(prefix="pipit-startup-")
    print("1..1", flush=True)
    try:
        with Run(pipit, store) as run:
            idle = run.rss()
            begin = time.monotonic()
            fill(run, options.messages, options.subjects, options.payload)
            took = time.monotonic() - begin
            filled, filled_peak = run.rss(), run.peak()
        with Run(pipit, store) as run:
            started, started_peak = run.rss(), run.peak()
            run.client.socket.settimeout(INFO_PATIENCE_S)
            begin = time.monotonic()
            state = run.api("STREAM.INFO.BIG")["state"]
            info_s = time.monotonic() - begin
            missing = options.messages - state["messages"]
            before = cpu_s(run.server.pid)
            wrong = 0
            for step in range(LAST_GETS):
                number = step * 7919 % min(options.subjects, options.messages)
                last = (options.messages - 1 - number) // options.subjects * options.subjects + number + 1
                message = run.client.request(b"$JS.API.DIRECT.GET.BIG.big.%d" % number)
                wrong += b"Nats-Sequence: %d\r\n" % last not in message.headers
            last_us = (cpu_s(run.server.pid) - before) / LAST_GETS * 1e6
            # All of it, through the API that every server has.
            read = 0
            inboxes = [run.client.new_inbox() for _ in range(BATCH)]
            for first in range(1, options.messages + 1, BATCH):
                count = min(BATCH, options.messages + 1 - first)
                run.client.send(b"".join(
                    NatsClient.frame(b"$JS.API.DIRECT.GET.BIG", b'{"seq":%d}' % (first + number), b"",
                                     inboxes[number]) for number in range(count)))
                for number in range(count):
                    read += len(run.client.answer(inboxes[number]).data) == options.payload
            after, peak = run.rss(), run.peak()
    finally:
        shutil.rmtree(store)
    mib = 1 << 20
    print(f"# {options.messages:,} messages of {options.payload} bytes on {options.subjects:,} subjects, "
          f"published in {took:.1f} s")
    print(f"# after a kill ready in {run.ready_s * 1000:.0f} ms, first stream info {info_s * 1000:.0f} ms")
    print(f"# last by subject: {last_us:.0f} us of the server's CPU each, {wrong} wrong")
    print(f"# read: {read:,}; missing: {missing}")
    print(f"# resident, MiB: idle {idle / mib:.1f}; filled {filled / mib:.1f}, at most "
          f"{filled_peak / mib:.1f}; started again {started / mib:.1f}, at most {started_peak / mib:.1f}; "
          f"all read {after / mib:.1f}, at most {peak / mib:.1f}")
    good = (missing == 0 and wrong == 0 and read == options.messages
            and max(filled, after, peak) - idle <= MEMORY_MAX_BYTES)
    print("ok" if good else "not ok", "1 - a start after a kill does not follow the size of the data")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
