"""A WebSocket client that says what it is told to, right or wrong, and takes nothing amiss silently.

What a server sends is checked against RFC 6455 and RFC 7692 as it is read; Wrong says what was not
as it should be.
"""

import base64
import hashlib
import os
import re
import socket
import struct
import zlib

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Wrong(Exception):
    """The server did what it should not have done."""


def mask(payload, key):
    size = len(payload)
    pad = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(pad, "big")).to_bytes(size, "big")


def frame(opcode, payload=b"", fin=True, rsv=0):
    size = len(payload)
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    if size < 126:
        head += bytes([0x80 | size])
    elif size < 65536:
        head += struct.pack(">BH", 0x80 | 126, size)
    else:
        head += struct.pack(">BQ", 0x80 | 127, size)
    key = os.urandom(4)
    return head + key + mask(payload, key)


class Deflate:
    """permessage-deflate as a server's answer to an offer defines it."""

    def __init__(self, parameters, offers):
        self.client_bits = int(parameters.get("client_max_window_bits") or 15)
        self.server_bits = int(parameters.get("server_max_window_bits") or 15)
        self.client_fresh = "client_no_context_takeover" in parameters
        self.server_fresh = "server_no_context_takeover" in parameters
        if not any(self.answers(parameters, offer) for offer in offers):
            raise Wrong(f"{parameters} answers none of {offers}")
        self.packer = self.unpacker = None
        self.unpacked = 0

    def answers(self, parameters, offer):
        known = {"server_no_context_takeover", "client_no_context_takeover",
                 "server_max_window_bits", "client_max_window_bits"}
        if set(parameters) - known:
            return False
        if "server_no_context_takeover" in offer and not self.server_fresh:
            return False
        if self.server_bits > int(offer.get("server_max_window_bits") or 15):
            return False
        return "client_max_window_bits" not in parameters or "client_max_window_bits" in offer

    def pack(self, payload):
        if self.packer is None or self.client_fresh:
            self.packer = zlib.compressobj(1, zlib.DEFLATED, -self.client_bits)
        packed = self.packer.compress(payload) + self.packer.flush(zlib.Z_SYNC_FLUSH)
        return packed[:-4]

    def unpack(self, packed):
        if self.unpacker is None or self.server_fresh:
            self.unpacker = zlib.decompressobj(-self.server_bits)
        packed += b"\x00\x00\xff\xff"
        self.unpacked += 1
        try:
            if self.server_bits == 15 or self.unpacked > 5:
                return self.unpacker.decompress(packed)
            # zlib looks further back than the window as long as it finds that in the output.
            parts = []
            while packed:
                parts.append(self.unpacker.decompress(packed, 64))
                packed = self.unpacker.unconsumed_tail
            while parts[-1]:
                parts.append(self.unpacker.decompress(b"", 64))
            return b"".join(parts)
        except zlib.error as error:
            raise Wrong(f"the compressed message is broken: {error}") from error


