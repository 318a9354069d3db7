#!/usr/bin/env python3
"""Proves what a server with TLS says to whom and when: the same clients meet pipit and the genuine
nats-server, and hear the same. Then what is pipit's own: certificates loaded anew, and words for
files that are wrong. The clients' TLS is Python's, which is OpenSSL.

    tls_test.py PIPIT     genuine: $NATS_SERVER, else nats-server on the PATH
"""
import json
import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support.server_process import PATIENCE_S, ServerProcess, genuine_server, tap

PIPIT = str(Path(sys.argv[1]).resolve())
GENUINE = genuine_server()
FOLDER = tempfile.TemporaryDirectory(prefix="pipit-tls-")  # pylint: disable=consider-using-with
UPGRADE = (b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")


def check(truth, *why):
    if not truth:
        raise AssertionError(" ".join(map(str, why)) or "not true")


def equal(left, right):
    check(left == right, repr(left), "is not", repr(right))


def certificate(name):
    """A self-signed certificate for localhost, in files NAME.pem and NAME.key."""
    base = Path(FOLDER.name) / name
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-keyout", f"{base}.key", "-out", f"{base}.pem", "-days", "2",
                    "-subj", f"/CN={name}", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
                   check=True, capture_output=True)
    return base


CERTIFICATE = certificate("server")


def tls_block(more="", base=CERTIFICATE):
    return f'tls {{ cert_file: "{base}.pem", key_file: "{base}.key"\n{more} }}\n'


def server(binary, config):
    text = 'listen: "127.0.0.1:-1"\nhttp: "127.0.0.1:-1"\n' + config
    return ServerProcess(binary, config=text).ready()


