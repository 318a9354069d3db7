#!/usr/bin/env python3
"""Proves that clients which do not read, do not speak, speak too much or go away in the middle cost
the pipit binary a bounded amount of memory, cost others nothing, and are cut off where that was
promised. Limits are low so that it is quick; bytes and counts are checked, never how long it took.

    abuse_test.py PIPIT
"""
import resource
import selectors
import socket
import struct
import sys
import threading
from pathlib import Path

from tests.support.server_process import Client, PATIENCE_S, ServerProcess, tap, wait_until

PIPIT = str(Path(sys.argv[1]).resolve())
KIB, MIB = 1024, 1024 * 1024
SIZE = 1000  # of the messages below; each begins with its number


def check(truth, *why):
    if not truth:
        raise AssertionError(" ".join(map(str, why)) or "not true")


def equal(left, right):
    check(left == right, repr(left), "is not", repr(right))


def pipit(text):
    config = 'listen: "127.0.0.1:-1"\nhttp: "127.0.0.1:-1"\n' + text
    return ServerProcess(PIPIT, config=config).ready()


class Memory:
    """What the server holds beyond what it held at first, and at its height."""

    def __init__(self, server):
        self._pid = server.pid
        self.reset()

    def reset(self):
        Path(f"/proc/{self._pid}/clear_refs").write_text("5")
        self._base = self._read("VmRSS")

    def _read(self, field):
        for line in Path(f"/proc/{self._pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) * KIB
        raise AssertionError(field)

    def now(self):
        return self._read("VmRSS") - self._base

    def peak(self):
        return self._read("VmHWM") - self._base

    def check_peak(self, limit):
        check(self.peak() <= limit, "held", self.peak() // KIB, "KiB, allowed", limit // KIB)


def dial(port, small=False):
    end = socket.socket()
    if small:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    end.settimeout(PATIENCE_S)
    end.connect(("127.0.0.1", port))
    return end


def read_until(end, text):
    got = b""
    while text not in got:
        piece = end.recv(MIB)
        check(piece, "closed after", got)
        got += piece


def read_to_end(end):
    got = b""
    while piece := end.recv(MIB):
        got += piece
    return got


def stalled(server, subject):
    """Subscribes and never reads again."""
    end = dial(server.port(), small=True)
    end.sendall(f'CONNECT {{"verbose":false}}\r\nSUB {subject} 1\r\nPING\r\n'.encode())
    read_until(end, b"PONG")
    return end


def messages(subject, numbers, size=SIZE):
    head = f"PUB {subject} {size}\r\n".encode()
    return b"".join(head + b"%09d " % n + b"x" * (size - 10) + b"\r\n" for n in numbers)


class Reader(threading.Thread):
    """Reads everything of one subject and checks that not one is missing or out of order."""

    def __init__(self, server, subject):
        super().__init__(daemon=True)
        self.client = Client(server.port(), name="reader")
        self.client.send(f"SUB {subject} 1")
        self.client.flush()
        self.count = 0
        self.fault = None
        self._frame = len(f"MSG {subject} 1 {SIZE}\r\n")
        self.start()

    def run(self):
        pending = b""
        whole = self._frame + SIZE + 2
        while not self.fault:
            piece = self.client.socket.recv(MIB)
            if not piece:
                return
            pending += piece
            at = 0
            while len(pending) - at >= whole and not self.fault:
                number = int(pending[at + self._frame:at + self._frame + 9])
                if number != self.count:
                    self.fault = f"{number} came instead of {self.count}"
                self.count += 1
                at += whole
            pending = pending[at:]

    def wait(self, count):
        wait_until(lambda: self.fault or self.count >= count)
        equal((self.fault, self.count), (None, count))


def slow_consumer_of(server, reason):
    closed = server.json("/connz?state=closed")["connections"]
    found = [c for c in closed if c.get("reason") == reason]
    equal(len(found), 1)
    return found[0]


# --- who does not read

def stalled_reader_harms_nobody():
    with pipit("reactors: 2\nmax_pending: 1MB\nmax_payload: 64KB\nwrite_deadline: 60s\n") as server:
        slow = stalled(server, "a")
        reader = Reader(server, "a")
        publisher = Client(server.port(), name="publisher")
        other = Client(server.port(), name="other")
        other.send("SUB b 1")
        other.flush()
        other.expect("INFO")  # the second one, behind the first PONG
        memory = Memory(server)
        sent = 0

        def send_more():
            nonlocal sent
            publisher.socket.sendall(messages("a", range(sent, sent + 50)))
            sent += 50
            reader.wait(sent)

        def behind():
            return [c for c in server.json("/connz")["connections"] if c.get("stalls")]

        while not behind():
            send_more()
            check(sent < 50_000)
        held = behind()[0]
        check(MIB // 2 < held["pending_bytes"] <= MIB, held["pending_bytes"])
        check(server.json("/varz")["stalled_clients"] > 0)
        # The publisher's reading pauses, its reactor does not.
        other.send("PUB b 2\r\nhi")
        equal(other.flush(), ["MSG b 1 2", "hi"])

        while server.json("/varz")["slow_consumers"] == 0:
            send_more()
            check(sent < 50_000)
        slow_consumer_of(server, "Slow Consumer (Pending Bytes)")
        # Nobody is held back any more.
        stalls = server.json("/varz")["stalled_clients"]
        for _ in range(20):
            send_more()
        equal(server.json("/varz")["stalled_clients"], stalls)
        memory.check_peak(6 * MIB)
        slow.close()


def slow_reader_is_cut_by_write_deadline():
    with pipit('reactors: 1\nwrite_deadline: "200ms"\n') as server:
        slow = stalled(server, "a")
        reader = Reader(server, "a")
        publisher = Client(server.port(), name="publisher")
        for batch in range(16):
            publisher.socket.sendall(messages("a", range(batch * 1000, batch * 1000 + 1000)))
        reader.wait(16_000)
        wait_until(lambda: server.json("/varz")["slow_consumers"] == 1)
        slow_consumer_of(server, "Slow Consumer (Write Deadline)")
        publisher.flush()
        slow.close()


def no_fast_producer_stall_drops():
    with pipit("reactors: 2\nmax_pending: 1MB\nmax_payload: 64KB\nwrite_deadline: 60s\n"
               "no_fast_producer_stall: true\n") as server:
        slow = stalled(server, "a")
        reader = Reader(server, "a")
        publisher = Client(server.port(), name="publisher")
        memory = Memory(server)
        for batch in range(16):
            publisher.socket.sendall(messages("a", range(batch * 1000, batch * 1000 + 1000)))
            reader.wait(batch * 1000 + 1000)
        state = server.json("/varz")
        equal((state["stalled_clients"], state["slow_consumers"]), (0, 0))
        pending = max(c["pending_bytes"] for c in server.json("/connz")["connections"])
        check(MIB // 2 < pending <= MIB * 3 // 4, pending)
        memory.check_peak(6 * MIB)
        slow.close()


def little_of_every_read_pins_no_slabs():
    with pipit("reactors: 1\nmax_pending: 4MB\nwrite_deadline: 60s\n") as server:
        slow = stalled(server, "a")
        publisher = Client(server.port(), name="publisher")
        memory = Memory(server)
        # Of each 64 KiB that it reads one message is for the stalled one.
        mixed = messages("a", [0], 3000) + messages("nobody", range(20), 3000)
        while server.json("/varz")["slow_consumers"] == 0:
            publisher.socket.sendall(mixed * 100)
            memory.check_peak(24 * MIB)
        slow.close()


def floods_without_reading_are_bounded():
    with pipit("reactors: 1\nmax_pending: 1MB\nmax_payload: 64KB\n") as server:
        bystander = Client(server.port(), name="bystander")
        for name, connect, piece in (
                ("PING", '{"verbose":false}', b"PING\r\n"),
                ("bad SUB", '{"verbose":false}', b"SUB a..b 1\r\n"),
                ("+OK", '{"verbose":true}', b"PUB a 0\r\n\r\n"),
                ("-ERR", '{"verbose":false,"pedantic":true}', b"PUB a..b 0\r\n\r\n"),
                ("503", '{"verbose":false,"headers":true,"no_responders":true}',
                 b"SUB r.* 1\r\nPUB nobody r.1 0\r\n\r\n"),
        ):
            memory = Memory(server)
            before = server.json("/varz")["slow_consumers"]
            flood = dial(server.port(), small=True)
            flood.sendall(f"CONNECT {connect}\r\n".encode())
            pieces = piece * (64 * KIB // len(piece))
            try:
                for _ in range(2000):
                    flood.sendall(pieces)
            except ConnectionError:
                pass
            else:
                raise AssertionError(name + ": was never cut off")
            flood.close()
            equal(server.json("/varz")["slow_consumers"], before + 1)
            memory.check_peak(6 * MIB)
            bystander.flush()


# --- who does not speak

def silent_and_slow_clients_are_cut():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    count = min(5000, hard // 2 - 100)  # of each kind
    with pipit('reactors: 2\nauthorization { token: "secret", timeout: 4 }\n'
               'websocket { listen: "127.0.0.1:-1", no_tls: true, handshake_timeout: "4s" }\n'
               "max_closed_clients: 10\n") as server:
        web = server.port("websocket clients")
        memory = Memory(server)
        watch = selectors.EpollSelector()
        typing = []  # half of them send a byte whenever nothing else happens for a while
        for port, text in ((server.port(), b"CONNECT {}\r\n"), (web, b"GET / HTTP/1.1\r\nHost: h\r\n")):
            before = memory.now()
            for n in range(count):
                end = dial(port)
                watch.register(end, selectors.EVENT_READ, [b"", port])
                if n % 2:
                    typing.append((end, iter(text)))
                    end.sendall(bytes([next(typing[-1][1])]))
            # Once the last one is greeted, or known, all are.
            wait_until(lambda: server.json("/varz")["total_connections"] >=
                       count * (1 if port != web else 2))
            each = (memory.now() - before) // count
            check(each <= 8 * KIB, each, "bytes each")
        while watch.get_map():
            ready = watch.select(1)
            for key, _ in ready:
                try:
                    piece = key.fileobj.recv(4096)
                except ConnectionResetError:
                    piece = b""
                key.data[0] += piece
                if piece:
                    continue
                words = b"408 Request Timeout" if key.data[1] == web else b"'Authentication Timeout'"
                check(words in key.data[0], key.data)
                watch.unregister(key.fileobj)
                key.fileobj.close()
            if ready:
                continue
            typing = [(end, rest) for end, rest in typing if end.fileno() >= 0]
            for end, rest in typing:
                try:
                    end.send(bytes([next(rest)]))
                except (OSError, StopIteration):
                    pass
        equal(server.json("/varz")["connections"], 0)
        memory.check_peak(2 * count * 8 * KIB)


def announced_sizes_cost_nothing():
    with pipit('reactors: 1\nwebsocket { listen: "127.0.0.1:-1", no_tls: true }\n') as server:
        Client(server.port(), name="warm").flush()
        memory = Memory(server)
        waiting = []
        for _ in range(200):
            end = dial(server.port())
            end.sendall(b'CONNECT {"verbose":false}\r\nPING\r\nPUB a 1000000\r\nx')
            waiting.append(end)
        for end in waiting:
            read_until(end, b"PONG")
        memory.check_peak(200 * 32 * KIB)
        for end in waiting:
            end.close()
        memory.reset()
        for size in (b"1048577", b"99999999", b"999999999"):
            end = dial(server.port())
            end.sendall(b"PUB a " + size + b"\r\n")
            got = read_to_end(end)
            check(b"'Maximum Payload Violation'" in got, got)
        for length in (2**30, 2**40, 2**62):
            end = dial(server.port("websocket clients"))
            end.sendall(b"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                        b"Sec-WebSocket-Version: 13\r\n\r\n")
            read_until(end, b"\r\n\r\n")
            end.sendall(b"\x82\xff" + struct.pack(">Q", length) + b"\0\0\0\0" + b"PING\r\n")
            read_until(end, b"PONG")
            end.close()
        memory.check_peak(MIB)


# --- who goes away

def gone_in_the_middle():
    with pipit("reactors: 2\nmax_closed_clients: 10\n") as server:
        memory = Memory(server)
        for turn in range(3):
            for n in range(600):
                end = dial(server.port())
                end.sendall(b'CONNECT {"verbose":false}\r\nSUB a 1\r\nPUB a 50000\r\n' + b"x" * 9000)
                if n % 3 == 0:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                elif n % 3 == 1:
                    end.shutdown(socket.SHUT_WR)
                    read_to_end(end)
                end.close()
            wait_until(lambda: server.json("/varz")["connections"] == 0)
            equal(server.json("/subsz")["num_subscriptions"], 0)
            if turn == 0:
                memory.reset()
        equal(server.json("/varz")["total_connections"], 1800)
        check(memory.now() <= MIB, memory.now() // KIB, "KiB more than after the first turn")


def what_was_said_before_half_a_close_is_answered():
    with pipit("reactors: 1\n") as server:
        end = dial(server.port())
        count = 20_000
        end.sendall(b'CONNECT {"verbose":false}\r\n' + b"PING\r\n" * count)
        end.shutdown(socket.SHUT_WR)
        equal(read_to_end(end).count(b"PONG\r\n"), count)


def opened_and_dropped():
    with pipit("reactors: 2\nmax_closed_clients: 10\n") as server:
        memory = Memory(server)
        for count in (3000, 10_000):
            memory.reset()
            for n in range(count):
                end = dial(server.port())
                if n % 2:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                else:
                    end.recv(4096)
                end.close()
            wait_until(lambda: server.json("/varz")["connections"] == 0)
        check(memory.now() <= MIB, memory.now() // KIB, "KiB more for the last 10,000")


# --- who asks for work

def requests_nobody_answers_do_not_depend_on_subscriptions():
    with pipit("reactors: 1\n") as server:
        asking = Client(server.port(), headers=True, no_responders=True)
        subscriptions, requests = 200_000, 20_000
        text = "".join(f"SUB x.{n} {n}\r\n" for n in range(subscriptions))
        asking.socket.sendall(text.encode() + b"SUB inbox.* mine\r\n")
        asking.flush()
        sender = threading.Thread(target=asking.socket.sendall, daemon=True,
                                  args=(b"PUB nobody inbox.1 0\r\n\r\n" * requests + b"PING\r\n",))
        sender.start()
        refused = 0
        while (line := asking.line()) != "PONG":
            check(line is not None)
            refused += line.startswith("HMSG inbox.1 mine")
        equal(refused, requests)


tap([
    ("a stalled subscriber harms nobody else and is closed at max_pending",
     stalled_reader_harms_nobody),
    ("a stalled subscriber is closed by write_deadline", slow_reader_is_cut_by_write_deadline),
    ("no_fast_producer_stall drops for the stalled one and holds nobody back",
     no_fast_producer_stall_drops),
    ("a little of every read for a stalled subscriber pins no slabs",
     little_of_every_read_pins_no_slabs),
    ("floods by who never reads are bounded and cut off", floods_without_reading_are_bounded),
    ("5,000 TCP and 5,000 WebSocket clients that say nothing or a byte at a time are cut",
     silent_and_slow_clients_are_cut),
    ("what is announced and does not come costs nothing", announced_sizes_cost_nothing),
    ("clients that go in the middle of a message leave nothing behind", gone_in_the_middle),
    ("what was said before half a close is answered",
     what_was_said_before_half_a_close_is_answered),
    ("10,000 connections opened and dropped leave nothing behind", opened_and_dropped),
    ("requests that nobody answers cost the same however much their sender subscribes to",
     requests_nobody_answers_do_not_depend_on_subscriptions),
])
