#!/usr/bin/env python3
"""Proves what strangers can cost a broker over WebSocket, as its resident memory tells: at most 8 KiB
each before they have logged in, however they stop, and not for longer than the deadlines; and what a
compression bomb costs after the login.

    before_login_test.py PIPIT
"""
import resource
import selectors
import socket
import sys
import time
import zlib
from pathlib import Path

from tests.support.server_process import PATIENCE_S, Missing, ServerProcess, tap
from wire import BINARY, CONTINUATION, Wire, Wrong, frame

PIPIT = str(Path(sys.argv[1]).resolve())
KB, MB = 1 << 10, 1 << 20
EACH = 8 * KB
# What is there once, whoever comes: a read buffer, inflaters, tables.
ONCE = 2 * MB
UPGRADE = (b"GET / HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
           b"Sec-WebSocket-Extensions: permessage-deflate\r\n")
CONFIG = """
listen: "127.0.0.1:-1"
max_connections: 100000
reactors: 1
{more}
websocket {{ listen: "127.0.0.1:-1", no_tls: true, compression: true, {websocket} }}
"""


class Broker(ServerProcess):
    def __init__(self, more="", websocket=""):
        super().__init__(PIPIT, config=CONFIG.format(more=more, websocket=websocket))
        self.ready()
        self.websocket = int(self.wait_log(r"Listening for websocket clients on \S*:(\d+)")[1])
        self.before = self.memory("VmRSS")

    def memory(self, which):
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(which + ":"):
                return int(line.split()[1]) * KB
        raise Missing(which)

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.websocket), timeout=PATIENCE_S)

    def check_cost(self, strangers):
        """The most that it ever took since the start, a fence behind what was sent."""
        with Wire(self.websocket, timeout=PATIENCE_S) as fence:
            fence.event()
        cost = self.memory("VmHWM") - self.before
        if cost > strangers * EACH + ONCE:
            raise AssertionError(f"{cost} bytes for {strangers}: {cost // strangers} each")