class Peer:
    """One connection, in the clear until secure()."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        self.bytes = b""

    def secure(self, cafile=f"{CERTIFICATE}.pem"):
        context = ssl.create_default_context(cafile=cafile)
        self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
        return self

    def send(self, text):
        self.socket.sendall(text.encode() + b"\r\n")

    def line(self):
        """None: closed."""
        while b"\r\n" not in self.bytes:
            try:
                piece = self.socket.recv(65536)
            except (ConnectionResetError, ssl.SSLEOFError):
                piece = b""
            if not piece:
                return None
            self.bytes += piece
        line, _, self.bytes = self.bytes.partition(b"\r\n")
        return line.decode("latin-1")

    def info(self):
        """What INFO says of TLS."""
        line = self.line()
        check(line is not None and line.startswith("INFO "), repr(line), "is no INFO")
        said = json.loads(line[5:])
        return {key: value for key, value in said.items() if key.startswith(("tls_", "auth_"))}

    def talks(self):
        self.send('CONNECT {"verbose":false,"pedantic":false}')
        self.send("PING")
        return self.line()


def connections(process):
    """What /connz says of TLS, oldest connection first."""
    shown = process.json("/connz")["connections"]
    return [{key: value for key, value in one.items() if key.startswith("tls_")} for one in shown]


def after_info(binary):
    with server(binary, tls_block()) as process:
        process.wait_log("TLS required for client connections")
        peer = Peer(process.port())
        equal(peer.info(), {"tls_required": True})
        equal(peer.secure().talks(), "PONG")
        (shown,) = connections(process)
        check("tls_first" not in shown)
        check(shown["tls_version"] in ("1.2", "1.3"), shown)
        check(shown["tls_cipher_suite"].startswith("TLS_"), shown)
        varz = process.json("/varz")
        equal(varz["tls_required"], True)
        equal(varz["tls_timeout"], 2)
        equal(varz["auth_timeout"], 3)


def first(binary):
    with server(binary, tls_block("handshake_first: true")) as process:
        peer = Peer(process.port()).secure()
        equal(peer.info(), {"tls_required": True})
        equal(peer.talks(), "PONG")
        equal(connections(process)[0].get("tls_first"), True)
        plain = Peer(process.port())
        plain.send("CONNECT {}")
        equal(plain.line(), None)


def first_or_after_a_wait(binary):
    with server(binary, tls_block("handshake_first: auto")) as process:
        at_once = Peer(process.port()).secure()
        equal(at_once.info(), {"tls_required": True})
        equal(at_once.talks(), "PONG")
        patient = Peer(process.port())
        equal(patient.info(), {"tls_required": True})
        equal(patient.secure().talks(), "PONG")
        equal([one.get("tls_first") for one in connections(process)], [True, None])
        plain = Peer(process.port())
        plain.send("CONNECT {}")
        equal(plain.line(), None)


def with_and_without(binary):
    with server(binary, "allow_non_tls: true\n" + tls_block("timeout: 0.5")) as process:
        process.wait_log("TLS available for client connections")
        secured = Peer(process.port())
        equal(secured.info(), {"tls_available": True})
        equal(secured.secure().talks(), "PONG")
        plain = Peer(process.port())
        equal(plain.info(), {"tls_available": True})
        equal(plain.talks(), "PONG")
        check("tls_required" not in process.json("/varz"))
        equal([bool(one) for one in connections(process)], [True, False])


def too_late(binary):
    for more in ("timeout: 0.3", "timeout: 0.3, handshake_first: true"):
        with server(binary, tls_block(more)) as process:
            silent = Peer(process.port())
            if "first" not in more:
                equal(silent.info(), {"tls_required": True})
            equal(silent.line(), None)  # without a word, as the genuine one
            half = Peer(process.port())
            half.socket.sendall(bytes([0x16, 3, 1, 2, 0, 1]))
            while half.line() is not None:
                pass


def no_tls_at_all(binary):
    with server(binary, tls_block()) as process:
        peer = Peer(process.port())
        peer.send('CONNECT {"verbose":false}')
        equal(peer.info(), {"tls_required": True})
        equal(peer.line(), None)


def a_certificate_is_due(binary):
    with server(binary, tls_block(f'verify: true\nca_file: "{CERTIFICATE}.pem"')) as process:
        peer = Peer(process.port())
        equal(peer.info(), {"tls_required": True, "tls_verify": True})
        try:
            heard = peer.secure().talks()  # of TLS 1.3 the client hears of it only now
        except ssl.SSLError:
            heard = None
        equal(heard, None)
        process.wait_log("TLS handshake error")


def one_too_many(binary):
    with server(binary, "max_connections: 0\n" + tls_block()) as process:
        peer = Peer(process.port())
        equal(peer.info(), {"tls_required": True})
        equal(peer.line(), "-ERR 'maximum connections exceeded'")
        equal(peer.line(), None)


def auth_after_tls(binary):
    config = "authorization { user: a, password: b, timeout: 0.5 }\n" + tls_block("timeout: 5")
    with server(binary, config) as process:
        peer = Peer(process.port())
        equal(peer.info(), {"tls_required": True, "auth_required": True})
        peer.secure()
        equal(peer.line(), "-ERR 'Authentication Timeout'")


def websocket(binary):
    block = 'websocket { listen: "127.0.0.1:-1"\n' + tls_block() + "}\n"
    with server(binary, block) as process:
        port = int(process.wait_log(r"Listening for websocket clients on wss://\S*:(\d+)")[1])
        peer = Peer(port).secure()
        peer.socket.sendall(UPGRADE)
        equal(peer.line(), "HTTP/1.1 101 Switching Protocols")
        while not (line := peer.line()) or "INFO" not in line:
            check(line is not None)
        said = json.loads(line[line.index("{"):])
        equal((said["tls_required"], said["tls_available"]), (True, True))
        plain = Peer(port)
        plain.socket.sendall(UPGRADE)
        equal(plain.line(), "HTTP/1.0 400 Bad Request")


def https(binary):
    config = f'listen: "127.0.0.1:-1"\nhttps: "127.0.0.1:-1"\n{tls_block()}'
    with ServerProcess(binary, config=config) as process:
        port = int(process.ready().wait_log(r"Starting https monitor on \S*:(\d+)")[1])
        peer = Peer(port).secure()
        peer.send("GET /healthz HTTP/1.0\r\n")
        equal(peer.line(), "HTTP/1.0 200 OK" if binary != PIPIT else "HTTP/1.1 200 OK")


# What 2.9 does not have, or has otherwise.
LATER = (first, first_or_after_a_wait, with_and_without, too_late, one_too_many, websocket)


# --- pipit's own

def loaded_anew():
    base = certificate("first")
    with server(PIPIT, tls_block("handshake_first: true", base)) as process:
        def shown():
            peer = socket.create_connection(("127.0.0.1", process.port()), timeout=PATIENCE_S)
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            return context.wrap_socket(peer).getpeercert(True)
        old = Peer(process.port()).secure(f"{base}.pem")
        old.info()
        before = shown()
        certificate("first")
        equal(shown(), before)
        process.send(signal.SIGHUP)
        process.wait_log(r"\[INF\] Reloaded server configuration\n")
        after = shown()
        check(after != before)
        equal(old.talks(), "PONG")  # who is connected stays so
        Path(f"{base}.key").write_text("no key")
        process.send(signal.SIGHUP)
        process.wait_log(r"\[ERR\] Failed to reload .*first\.key.*Nothing was changed\n")
        equal(shown(), after)
        certificate("first")
        process.config.write_text(process.config.read_text() + "\nhttp: 1\n")
        process.send(signal.SIGHUP)
        process.wait_log(r"\[ERR\] Failed to reload .* cannot change http_host, http_port\. Nothing was changed\n")
        equal(shown(), after)


def files_that_are_wrong():
    missing = ServerProcess(PIPIT, config=tls_block(base="/nowhere/x"), args=["-p", "-1"])
    tested = ServerProcess(PIPIT, config=tls_block(base="/nowhere/x"), args=["-t"])
    for process in (missing, tested):
        with process:
            code, text = process.end()
            equal(code, 1)
            check("/nowhere/x.pem" in text, text)


def flags():
    args = ["-a", "127.0.0.1", "-p", "-1", "--tls", "--tlscert", f"{CERTIFICATE}.pem",
            "--tlskey", f"{CERTIFICATE}.key"]
    with ServerProcess(PIPIT, args=args) as process:
        peer = Peer(process.ready().port())
        peer.info()
        equal(peer.secure().talks(), "PONG")
    with ServerProcess(PIPIT, args=args[:5]) as process:
        code, text = process.end()
        equal(code, 1)
        check(re.search("certificate must be present", text), text)


def main():
    both = [
        ("TLS after INFO", after_info),
        ("TLS first", first),
        ("TLS first, or after a wait", first_or_after_a_wait),
        ("with and without TLS on one port", with_and_without),
        ("a handshake that comes too late", too_late),
        ("a client without TLS", no_tls_at_all),
        ("a client without the certificate that is due", a_certificate_is_due),
        ("a client too many is told so in the clear", one_too_many),
        ("the time for CONNECT begins behind the handshake", auth_after_tls),
        ("wss", websocket),
        ("https", https),
    ]
    cases = [(f"{name}, pipit", lambda case=case: case(PIPIT)) for name, case in both]
    old = "v2.9." in subprocess.run([GENUINE, "-v"], capture_output=True, text=True,
                                    check=True).stdout if GENUINE else True
    for name, case in both:
        if GENUINE and not (old and case in LATER):
            cases.append((f"{name}, genuine", lambda case=case: case(GENUINE)))
    tap(cases + [("certificates are loaded anew on SIGHUP, or nothing is", loaded_anew),
                 ("files that are wrong are named", files_that_are_wrong),
                 ("flags", flags)])


main()