class Wire:
    """One connection, upgraded. `offers`: of permessage-deflate, a dict each."""

    def __init__(self, port, offers=(), timeout=5.0):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray()
        self.deflate = None
        self.upgrade(offers)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def upgrade(self, offers):
        key = base64.b64encode(os.urandom(16))
        text = ", ".join("; ".join(["permessage-deflate"] + [
            name if value is None else f"{name}={value}" for name, value in offer.items()])
            for offer in offers)
        request = (f"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                   f"Connection: Upgrade\r\nSec-WebSocket-Key: {key.decode()}\r\n"
                   f"Sec-WebSocket-Version: 13\r\n")
        if text:
            request += f"Sec-WebSocket-Extensions: {text}\r\n"
        self.socket.sendall(request.encode() + b"\r\n")
        while b"\r\n\r\n" not in self.buffer:
            if not self.fill():
                raise Wrong("no answer to the upgrade")
        head, _, rest = bytes(self.buffer).partition(b"\r\n\r\n")
        self.buffer = bytearray(rest)
        lines = head.decode("latin-1").split("\r\n")
        fields = {name.strip().lower(): value.strip()
                  for name, _, value in (line.partition(":") for line in lines[1:])}
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest()).decode()
        if not re.match(r"HTTP/1\.1 101 ", lines[0]) or fields.get("sec-websocket-accept") != accept:
            raise Wrong(f"not upgraded: {lines[0]}")
        extension = fields.get("sec-websocket-extensions")
        if extension is None:
            if offers:
                raise Wrong("compression was not agreed to")
            return
        name, *parameters = [part.strip() for part in extension.split(";")]
        if name != "permessage-deflate" or not offers:
            raise Wrong(f"an extension that nobody asked for: {extension}")
        pairs = (parameter.partition("=") for parameter in parameters)
        self.deflate = Deflate({name.strip(): value.strip(' "') for name, _, value in pairs}, offers)

    # Out.

    def send(self, *frames, chop=None):
        """The frames in one piece, each by itself (chop=0), or in pieces of `chop` bytes."""
        if chop == 0:
            for one in frames:
                self.push(one)
            return
        data = b"".join(frames)
        for at in range(0, len(data), chop or len(data)):
            self.push(data[at:at + (chop or len(data))])

    def push(self, data):
        try:
            self.socket.sendall(data)
        except OSError:
            pass  # a server that has had enough need not listen; what it said first is read next

    def message(self, opcode, payload, pieces=0, chop=None):
        """A message, compressed if that was agreed, in fragments of `pieces` bytes."""
        rsv = 0
        if self.deflate:
            payload, rsv = self.deflate.pack(payload), 4
        step = pieces or max(len(payload), 1)
        frames, at = [], 0
        while True:
            last = at + step >= len(payload)
            frames.append(frame(CONTINUATION if at else opcode, payload[at:at + step], last,
                                0 if at else rsv))
            at += step
            if last:
                break
        self.send(*frames, chop=chop)

    # In.

    def fill(self):
        try:
            data = self.socket.recv(1 << 18)
        except ConnectionError:
            return False
        except TimeoutError:
            raise Wrong("nothing came in time") from None
        self.buffer += data
        return bool(data)

    def take_frame(self):
        """(first byte, payload), or None at the end of the connection."""
        need = 2
        while True:
            while len(self.buffer) < need:
                if not self.fill():
                    if self.buffer:
                        raise Wrong("the connection ended inside a frame")
                    return None
            size, head = self.buffer[1] & 127, 2
            if self.buffer[1] & 128:
                raise Wrong("a masked frame from a server")
            if size >= 126:
                head += 2 if size == 126 else 8
                if len(self.buffer) < head:
                    need = head
                    continue
                short, size = size, int.from_bytes(self.buffer[2:head], "big")
                if size < (126 if short == 126 else 65536):
                    raise Wrong("a length not in its shortest form")
            if len(self.buffer) < head + size:
                need = head + size
                continue
            first, payload = self.buffer[0], bytes(self.buffer[head:head + size])
            del self.buffer[:head + size]
            return first, payload

    def event(self):
        """What comes next: (opcode, payload) of a whole message or control frame; None at the end."""
        opcode, parts, compressed = None, [], False
        while True:
            taken = self.take_frame()
            if taken is None:
                if opcode is not None:
                    raise Wrong("the connection ended inside a message")
                return None
            first, payload = taken
            fin, rsv, kind = first & 128, first >> 4 & 7, first & 15
            if kind >= CLOSE:
                if kind > PONG or rsv or not fin or len(payload) > 125:
                    raise Wrong(f"a bad control frame {first:#x}")
                if opcode is not None:
                    raise Wrong("a control frame inside an echo")
                return kind, payload
            if kind > BINARY or (kind == CONTINUATION) != (opcode is not None):
                raise Wrong(f"a bad data frame {first:#x}")
            if rsv and (rsv != 4 or kind == CONTINUATION or not self.deflate):
                raise Wrong(f"reserved bits in {first:#x}")
            if kind != CONTINUATION:
                opcode, compressed = kind, bool(rsv)
            parts.append(payload)
            if not fin:
                continue
            payload = b"".join(parts)
            return opcode, self.deflate.unpack(payload) if compressed else payload

    def expect(self, opcode, payload):
        got = self.event()
        if got != (opcode, payload):
            raise Wrong(f"expected {opcode} with {brief(payload)}, got {brief_event(got)}")

    def expect_close(self, *codes):
        """A close frame with one of these codes (None: with none), then the end."""
        got = self.event()
        if got is None or got[0] != CLOSE:
            raise Wrong(f"expected a close, got {brief_event(got)}")
        payload = got[1]
        code = struct.unpack(">H", payload[:2])[0] if payload else None
        if len(payload) == 1 or code not in codes:
            raise Wrong(f"expected close {codes}, got {code}")
        payload[2:].decode()
        if (got := self.event()) is not None:
            raise Wrong(f"after the close there came {brief_event(got)}")

    def good_bye(self):
        self.send(frame(CLOSE, struct.pack(">H", 1000)))
        self.expect_close(1000)


def brief(payload):
    return repr(payload) if len(payload) < 60 else f"{len(payload)} bytes {payload[:20]!r}..."


def brief_event(event):
    return "the end" if event is None else f"{event[0]} with {brief(event[1])}"