def descriptors():
    """As many connections as ten thousand, if the limit allows."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return min(10000, hard - 200)


def wait_closed(connections, trickling=()):
    """Until the server has hung up on all of them, even those that go on talking."""
    deadline = time.monotonic() + 3 * PATIENCE_S
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            connection.setblocking(False)
            selector.register(connection, selectors.EVENT_READ)
        while selector.get_map():
            if time.monotonic() > deadline:
                raise Missing(f"{len(selector.get_map())} were never closed")
            for key, _ in selector.select(0.05):
                try:
                    if key.fileobj.recv(65536):
                        continue
                except BlockingIOError:
                    continue
                except ConnectionError:
                    pass
                selector.unregister(key.fileobj)
            for connection in trickling:
                try:
                    connection.send(b"x")
                except OSError:
                    pass


def half_open_upgrades():
    count = descriptors()
    with Broker(websocket='handshake_timeout: "5s"') as broker:
        head = UPGRADE + b"X-Long: " + b"x" * (6 * KB)
        connections = [broker.connect() for _ in range(count)]
        for number, connection in enumerate(connections):
            # Nothing at all; a few bytes; nearly all that a head may be.
            connection.sendall(head[:(0, 1, 100, 6 * KB - 1)[number % 4]])
        broker.check_cost(count)
        wait_closed(connections, trickling=connections[1:400:4])
        for connection in connections:
            connection.close()


def strangers_after_the_upgrade():
    noise = zlib.compressobj(1, zlib.DEFLATED, -15)
    packed = noise.compress(b"CONNECT {" + str(3 ** 9000).encode()) + noise.flush(zlib.Z_SYNC_FLUSH)
    endings = {
        "nothing": b"",
        "half a CONNECT": frame(BINARY, b"CONNECT {" + b" " * 4080),
        "in a fragment": frame(BINARY, b"CONNECT {" + b" " * 4080, fin=False),
        "in many fragments": frame(BINARY, b"CONNECT {", fin=False) +
                             frame(CONTINUATION, b" ", fin=False) * 400,
        "in a compressed fragment": frame(BINARY, packed[:1700], fin=False, rsv=4),
        "in half a compressed frame": frame(BINARY, packed, rsv=4)[:1700],
        "half a head": frame(BINARY, b"x" * 70000)[:9],
        "half a ping": frame(9, b"p" * 125)[:100],
    }
    count = 1200
    for what, data in endings.items():
        with Broker(more="authorization { token: t, timeout: 60 }") as broker:
            connections = [broker.connect() for _ in range(count)]
            for connection in connections:
                connection.sendall(UPGRADE + b"\r\n")
            for connection in connections:
                # Its answer comes before it may say more.
                connection.recv(65536)
                connection.sendall(data)
            try:
                broker.check_cost(count)
            except AssertionError as error:
                raise AssertionError(f"{what}: {error}") from error
            for connection in connections:
                connection.close()


def cut_by_the_auth_timeout():
    with Broker(more="authorization { token: t, timeout: 1 }") as broker:
        connections = [broker.connect() for _ in range(100)]
        for connection in connections:
            connection.sendall(UPGRADE + b"\r\n")
            connection.recv(65536)
            # A frame of which a byte comes now and then.
            connection.sendall(frame(BINARY, b"CONNECT {" + b" " * 3000)[:20])
        wait_closed(connections, trickling=connections)
        for connection in connections:
            connection.close()


def byte_by_byte():
    with Broker() as broker:
        connections = [broker.connect() for _ in range(50)]
        talk = frame(BINARY, b'CONNECT {"verbose":false}\r\n', fin=False) + \
            frame(9, b"between") + frame(CONTINUATION, b"PING\r\n")
        request = UPGRADE.replace(b"Sec-WebSocket-Extensions: permessage-deflate\r\n", b"") + b"\r\n"
        for connection in connections:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        answers = [b""] * len(connections)
        for data, wanted in ((request, b"INFO {"), (talk, b"PONG\r\n")):
            for at in range(len(data)):
                for connection in connections:
                    connection.send(data[at:at + 1])
            for number, connection in enumerate(connections):
                while wanted not in answers[number]:
                    piece = connection.recv(65536)
                    if not piece:
                        raise AssertionError(f"closed before {wanted}: {answers[number]}")
                    answers[number] += piece
        for answer in answers:
            if b"\x8a\x07between" not in answer:
                raise AssertionError(answer)
        broker.check_cost(len(connections))
        for connection in connections:
            connection.close()


def bomb():
    """A MiB that becomes a GiB of PUBs."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    one = b"PUB a 1000000\r\n" + b"b" * 1000000 + b"\r\n"
    parts = [packer.compress(one) + packer.flush(zlib.Z_FULL_FLUSH)]
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    again = packer.compress(one) + packer.flush(zlib.Z_FULL_FLUSH)
    packed = b"".join(parts) + again * 1000
    for frames in ([frame(BINARY, packed, rsv=4)],
                   [frame(BINARY, packed[:1000], fin=False, rsv=4)] +
                   [frame(CONTINUATION, packed[at:at + 1000], fin=False)
                    for at in range(1000, len(packed), 1000)]):
        with Broker() as broker:
            with Wire(broker.websocket, [{}], timeout=PATIENCE_S) as wire:
                wire.event()
                wire.send(frame(BINARY, b'CONNECT {"verbose":false}\r\nPING\r\n'))
                wire.event()
                wire.send(*frames)
                try:
                    wire.expect_close(1009)
                except Wrong as error:
                    # The rest of the bomb may overtake the good-bye: then it is a reset.
                    if "got the end" not in str(error):
                        raise
            cost = broker.memory("VmHWM") - broker.before
            if cost > 8 * MB:
                raise AssertionError(f"{cost} bytes for {len(packed)}")


tap([
    ("ten thousand half-open upgrades cost at most 8 KiB each, until their time is over",
     half_open_upgrades),
    ("who has not logged in costs at most 8 KiB, wherever it stops", strangers_after_the_upgrade),
    ("who trickles instead of logging in is cut off", cut_by_the_auth_timeout),
    ("requests and frames may come a byte at a time", byte_by_byte),
    ("a compression bomb is cut off before it costs memory", bomb),
])
