#!/usr/bin/env python3
"""Kills a server with SIGKILL again and again while messages are published to its streams, and compares
what it acknowledged with what is there after each start:

  - of what was acknowledged nothing is lost, nothing differs, and it stands at its sequence;
  - no sequence is given to another message; some are left out only where the kill came into a write
    and left a torn end, which is counted;
  - no Nats-Msg-Id is there twice, although everything without an ack is published again;
  - what was deleted with an answer stays deleted;
  - of a key's last value nothing older than the last acknowledged comes back.

    kill_test.py PIPIT [--cycles N] [--seed N] [--reactors N]

The seed decides what is published and when the kill comes, in acks and microseconds; where that finds
the server is the machine's. A failure keeps the store and says where it is.
"""
import argparse
import base64
import json
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import deque
from pathlib import Path

from tests.support.nats_client import NatsClient, header_block
from tests.support.server_process import ServerProcess

WINDOW = 400      # publishes without an ack at a time
READ_AT_ONCE = 500
KEYS = 20
CONFIG = """
listen: "127.0.0.1:-1", reactors: {reactors}
jetstream {{ store_dir: "{store}", max_memory_store: 100MB, max_file_store: 20GB }}
"""
STREAMS = {
    "LOG": {"subjects": ["log.*"]},                                    # everything stays
    "KEYS": {"subjects": ["key.*"], "max_msgs_per_subject": 1},        # the last value of each
    "HOLES": {"subjects": ["hole"]},                                   # some are deleted
}


class Fault(AssertionError):
    pass


def payload(identity):
    """Its bytes follow from the id; 20 to 3,000 of them."""
    number = int(identity.rpartition("-")[2])
    return (identity.encode() + b".") * (1 + number * 7919 % (200 if number % 13 == 0 else 12))


class Publish:
    __slots__ = ("identity", "subject", "sent")

    def __init__(self, identity, subject):
        self.identity, self.subject = identity, subject

    def frame(self, reply):
        headers = header_block([(b"Nats-Msg-Id", self.identity.encode())])
        return NatsClient.frame(self.subject, payload(self.identity), headers, reply)


class Book:
    """What is known of one stream."""

    def __init__(self, name):
        self.name = name
        self.acked = {}      # id -> sequence
        self.at = {}         # sequence -> id that it was acknowledged for
        self.open = []       # publishes whose ack did not come; they are published again
        self.deleted = set()   # sequences
        self.doubtful = set()  # sequences whose delete was asked for and not answered
        self.read_to = 0     # verified up to this sequence
        self.last_of_key = {}  # subject -> last acknowledged sequence

    def ack(self, publish, sequence, duplicate):
        known = self.at.setdefault(sequence, publish.identity)
        if known != publish.identity:
            raise Fault(f"{self.name}: sequence {sequence} acknowledged for {known} and for "
                        f"{publish.identity}")
        if self.acked.setdefault(publish.identity, sequence) != sequence:
            raise Fault(f"{self.name}: {publish.identity} acknowledged at {self.acked[publish.identity]} "
                        f"and at {sequence}{', a duplicate' if duplicate else ''}")
        key = self.last_of_key
        key[publish.subject] = max(key.get(publish.subject, 0), sequence)


