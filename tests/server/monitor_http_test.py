#!/usr/bin/env python3
"""Proves that the monitoring port stands what may come in on it: slow, huge, broken and pipelined
requests, and more connections than it keeps; and that it goes on answering meanwhile.

    monitor_http_test.py PIPIT
"""
import json
import socket
import sys
from pathlib import Path

from tests.support.server_process import Client, PATIENCE_S, ServerProcess, tap

PIPIT = str(Path(sys.argv[1]).resolve())


def dial(server):
    return socket.create_connection(("127.0.0.1", server.monitor_port()), timeout=PATIENCE_S)


def rest(connection):
    """All that comes until the server closes."""
    text = b""
    try:
        while piece := connection.recv(65536):
            text += piece
    except ConnectionResetError:
        pass
    connection.close()
    return text.decode()


def ask(server, request):
    connection = dial(server)
    connection.sendall(request if isinstance(request, bytes) else request.encode())
    return rest(connection)


def status(answer):
    return answer.split("\r\n")[0]


def check(truth, *why):
    if not truth:
        raise AssertionError(" ".join(map(str, why)) or "not true")


def alive(server):
    check(server.json("/healthz") == {"status": "ok"})


def a_plain_request(server):
    head, _, body = ask(server, "GET /varz HTTP/1.1\r\nHost: x\r\n\r\n").partition("\r\n\r\n")
    check(status(head) == "HTTP/1.1 200 OK", head)
    check(f"\r\nContent-Length: {len(body.encode())}" in head, head)
    check("\r\nConnection: close" in head, head)
    check(json.loads(body)["version"] == "2.14.0")


def a_head_in_pieces(server):
    connection = dial(server)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n":
        connection.sendall(bytes([byte]))
    check(rest(connection).endswith('{"status":"ok"}'))


def heads_that_are_too_large(server):
    for request in ("GET /" + "x" * 9000 + " HTTP/1.1\r\n\r\n",
                    "GET / HTTP/1.1\r\nX: " + "x" * 9000 + "\r\n\r\n",
                    "GET / HTTP/1.1\r\n" + "X: y\r\n" * 2000 + "\r\n", "x" * 100_000):
        answer = status(ask(server, request))
        check(answer in ("HTTP/1.1 431 Request Header Fields Too Large", "HTTP/1.1 400 Bad Request", ""),
              answer, request[:40])
    alive(server)


def what_is_no_request(server):
    for request in ("\r\n\r\n", "GET\r\n\r\n", "GET /\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
                    "GET / HTTP/1.1\r\nno colon\r\n\r\n", "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n",
                    b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\r\n\r\n", b"\x00" * 20 + b"\r\n\r\n",
                    "INFO {}\r\n\r\n"):
        answer = status(ask(server, request))
        check(answer == "HTTP/1.1 400 Bad Request", answer, request)
    alive(server)


def pipelined_requests(server):
    answer = ask(server, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * 50)
    # The first is answered, and that the connection closes is said.
    check(answer.count("HTTP/1.1 200 OK") == 1 and "Connection: close" in answer, answer)


def a_body_that_nobody_wants(server):
    answer = ask(server, "POST /healthz HTTP/1.1\r\nContent-Length: 100000\r\n\r\n" + "x" * 1000)
    check(status(answer) == "HTTP/1.1 400 Bad Request", answer)


def a_head_only(server):
    head, _, body = ask(server, "HEAD /varz HTTP/1.1\r\nHost: x\r\n\r\n").partition("\r\n\r\n")
    check(status(head) == "HTTP/1.1 200 OK" and body == "", head, body)


def what_is_not_built(server):
    for path in ("/routez", "/gatewayz", "/leafz", "/accountz", "/accstatz", "/ipqueuesz",
                 "/raftz", "/stacksz", "/debug/vars", "/expvarz", "/profilez"):
        code, _, body = server.get(path)
        check(code == 501 and path in body, path, code, body)


def who_hangs_up(server):
    for sent in ("", "GET /va", "GET /connz?subs=detail&state=any HTTP/1.1\r\nHost: x\r\n\r\n"):
        for _ in range(20):
            connection = dial(server)
            connection.sendall(sent.encode())
            connection.close()
    alive(server)


def more_connections_than_it_keeps(server):
    idle = [dial(server) for _ in range(300)]
    alive(server)
    check(rest(idle[0]) == "")
    last = idle[-1]
    last.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    check(rest(last).endswith('{"status":"ok"}'))
    for connection in idle:
        connection.close()
    check(Client(server.port()).flush() is not None)


def a_long_answer_to_who_does_not_read(server):
    clients = [Client(server.port(), name=f"{i:0200}") for i in range(300)]
    for client in clients:
        client.flush()
    slow = dial(server)
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.sendall(b"GET /connz HTTP/1.1\r\nHost: x\r\n\r\n")
    alive(server)
    body = rest(slow).partition("\r\n\r\n")[2]
    check(len(json.loads(body)["connections"]) == 300)
    for client in clients:
        client.close()


CASES = [
    ("a plain request is answered and the connection closed", a_plain_request),
    ("a head may come byte by byte", a_head_in_pieces),
    ("a head that is too large is refused", heads_that_are_too_large),
    ("what is no request is refused", what_is_no_request),
    ("of pipelined requests the first is answered", pipelined_requests),
    ("a body is refused and not waited for", a_body_that_nobody_wants),
    ("HEAD gets no body", a_head_only),
    ("endpoints that are not built say so", what_is_not_built),
    ("who hangs up early harms nobody", who_hangs_up),
    ("a reader may be slow", a_long_answer_to_who_does_not_read),
]


def main():
    config = 'listen: "127.0.0.1:-1"\nhttp: "127.0.0.1:-1"\n'
    with ServerProcess(PIPIT, config=config).ready() as server:
        slow = []

        def start_slowly():
            for start in ("", "GET / HTT"):
                slow.append(dial(server))
                slow[-1].sendall(start.encode())

        def cut_off():
            for connection in slow:
                check(rest(connection) == "")
            code, log = server.stop()
            check(code == 0, code, log)

        tap([("a fresh request is answered however many wait",
              lambda: more_connections_than_it_keeps(server)),
             ("heads that do not come", start_slowly)]
            + [(name, lambda case=case: case(server)) for name, case in CASES]
            + [("are cut off in the end", cut_off)])


if __name__ == "__main__":
    main()
