#!/usr/bin/env python3
"""Sends the same random requests to Pipit and to the genuine nats-server and compares the answers, byte
by byte but for times, ids and versions. What may differ stands in accepted.py with its reason.

    differential_test.py PIPIT [--seed N] [--episodes N] [--seconds S] [--operations N]

An episode is 150 requests to servers without streams, all of it decided by its seed; episodes have the
seeds N, N + 1, and so on, until there were as many, or as many seconds or requests. A difference is
printed with the command that brings it back. The genuine server is $NATS_SERVER, else nats-server on the
PATH; with version 2.9 only what it has too is asked, and errors are compared by their numbers.
"""
import argparse
import json
import re
import socket
import sys
import time
from collections import Counter
from pathlib import Path

from tests.jetstream.api.accepted import ACCEPTED
from tests.jetstream.api.conversation import NEWER, config, shown, without
from tests.jetstream.api.generator import Generator
from tests.jetstream.api.normal import expanded
from tests.support.nats_client import Closed, NatsClient
from tests.support.server_process import ServerProcess, genuine_server

OPERATIONS = 150  # an episode
SILENCE_S = 0.4   # without an answer for so long: none will come
SLOW_S = 2        # of the genuine server, when Pipit has answered
PATIENCE_S = 30
LIMITS = "max_memory_store: 1GB, max_file_store: 10GB"


class Side:
    """One of the two servers, started anew when it has ended or cut the connection."""

    def __init__(self, binary, reactors):
        self.binary, self.reactors = binary, reactors
        self.server = self.client = None
        self._start()

    def _start(self):
        self.server = ServerProcess(self.binary, config=config(self.reactors, LIMITS)).ready()
        self._connect()

    def _connect(self):
        self.client = NatsClient(self.server.port())
        self.version = self.client.info["version"]

    def close(self):
        self.client.close()
        self.server.__exit__()

    def send(self, operation):
        self.server.forget_log()
        self.inbox = self.client.new_inbox()
        self.client.publish(operation.subject, operation.body, operation.headers, self.inbox)

    def answers(self, operation, patience_s):
        """What came, in lines; nothing within the time is []."""
        self.client.socket.settimeout(patience_s)
        got = []
        try:
            while True:
                message = self.client.answer(self.inbox)
                got.append(shown(message))
                if not operation.several or message.status:
                    return got
                self.client.socket.settimeout(SILENCE_S)
        except socket.timeout:
            return got
        except (Closed, ConnectionError, AssertionError) as error:
            got.append(f"connection: {error}")
            self.client.close()
            if self.server.process.poll() is not None:
                got.append(f"ended: {self.server.end()[1][-2000:]}")
                self.server.__exit__()
                self._start()
            else:
                self._connect()
            return got

    def empty(self):
        """Deletes all streams."""
        self.client.socket.settimeout(PATIENCE_S)
        while names := json.loads(self.client.request("$JS.API.STREAM.NAMES").data)["streams"]:
            for name in names:
                self.client.request(b"$JS.API.STREAM.DELETE." + name.encode())
        self.client.kept.clear()

    def delete(self, name):
        self.client.request(b"$JS.API.STREAM.DELETE." + name.encode())


def succeeded(answers):
    return bool(answers) and '"error":' not in answers[0]


def outcome(answers):
    """What has to agree with nats-server 2.9, which checks in another order and words errors otherwise:
    that it is one, of a publish its number; what is there, without newer fields.
    """
    if not answers or answers[0].startswith("NATS/1.0 503"):
        return "nobody"  # 2.9 stays silent where a stream does not allow direct gets
    # An unused stream begins at 0 or 1.
    text = re.sub(r'"first_seq":1,("first_ts":"[^"]*","last_seq":0,)', r'"first_seq":0,\1',
                  expanded(answers[0]))
    try:
        value = json.loads(text)
    except ValueError:
        return answers
    if isinstance(value, dict) and "error" in value:
        return value["error"]["err_code"] if "seq" in value else "error"
    # Of empty streams 2.9 says other times and deletes.
    return without(NEWER | {"first_ts", "deleted", "num_deleted"}, value)


class Differential:
    def __init__(self, pipit, reactors):
        self.genuine = Side(genuine_server(), None)
        self.old = self.genuine.version.startswith("2.9.")
        self.pipit = Side(pipit, None if Path(pipit).name == "nats-server" else reactors)
        self.accepted = Counter()
        self.operations = 0

    def close(self):
        self.genuine.close()
        self.pipit.close()

    def same(self, genuine, pipit):
        if genuine == pipit:
            return True
        return self.old and outcome(genuine) == outcome(pipit)

    def episode(self, seed):
        """None, or the story of the first difference."""
        self.genuine.empty()
        self.pipit.empty()
        generator = Generator(seed, self.old)
        for number in range(OPERATIONS):
            operation = generator.next()
            self.operations += 1
            self.genuine.send(operation)
            self.pipit.send(operation)
            genuine = self.genuine.answers(operation, SILENCE_S)
            pipit = self.pipit.answers(operation, PATIENCE_S if genuine else SILENCE_S)
            if pipit and not genuine and not self.old:  # it may only have been slow
                genuine = self.genuine.answers(operation, SLOW_S)
            if self.same(genuine, pipit):
                continue
            reason = next((entry for entry in ACCEPTED if entry.applies(operation, genuine, pipit)), None)
            if not reason:
                return (f"request {number} of seed {seed}: {operation}\n"
                        "nats-server: " + "\n             ".join(genuine or ["nothing"]) + "\n"
                        "pipit:       " + "\n             ".join(pipit or ["nothing"]))
            self.accepted[reason.what] += 1
            self._level(operation, genuine, pipit)
        return None

    def _level(self, operation, genuine, pipit):
        """After an accepted difference both have to go on from the same."""
        if succeeded(genuine) == succeeded(pipit) and "CREATE" not in str(operation.subject):
            return
        self.genuine.empty()
        self.pipit.empty()


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("pipit")
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--episodes", type=int)
    arguments.add_argument("--seconds", type=float)
    arguments.add_argument("--operations", type=int)
    arguments.add_argument("--reactors", type=int, default=2)
    arguments.add_argument("--differences", type=int, default=10, help="after so many it stops")
    options = arguments.parse_args()
    options.pipit = str(Path(options.pipit).resolve())
    print("1..1")
    test = Differential(options.pipit, options.reactors)
    start, seed, differences = time.monotonic(), options.seed, 0
    try:
        while differences < options.differences:
            if options.episodes is not None and seed - options.seed >= options.episodes:
                break
            if options.seconds is not None and time.monotonic() - start > options.seconds:
                break
            if options.operations is not None and test.operations >= options.operations:
                break
            if story := test.episode(seed):
                differences += 1
                for line in story.splitlines():
                    print("#", line)
                print("# again: PYTHONPATH=. python3 tests/jetstream/api/differential_test.py "
                      f"{options.pipit} --seed {seed} --episodes 1", flush=True)
            seed += 1
    finally:
        test.close()
    print(f"# {test.operations} requests, seeds {options.seed} to {seed - 1}, "
          f"nats-server {test.genuine.version}")
    for what, count in test.accepted.most_common():
        print(f"# accepted {count} times: {what}")
    print("not ok" if differences else "ok", "1 - answers are those of the genuine server")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
