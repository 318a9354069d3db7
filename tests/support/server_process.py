"""A nats-server or pipit binary started for one test, in a folder of its own, on ports of the kernel's
choice, and certainly gone at the end; and clients that speak to it. Everything waits for what it waits
for, until a deadline that is an error.
"""
import http.client
import json
import os
import re
import selectors
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

PATIENCE_S = 20


class Missing(AssertionError):
    """What was waited for did not come."""


def genuine_server():
    """$NATS_SERVER, else nats-server on the PATH, else None."""
    return os.environ.get("NATS_SERVER") or shutil.which("nats-server")


def tap(cases):
    """Runs (name, callable) pairs and reports in TAP; a case fails by raising."""
    print(f"1..{len(cases)}", flush=True)
    for number, (name, case) in enumerate(cases, 1):
        try:
            case()
            print("ok", number, "-", name, flush=True)
        except Exception as error:  # pylint: disable=broad-except
            trace = error.__traceback__
            lines = []
            while trace:
                lines.append(f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}")
                trace = trace.tb_next
            print("not ok", number, "-", name)
            for line in f"{type(error).__name__} at {', '.join(lines)}: {error}".splitlines():
                print("#", line, flush=True)


def wait_until(probe):
    """For files, which tell nobody that they have changed: looks until the deadline."""
    deadline = time.monotonic() + PATIENCE_S
    while not probe():
        if time.monotonic() > deadline:
            raise Missing("it never came true")
        time.sleep(0.002)


class ServerProcess:
    """with ServerProcess(binary, config="...", args=[...]) as server: ..."""

    def __init__(self, binary, config=None, args=(), name=None, **popen):
        self.folder = Path(tempfile.mkdtemp(prefix="pipit-test-"))
        self._text = ""
        self.selector = selectors.DefaultSelector()
        try:
            program = str(binary)
            if name:
                program = str(self.folder / name)
                os.symlink(Path(binary).resolve(), program)
            command = [program, *map(str, args)]
            if config is not None:
                self.config = self.folder / "server.conf"
                self.config.write_text(config.replace("@DIR@", str(self.folder)))
                command += ["-c", str(self.config)]
            self._command, self._popen = command, popen
            self._launch()
        except BaseException:
            shutil.rmtree(self.folder)
            raise

    def _launch(self):
        # pylint: disable-next=consider-using-with
        self.process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, cwd=self.folder,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                        **self._popen)
        os.set_blocking(self.process.stderr.fileno(), False)
        self.selector.register(self.process.stderr, selectors.EVENT_READ)

    def launch(self):
        """Another process with the same command, folder and configuration, after the end of one."""
        self.selector.unregister(self.process.stderr)
        self.process.stderr.close()
        self._text = ""
        self._launch()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stderr.close()
        self.selector.close()
        shutil.rmtree(self.folder)

    @property
    def pid(self):
        return self.process.pid

    def wait_log(self, pattern, count=1):
        """Waits until stderr has `count` matches of `pattern` and returns the last one."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            found = list(re.finditer(pattern, self._text, re.MULTILINE))
            if len(found) >= count:
                return found[count - 1]
            left = deadline - time.monotonic()
            if left <= 0 or not self.selector.select(left):
                raise Missing(f"no {pattern!r} in:\n{self._text}")
            piece = self.process.stderr.read()
            if piece == b"":
                raise Missing(f"ended before {pattern!r}:\n{self._text}")
            self._text += (piece or b"").decode()

    def forget_log(self):
        """Reads what is on stderr, for servers that say more than a pipe holds."""
        while self.process.stderr.read(65536):
            pass

    def ready(self):
        self.wait_log(r"Server is ready\n")
        return self

    def port(self, what="client connections"):
        return int(self.wait_log(rf"Listening for {what} on \S*:(\d+)")[1])

    def monitor_port(self):
        return int(self.wait_log(r"Starting http monitor on \S*:(\d+)")[1])

    def send(self, number):
        self.process.send_signal(number)

    def end(self):
        """Waits for the end and returns (exit code, everything on stderr)."""
        deadline = time.monotonic() + PATIENCE_S
        while self.selector.select(max(deadline - time.monotonic(), 0)):
            piece = self.process.stderr.read()
            if piece == b"":
                break
            self._text += (piece or b"").decode()
        try:
            return self.process.wait(max(deadline - time.monotonic(), 0.1)), self._text
        except subprocess.TimeoutExpired:
            raise Missing(f"did not end:\n{self._text}") from None

    def stop(self, number=signal.SIGINT):
        self.send(number)
        return self.end()

    def get(self, path):
        """(status, headers, body) of a monitoring request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.monitor_port(),
                                                timeout=PATIENCE_S)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read().decode()
        finally:
            connection.close()

    def json(self, path):
        status, _, body = self.get(path)
        if status != 200:
            raise AssertionError(f"{path}: {status} {body}")
        return json.loads(body)


class Client:
    """One NATS connection, in lines."""

    def __init__(self, port, **connect):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        self._bytes = b""
        line = self.line()
        self.info = json.loads(line[5:]) if line and line.startswith("INFO ") else None
        if connect:
            options = {"verbose": False, "pedantic": False, "protocol": 1, **connect}
            self.send(f"CONNECT {json.dumps(options)}")

    def close(self):
        self.socket.close()

    def send(self, text):
        self.socket.sendall(text.encode() + b"\r\n")

    def line(self):
        """The next line; None when the server has closed the connection."""
        while b"\r\n" not in self._bytes:
            try:
                piece = self.socket.recv(65536)
            except ConnectionResetError:
                piece = b""
            if not piece:
                return None
            self._bytes += piece
        line, _, self._bytes = self._bytes.partition(b"\r\n")
        return line.decode()

    def expect(self, start):
        line = self.line()
        if line is None or not line.startswith(start):
            raise AssertionError(f"{line!r} instead of {start!r}")
        return line

    def flush(self):
        """PING and everything before its PONG."""
        self.send("PING")
        lines = []
        while (line := self.line()) != "PONG":
            if line is None:
                raise AssertionError(f"closed instead of PONG, after {lines}")
            lines.append(line)
        return lines
