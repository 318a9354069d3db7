"""A NATS client in bytes, for tests of JetStream: one socket, no thread, nothing interpreted. A test
publishes with a reply subject of its own choice and reads what arrives; order is the server's.
"""
import json
import socket
from collections import deque
from typing import NamedTuple

PATIENCE_S = 20


class Closed(ConnectionError):
    """The server has hung up."""


class Message(NamedTuple):
    subject: bytes
    reply: bytes      # b"": none
    headers: bytes    # the block with its blank line, b"": none
    data: bytes

    @property
    def status(self):
        """b"404 Message Not Found" of a status message, else b""."""
        return self.headers.partition(b"\r\n")[0][len(b"NATS/1.0"):].strip()


def header_block(fields):
    """The block of (name, value) pairs."""
    lines = b"".join(name + b": " + value + b"\r\n" for name, value in fields)
    return b"NATS/1.0\r\n" + lines + b"\r\n"


def as_bytes(text):
    return text if isinstance(text, bytes) else text.encode()


class NatsClient:
    """Its inbox is subscribed from the start; `request` reads one answer from it."""

    def __init__(self, port, **connect):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._bytes = bytearray()
        self._inbox = b"_INBOX.%d" % self.socket.getsockname()[1]
        self._asked = 0
        self.kept = deque()  # messages that no request waited for
        self.info = json.loads(self._line()[5:])
        options = {"verbose": False, "pedantic": False, "protocol": 1, "headers": True,
                   "no_responders": True, **connect}
        self.send(b"CONNECT " + json.dumps(options).encode() + b"\r\nSUB " + self._inbox + b".* 1\r\n")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def new_inbox(self):
        self._asked += 1
        return b"%s.%d" % (self._inbox, self._asked)

    @staticmethod
    def frame(subject, data=b"", headers=b"", reply=b""):
        """The bytes of a PUB or HPUB; `headers` is a whole block."""
        subject, data = as_bytes(subject), as_bytes(data)
        names = b" ".join(filter(None, (subject, as_bytes(reply))))
        if headers:
            return b"HPUB %s %d %d\r\n%s%s\r\n" % (names, len(headers), len(headers) + len(data),
                                                   headers, data)
        return b"PUB %s %d\r\n%s\r\n" % (names, len(data), data)

    def publish(self, subject, data=b"", headers=b"", reply=b""):
        self.send(self.frame(subject, data, headers, reply))

    def subscribe(self, subject, sid=2):
        self.send(b"SUB %s %d\r\n" % (as_bytes(subject), sid))

    def request(self, subject, data=b"", headers=b""):
        """The first message that answers."""
        inbox = self.new_inbox()
        self.publish(subject, data, headers, inbox)
        return self.answer(inbox)

    def answer(self, inbox):
        """The next message to `inbox`; others that come meanwhile are kept."""
        for message in self.kept:
            if message.subject == inbox:
                self.kept.remove(message)
                return message
        while (message := self._read()) is None or message.subject != inbox:
            if message:
                self.kept.append(message)
        return message

    def next(self):
        """The next message, whatever it is."""
        if self.kept:
            return self.kept.popleft()
        while not (message := self._read()):
            pass
        return message

    def flush(self):
        """PING, PONG; what comes before is kept."""
        self.send(b"PING\r\n")
        while True:
            message = self._read(pong=True)
            if message == b"PONG":
                return
            if message:
                self.kept.append(message)

    def _read(self, pong=False):
        """One protocol unit: a message, or None for what is not one."""
        line = self._line()
        if line.startswith(b"MSG "):
            words = line.split(b" ")
            size = int(words[-1])
            data = self._take(size)
            return Message(words[1], words[3] if len(words) == 5 else b"", b"", data)
        if line.startswith(b"HMSG "):
            words = line.split(b" ")
            head, size = int(words[-2]), int(words[-1])
            data = self._take(size)
            return Message(words[1], words[3] if len(words) == 6 else b"", data[:head], data[head:])
        if line == b"PING":
            self.send(b"PONG\r\n")
        elif line.startswith(b"-ERR"):
            raise AssertionError(line.decode())
        elif line == b"PONG" and pong:
            return line
        return None

    def _fill(self):
        piece = self.socket.recv(1 << 18)
        if not piece:
            raise Closed("closed by the server")
        self._bytes += piece

    def _line(self):
        start = 0
        while (end := self._bytes.find(b"\r\n", start)) < 0:
            start = max(len(self._bytes) - 1, 0)
            self._fill()
        line = bytes(self._bytes[:end])
        del self._bytes[:end + 2]
        return line

    def _take(self, size):
        while len(self._bytes) < size + 2:
            self._fill()
        data = bytes(self._bytes[:size])
        del self._bytes[:size + 2]
        return data
