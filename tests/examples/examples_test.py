#!/usr/bin/env python3
"""The example programs do what their first lines say, seen by a NATS client on a socket.

    examples_test.py HELLO_EMBED GAME_LOOP UV_HOST WEB_PORT PAGE
"""
import os
import re
import socket
import subprocess
import sys

PATIENCE_S = 30


class Program:
    """A running example whose first line names its port."""

    def __init__(self, *command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().strip()
        self.port = int(re.search(r":(\d+)/?$", self.url)[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def ends_with(self):
        """What it still prints; it ends by itself, and well."""
        rest, _ = self.process.communicate(timeout=PATIENCE_S)
        assert self.process.returncode == 0, f"exit status {self.process.returncode}"
        return rest


class Talk:
    def __init__(self, port, hello=""):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        self.heard = b""
        self.say(hello)

    def say(self, text):
        self.socket.sendall(text if isinstance(text, bytes) else text.encode())

    def hears(self, pattern):
        """Waits for it, forgets what came before."""
        while not (found := re.search(pattern.encode(), self.heard, re.DOTALL)):
            more = self.socket.recv(65536)
            assert more, f"the program hung up; before that: {self.heard!r}"
            self.heard += more
        self.heard = self.heard[found.end():]
        return found[0]


def connected(port):
    talk = Talk(port, 'CONNECT {"verbose":false}\r\nPING\r\n')
    talk.hears("PONG\r\n")
    return talk


def hello_embed(program):
    done = subprocess.run([program], capture_output=True, text=True, timeout=PATIENCE_S, check=True)
    assert done.stdout == "hello.world: from inside\n", done.stdout


def game_loop(program):
    with Program(program) as game:
        player = connected(game.port)
        player.say("SUB game.place.anna 1\r\nPUB player.anna.move 5\r\nright\r\n")
        player.hears("MSG game.place.anna 1 1\r\n1\r\n")
        player.say("PUB player.anna.move 4\r\nleft\r\nPUB player.anna.move 4\r\nleft\r\n")
        player.hears("MSG game.place.anna 1 2\r\n-1\r\n")
        player.say("PUB game.quit 0\r\n\r\n")
        assert game.ends_with() == "1 players\n"


def uv_host(program):
    with Program(program) as host:
        client = connected(host.port)
        client.say("SUB clock.tick 1\r\n")
        client.hears(r"MSG clock.tick 1 \d+\r\n\d+\r\n.*MSG clock.tick 1 \d+\r\n")
        client.say("SUB inbox 2\r\nPUB clock.stop inbox 0\r\n\r\n")
        client.hears("MSG inbox 2 8\r\ngood-bye\r\n")
        assert host.ends_with() == "stopped\n"


def frame(text):
    """A masked one, with a mask of zeros."""
    assert len(text) < 126
    return bytes([0x82, 0x80 | len(text), 0, 0, 0, 0]) + text.encode()


def web_port(program, page):
    def upgrade(origin):
        return Talk(web.port, "GET /nats HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\n"
                    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: %s\r\n\r\n" % (web.port, origin))

    with Program(program, "0", page) as web:
        served = Talk(web.port, "GET / HTTP/1.1\r\nHost: x\r\n\r\n").hears("200 OK.*</html>")
        assert open(page, "rb").read().strip() in served
        Talk(web.port, "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n").hears("404 Not Found")
        upgrade("http://elsewhere.example").hears("403 Forbidden")
        browser = upgrade(web.url.rstrip("/"))
        browser.hears("101 Switching Protocols.*INFO {")
        browser.say(frame('CONNECT {"verbose":false}\r\nSUB hello.program 1\r\nPING\r\n'))
        browser.hears("PONG\r\n")
        browser.say(frame("PUB hello.page 2\r\nhi\r\n"))
        browser.hears("MSG hello.program 1 20\r\nthe program heard hi\r\n")
        web.process.stdin.close()
        web.process.stdin = None
        assert web.ends_with() == ""


def main():
    hello, game, host, web, page = (os.path.abspath(argument) for argument in sys.argv[1:])
    steps = {"hello_embed hears itself": lambda: hello_embed(hello),
             "game_loop moves its players and quits": lambda: game_loop(game),
             "uv_host ticks, and stops when asked": lambda: uv_host(host),
             "web_port serves its page and NATS on one port": lambda: web_port(web, page)}
    print(f"1..{len(steps)}")
    for number, (title, step) in enumerate(steps.items(), 1):
        try:
            step()
        except (AssertionError, OSError, subprocess.SubprocessError) as fault:
            print(f"not ok {number} - {title}\n# {fault}")
        else:
            print(f"ok {number} - {title}")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