class Torture:
    def __init__(self, pipit, seed, reactors):
        self.pipit, self.random, self.reactors = pipit, random.Random(seed), reactors
        self.store = tempfile.mkdtemp(prefix="pipit-torture-")
        self.books = {name: Book(name) for name in STREAMS}
        self.made = 0
        self.counts = {"cycles": 0, "published": 0, "acked": 0, "duplicates answered": 0,
                       "without an ack": 0, "killed while starting": 0,
                       "torn ends": 0, "sequences left out": 0}
        self.lost = {}  # stream -> sequences reported as lost
        self.ready_ms = []
        self.server = self.client = None

    def start(self):
        text = CONFIG.format(reactors=self.reactors, store=self.store)
        # Now and then the kill comes before it is ready.
        while self.random.random() < 0.1 and self.counts["cycles"]:
            with ServerProcess(self.pipit, config=text) as server:
                time.sleep(self.random.random() * 0.03)
                server.send(signal.SIGKILL)
            self.counts["killed while starting"] += 1
        begin = time.monotonic()
        self.server = ServerProcess(self.pipit, config=text)
        self.client = NatsClient(self.server.ready().port())
        self.ready_ms.append((time.monotonic() - begin) * 1000)

    def kill(self):
        self.server.send(signal.SIGKILL)
        self.server.process.wait()
        self.client.close()
        self.server.__exit__()

    def api(self, call, body=b""):
        return json.loads(self.client.request("$JS.API." + call, body).data)

    def create(self):
        for name, config in STREAMS.items():
            answer = self.api(f"STREAM.CREATE.{name}", json.dumps({"name": name, "duplicate_window":
                              3_600_000_000_000, **config}))
            if "error" in answer:
                raise Fault(f"create: {answer}")

    def identity(self):
        self.made += 1
        return f"m-{self.made}"

    def next_publish(self):
        name = self.random.choice(("LOG", "LOG", "KEYS", "HOLES"))
        subject = {"LOG": f"log.{self.random.randrange(5)}", "HOLES": "hole",
                   "KEYS": f"key.{self.random.randrange(KEYS)}"}[name]
        return name, Publish(self.identity(), subject)

    def load(self):
        """Publishes until the kill; then everything without an ack is open."""
        # What was left open comes first and again, in the order in which it was published.
        again = deque((name, publish) for name, book in self.books.items() for publish in book.open)
        for book in self.books.values():
            book.open = []
        acks_until_kill = self.random.choice((0, 1, 5, 50, 300, 1500)) + self.random.randrange(50)
        pause_s = self.random.random() * 0.004
        flying = {}
        acks = 0
        try:
            while acks <= acks_until_kill:
                frames = []
                while len(flying) < WINDOW and len(frames) < 100:
                    name, publish = again.popleft() if again else self.next_publish()
                    reply = self.client.new_inbox()
                    flying[reply] = (name, publish)
                    frames.append(publish.frame(reply))
                self.counts["published"] += len(frames)
                self.client.send(b"".join(frames))
                if self.random.random() < 0.05 and self.books["HOLES"].acked:
                    acks += self.delete(flying)
                if flying:
                    acks += self.take_ack(flying, self.client.next())
                while len(flying) > WINDOW // 2:
                    acks += self.take_ack(flying, self.client.next())
            time.sleep(pause_s)
        finally:
            self.server.send(signal.SIGKILL)
            self.server.process.wait()
        # What has arrived by now was acknowledged too.
        try:
            while flying:
                self.take_ack(flying, self.client.next())
        except OSError:
            pass
        for name, publish in [*flying.values(), *again]:
            self.books[name].open.append(publish)
        self.counts["without an ack"] += len(flying)
        self.client.close()
        self.server.__exit__()

    def take_ack(self, flying, message):
        if message.subject not in flying:
            return 0
        name, publish = flying.pop(message.subject)
        answer = json.loads(message.data)
        if "error" in answer:
            raise Fault(f"publish of {publish.identity}: {answer}")
        duplicate = answer.get("duplicate", False)
        self.books[name].ack(publish, answer["seq"], duplicate)
        self.counts["acked"] += 1
        self.counts["duplicates answered"] += duplicate
        return 1

    def delete(self, flying):
        book = self.books["HOLES"]
        sequence = self.random.choice(list(book.acked.values())[-200:])
        if sequence in book.deleted or sequence in book.doubtful:
            return 0
        book.doubtful.add(sequence)
        inbox = self.client.new_inbox()
        self.client.publish("$JS.API.STREAM.MSG.DELETE.HOLES", b'{"seq":%d}' % sequence, reply=inbox)
        acks = 0
        while (message := self.client.next()).subject != inbox:
            acks += self.take_ack(flying, message)
        if not json.loads(message.data).get("success"):
            raise Fault(f"delete of {sequence}: {message.data}")
        book.doubtful.remove(sequence)
        book.deleted.add(sequence)
        return acks

    def there(self, name, first, last):
        """Sequences to read, without the wide gaps."""
        while first <= last:
            found = self.api(f"STREAM.MSG.GET.{name}", json.dumps({"seq": first, "next_by_subj": ">"}))
            if found.get("error", {}).get("err_code") == 10037:
                return
            begin = found["message"]["seq"]
            yield from range(max(first, begin - READ_AT_ONCE), min(begin + READ_AT_ONCE, last + 1))
            first = begin + READ_AT_ONCE

    def read(self, name, sequences):
        """(sequence, subject, id, payload) of those that are there, None for others."""
        asked = deque()
        for sequence in sequences:
            inbox = self.client.new_inbox()
            self.client.publish(f"$JS.API.STREAM.MSG.GET.{name}", b'{"seq":%d}' % sequence, reply=inbox)
            asked.append((sequence, inbox))
            if len(asked) >= READ_AT_ONCE:
                yield self._got(*asked.popleft())
        while asked:
            yield self._got(*asked.popleft())

    def _got(self, sequence, inbox):
        answer = json.loads(self.client.answer(inbox).data)
        if answer.get("error", {}).get("err_code") == 10037:
            return sequence, None, None, None
        if "error" in answer:
            raise Fault(f"read of {sequence}: {answer}")
        message = answer["message"]
        fields = base64.b64decode(message["hdrs"]).split(b"\r\n")
        identity = next(field[13:].decode() for field in fields if field.startswith(b"Nats-Msg-Id: "))
        return message["seq"], message["subject"], identity, base64.b64decode(message.get("data", ""))

    def verify(self, everything=False):
        for name, book in self.books.items():
            state = self.api(f"STREAM.INFO.{name}")["state"]
            last = state["last_seq"]
            most = max(book.at, default=0)
            if last < most:
                raise Fault(f"{name}: {most} was acknowledged, the last is {last}")
            lost = state.get("lost", {}).get("msgs") or []
            if known := [sequence for sequence in lost if sequence in book.at]:
                raise Fault(f"{name}: {known} were acknowledged and are reported as lost")
            self.lost[name] = len(lost)
            if name == "LOG" and last - state["messages"] != self.counts["sequences left out"]:
                self.counts["torn ends"] += 1
                self.counts["sequences left out"] = last - state["messages"]
            self.check(name, book, self.there(name, 1 if everything else book.read_to + 1, last))
            self.check(name, book, self.random.sample(sorted(book.at), min(20, len(book.at))))
            book.read_to = last
        self.check_keys()

    def check(self, name, book, sequences):
        for sequence, _, identity, data in self.read(name, sequences):
            wanted = book.at.get(sequence)
            if identity is None:
                gone = sequence in book.deleted or sequence in book.doubtful or name == "KEYS"
                if wanted and not gone:
                    raise Fault(f"{name}: {wanted} was acknowledged at {sequence} and is lost")
                continue
            if sequence in book.deleted:
                raise Fault(f"{name}: {sequence} was deleted and is back")
            if data != payload(identity):
                raise Fault(f"{name}: {sequence}, {identity}, has other bytes")
            if wanted and wanted != identity:
                raise Fault(f"{name}: {sequence} was acknowledged for {wanted} and holds {identity}")
            known = book.acked.get(identity)
            if known and known != sequence:
                raise Fault(f"{name}: {identity} is at {known} and at {sequence}")
            if not wanted and not any(publish.identity == identity for publish in book.open):
                raise Fault(f"{name}: {sequence} holds {identity}, which nobody published")
            # Without an ack, but there: published again it has to be a duplicate of this one.
            book.acked[identity], book.at[sequence] = sequence, identity

    def check_keys(self):
        book = self.books["KEYS"]
        for subject, sequence in book.last_of_key.items():
            answer = self.api("STREAM.MSG.GET.KEYS", json.dumps({"last_by_subj": subject}))
            if "error" in answer or answer["message"]["seq"] < sequence:
                raise Fault(f"KEYS: {subject} was acknowledged at {sequence}: {answer}")

    def cycle(self):
        self.start()
        if not self.counts["cycles"]:
            self.create()
        self.verify()
        self.load()
        self.counts["cycles"] += 1

    def finish(self):
        self.start()
        self.verify(everything=True)
        for name, book in self.books.items():
            self.check(name, book, sorted(book.at))
        self.kill()


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("pipit")
    arguments.add_argument("--cycles", type=int, default=200)
    arguments.add_argument("--seed", type=int, default=None)
    arguments.add_argument("--reactors", type=int, default=2)
    options = arguments.parse_args()
    seed = options.seed if options.seed is not None else int(time.time())
    print("1..1", flush=True)
    torture = Torture(str(Path(options.pipit).resolve()), seed, options.reactors)
    try:
        while torture.counts["cycles"] < options.cycles:
            torture.cycle()
        torture.finish()
    except Exception as error:  # pylint: disable=broad-except
        if torture.server:
            torture.server.process.kill()
        print(f"not ok 1 - after {torture.counts['cycles']} kills, seed {seed}")
        print(f"# {type(error).__name__}: {error}\n# the store is in {torture.store}")
        if not isinstance(error, Fault):
            raise
        return 1
    shutil.rmtree(torture.store)
    ready = sorted(torture.ready_ms)
    print(f"# seed {seed}:", ", ".join(f"{count:,} {what}" for what, count in torture.counts.items()))
    print(f"# without an ack and reported as lost: {sum(torture.lost.values())}")
    print("# acknowledged and lost: 0, sequences given out twice: 0, ids stored twice: 0")
    print(f"# ready after {ready[len(ready) // 2]:.0f} ms in the middle, {ready[-1]:.0f} ms at most")
    print(f"ok 1 - {options.cycles} kills lose nothing that was acknowledged")
    return 0


if __name__ == "__main__":
    sys.exit(main())
