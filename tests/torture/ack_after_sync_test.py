#!/usr/bin/env python3
"""An ack says that the message is on disk: it does not leave before the fdatasync that covers it has
returned, nor after one that failed. A gate before every sync of the server (sync_gate.c) decides when
that is, so there is nothing to time.

    ack_after_sync_test.py PIPIT SYNC_GATE

The test is tried on servers that acknowledge before the sync: Pipit with `sync_interval: 2m`, and a
stream with `persist_mode: async`. There the early ack has to be found.
"""
import fcntl
import json
import os
import select
import sys
from pathlib import Path

from tests.support.nats_client import PATIENCE_S, NatsClient
from tests.support.server_process import Missing, ServerProcess, tap

PIPIT, GATE = (str(Path(argument).resolve()) for argument in sys.argv[1:3])
CONFIG = """
listen: "127.0.0.1:-1", reactors: 2
jetstream {{ store_dir: "@DIR@/store"{} }}
"""
MESSAGES = 20
ROUNDS = 50  # of PING and PONG, in which what was on its way between threads arrives


class Gated:
    """with Gated() as server: its syncs pass until shut()."""

    def __init__(self, more=""):
        self.asked, asked = os.pipe()
        self.gate, path = None, Path(os.environ.get("TMPDIR", "/tmp")) / f"pipit-gate-{os.getpid()}"
        path.write_text("")
        self.path = path
        self.server = ServerProcess(PIPIT, config=CONFIG.format(more), pass_fds=(asked,), env={
            **os.environ, "LD_PRELOAD": GATE, "SYNC_GATE": str(path), "SYNC_GATE_ASKED": str(asked)})
        os.close(asked)
        self.client = NatsClient(self.server.ready().port())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.open()
        self.client.close()
        self.server.__exit__()
        os.close(self.asked)
        self.path.unlink()

    def shut(self):
        self.gate = self.path.open("r")
        fcntl.flock(self.gate, fcntl.LOCK_EX)

    def open(self):
        if self.gate:
            self.gate.close()
            self.gate = None

    def wait_asked(self):
        if not select.select([self.asked], [], [], PATIENCE_S)[0]:
            raise Missing("nothing was synced")
        os.read(self.asked, 65536)

    def api(self, call, body=""):
        answer = json.loads(self.client.request("$JS.API." + call, body).data)
        assert "error" not in answer, answer
        return answer

    def ask(self, subject, body):
        """Sends the request and returns where its answer will come."""
        inbox = self.client.new_inbox()
        self.client.publish(subject, body, reply=inbox)
        return inbox

    def arrived(self):
        """What has come meanwhile."""
        for _ in range(ROUNDS):
            self.client.flush()
        return [message.data for message in self.client.kept]


def acks_wait():
    with Gated() as it:
        it.api("STREAM.CREATE.S", '{"name":"S"}')
        it.shut()
        inboxes = [it.ask("S", b"x") for _ in range(MESSAGES)]
        it.wait_asked()
        early = it.arrived()
        assert not early, early
        it.open()
        acks = [json.loads(it.client.answer(inbox).data) for inbox in inboxes]
        assert [ack["seq"] for ack in acks] == list(range(1, MESSAGES + 1)), acks


def answer_waits(call, body):
    with Gated() as it:
        it.api("STREAM.CREATE.S", '{"name":"S"}')
        for _ in range(3):
            assert b'"seq"' in it.client.request("S", b"x").data
        it.shut()
        inbox = it.ask("$JS.API." + call, body)
        it.wait_asked()
        early = it.arrived()
        assert not early, early
        it.open()
        answer = it.client.answer(inbox).data
        assert b'"error"' not in answer, answer


def failed_sync():
    with Gated() as it:
        it.api("STREAM.CREATE.S", '{"name":"S"}')
        assert json.loads(it.client.request("S", b"x").data)["seq"] == 1
        it.shut()
        inboxes = [it.ask("S", b"x") for _ in range(MESSAGES)]
        it.wait_asked()
        it.path.write_text("broken")
        it.open()
        answers = [json.loads(it.client.answer(inbox).data) for inbox in inboxes]
        wrong = [answer for answer in answers if answer.get("error", {}).get("code") != 503]
        assert not wrong, wrong


def early_ack_is_found(more, config):
    with Gated(more) as it:
        it.api("STREAM.CREATE.S", config)
        it.shut()
        inbox = it.ask("S", b"x")
        ack = json.loads(it.client.answer(inbox).data)
        assert ack["seq"] == 1, ack


tap([
    ("acks of publishes wait for the sync", acks_wait),
    ("the answer to a create waits for the sync",
     lambda: answer_waits("STREAM.CREATE.T", '{"name":"T"}')),
    ("the answer to a purge waits for the sync", lambda: answer_waits("STREAM.PURGE.S", "")),
    ("the answer to a delete of a message waits for the sync",
     lambda: answer_waits("STREAM.MSG.DELETE.S", '{"seq":2,"no_erase":true}')),
    ("the answer to a delete of a stream waits for the sync",
     lambda: answer_waits("STREAM.DELETE.S", "")),
    ("no ack follows a sync that failed", failed_sync),
    ("with sync_interval the early ack is found",
     lambda: early_ack_is_found(', sync_interval: "2m"', '{"name":"S"}')),
    ("of an async stream the early ack is found",
     lambda: early_ack_is_found("", '{"name":"S","persist_mode":"async"}')),
])
