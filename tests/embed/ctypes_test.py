#!/usr/bin/env python3
"""The C interface from another language: Python's ctypes against the shared library. Proves that its
layout and calls are as pipit/pipit.h says, from a caller that has only that and a file to load.

    ctypes_test.py LIBPIPIT
"""
import ctypes
import select
import sys
from ctypes import (CFUNCTYPE, POINTER, Structure, byref, c_char, c_char_p, c_int, c_int32, c_int64,
                    c_size_t, c_uint16, c_uint32, c_uint64, c_void_p)

ABI = 1
OK, INVALID_ARGUMENT, INVALID_CONFIG, NOT_BUILT, CLOSED = 0, 1, 2, 3, 6
PATIENCE_MS = 20_000
TEXTS = []  # what Strs point to has to live as long as they do


class Str(Structure):
    _fields_ = [("data", c_void_p), ("len", c_size_t)]

    @classmethod
    def of(cls, text):
        text = text.encode() if isinstance(text, str) else text
        TEXTS.append(text)
        return cls(ctypes.cast(c_char_p(text), c_void_p), len(text))

    def bytes(self):
        return ctypes.string_at(self.data, self.len) if self.len else b""


class Error(Structure):
    _fields_ = [("code", c_uint16), ("sys_errno", c_int32), ("text", c_char * 500)]


class Msg(Structure):
    _fields_ = [("subject", Str), ("reply", Str), ("headers", Str), ("payload", Str), ("own", c_void_p)]


class Event(Structure):
    _fields_ = [("kind", c_int), ("cid", c_uint64), ("transport", Str), ("host", Str),
                ("port", c_uint16), ("name", Str), ("user", Str), ("reason", Str)]


RELEASE = CFUNCTYPE(None, c_void_p)
ON_MSG = CFUNCTYPE(None, c_void_p, POINTER(Msg))
ON_REPLY = CFUNCTYPE(None, c_void_p, c_int, POINTER(Msg))
ON_LOG = CFUNCTYPE(None, c_void_p, c_int, Str)
ON_EVENT = CFUNCTYPE(None, c_void_p, POINTER(Event))
NO_RELEASE = RELEASE()


class Hooks(Structure):
    _fields_ = [("caller_driven", c_int), ("loop", c_void_p),
                ("on_log", ON_LOG), ("log_ctx", c_void_p), ("log_release", RELEASE),
                ("on_event", ON_EVENT), ("event_ctx", c_void_p), ("event_release", RELEASE)]


class ClientOptions(Structure):
    _fields_ = [("name", Str), ("user", Str), ("password", Str), ("token", Str), ("no_echo", c_int)]


def load(path):
    lib = ctypes.CDLL(path)
    handle, out, err = c_void_p, POINTER(c_void_p), POINTER(Error)
    for name, result, *arguments in (
            ("pipit_abi", c_uint32),
            ("pipit_config_check", c_int, Str, err),
            ("pipit_server_open", c_int, c_uint32, Str, POINTER(Hooks), out, err),
            ("pipit_server_start", c_int, handle, err),
            ("pipit_server_stop", c_int, handle, err),
            ("pipit_server_close", None, handle),
            ("pipit_server_client_port", c_uint16, handle),
            ("pipit_server_fd", c_int, handle),
            ("pipit_server_timeout", c_int64, handle),
            ("pipit_server_poll", c_int, handle, err),
            ("pipit_connect", c_int, handle, POINTER(ClientOptions), out, err),
            ("pipit_client_close", None, handle),
            ("pipit_publish", c_int, handle, Str, Str, Str, err),
            ("pipit_publish_msg", c_int, handle, POINTER(Msg), RELEASE, c_void_p, err),
            ("pipit_respond", c_int, handle, POINTER(Msg), Str, err),
            ("pipit_subscribe", c_int, handle, Str, Str, ON_MSG, c_void_p, RELEASE, out, err),
            ("pipit_sub_close", None, handle),
            ("pipit_request", c_int, handle, POINTER(Msg), c_int64, ON_REPLY, c_void_p, RELEASE, err),
            ("pipit_request_wait", c_int, handle, POINTER(Msg), c_int64, out, err),
            ("pipit_kept_msg", POINTER(Msg), handle),
            ("pipit_kept_free", None, handle),
            ("pipit_flush", c_int, handle, c_int64, err)):
        function = getattr(lib, name)
        function.restype, function.argtypes = result, arguments
    return lib


class Failed(Exception):
    def __init__(self, error):
        super().__init__(error.text.decode())
        self.code = error.code


def call(function, *arguments):
    error = Error()
    if function(*arguments, byref(error)) != 0:
        raise Failed(error)


def made(function, *arguments):
    """What `function` puts in its place for the result."""
    out = c_void_p()
    call(function, *arguments, byref(out))
    return out


CONFIG = "host: 127.0.0.1\nport: -1\n"


def on_own_threads(lib):
    """a server on its own threads, a client that answers and one that asks"""
    lines, released, events = [], [], []
    hooks = Hooks(on_log=ON_LOG(lambda _, level, line: lines.append(line.bytes())),
                  log_release=RELEASE(lambda _: released.append("log")),
                  on_event=ON_EVENT(lambda _, event: events.append(
                      (event.contents.kind, event.contents.name.bytes()))),
                  event_release=RELEASE(lambda _: released.append("event")))
    server = made(lib.pipit_server_open, ABI, Str.of(CONFIG + "debug: true\n"), byref(hooks))
    assert lib.pipit_server_client_port(server) > 0
    call(lib.pipit_server_start, server)
    service = made(lib.pipit_connect, server, byref(ClientOptions(name=Str.of("service"))))
    asker = made(lib.pipit_connect, server, None)
    heard = []

    def answer(_, msg):
        heard.append(msg.contents.payload.bytes())
        call(lib.pipit_respond, service, msg, Str.of("you said " + heard[-1].decode()))
    callback = ON_MSG(answer)
    on_release = RELEASE(lambda _: released.append("sub"))
    sub = made(lib.pipit_subscribe, service, Str.of("ask"), Str.of("q"), callback, None, on_release)
    call(lib.pipit_flush, service, PATIENCE_MS)
    for n in range(50):
        kept = made(lib.pipit_request_wait, asker,
                    byref(Msg(subject=Str.of("ask"), payload=Str.of(f"n{n}"))), PATIENCE_MS)
        reply = lib.pipit_kept_msg(kept).contents
        assert reply.payload.bytes() == f"you said n{n}".encode(), reply.payload.bytes()
        lib.pipit_kept_free(kept)
    assert len(heard) == 50
    lib.pipit_sub_close(sub)
    lib.pipit_client_close(service)
    call(lib.pipit_server_stop, server)
    try:
        call(lib.pipit_publish, asker, Str.of("a"), Str(), Str())
        raise AssertionError("a stopped server took a message")
    except Failed as failed:
        assert failed.code == CLOSED and str(failed).startswith("pipit_publish: "), failed
    lib.pipit_client_close(asker)
    lib.pipit_server_close(server)
    assert sorted(released) == ["event", "log", "sub"], released
    assert (0, b"service") in events and any(kind == 3 for kind, _ in events), events
    assert any(b"Client connection" in line for line in lines), lines


def driven_by_the_caller(lib):
    """a server that this thread turns, and 64 KiB handed over"""
    server = made(lib.pipit_server_open, ABI, Str.of(CONFIG), byref(Hooks(caller_driven=1)))
    call(lib.pipit_server_start, server)
    client = made(lib.pipit_connect, server, None)
    payload = bytes(range(256)) * 256
    address = ctypes.cast(c_char_p(payload), c_void_p).value
    seen, released, replies = [], [], []
    callback = ON_MSG(lambda _, msg: seen.append(
        (msg.contents.payload.data == address, msg.contents.payload.bytes() == payload,
         msg.contents.headers.bytes())))
    sub = made(lib.pipit_subscribe, client, Str.of("big"), Str(), callback, None, NO_RELEASE)
    on_release = RELEASE(lambda _: released.append(1))
    message = Msg(subject=Str.of("big"), headers=Str.of("NATS/1.0\r\nA: b\r\n\r\n"),
                  payload=Str.of(payload))
    call(lib.pipit_publish_msg, client, byref(message), on_release, None)
    on_reply = ON_REPLY(lambda _, code, msg: replies.append(code))
    call(lib.pipit_request, client, byref(Msg(subject=Str.of("nobody"))), PATIENCE_MS, on_reply, None,
         NO_RELEASE)
    while not (seen and released and replies):
        timeout = lib.pipit_server_timeout(server)
        ready = select.poll()
        ready.register(lib.pipit_server_fd(server), select.POLLIN)
        ready.poll(PATIENCE_MS if timeout < 0 else min(timeout, PATIENCE_MS))
        call(lib.pipit_server_poll, server)
    assert seen == [(True, True, b"NATS/1.0\r\nA: b\r\n\r\n")], seen
    assert released == [1] and replies == [10], (released, replies)
    lib.pipit_sub_close(sub)
    lib.pipit_client_close(client)
    lib.pipit_server_close(server)


def wrong_use(lib):
    """another ABI, a wrong configuration and null handles are errors"""
    assert lib.pipit_abi() == ABI
    for code, function, *arguments in (
            (NOT_BUILT, lib.pipit_server_open, ABI + 1, Str(), None, byref(c_void_p())),
            (INVALID_CONFIG, lib.pipit_server_open, ABI, Str.of("port: x"), None, byref(c_void_p())),
            (INVALID_CONFIG, lib.pipit_config_check, Str.of("{")),
            (INVALID_ARGUMENT, lib.pipit_server_start, None),
            (INVALID_ARGUMENT, lib.pipit_publish, None, Str.of("a"), Str(), Str())):
        try:
            call(function, *arguments)
            raise AssertionError(f"{function.__name__} took it")
        except Failed as failed:
            assert failed.code == code, failed
            assert str(failed).startswith(function.__name__ + ": "), failed
    lib.pipit_server_close(None)


def main():
    lib = load(sys.argv[1])
    tests = (on_own_threads, driven_by_the_caller, wrong_use)
    print(f"1..{len(tests)}")
    for number, test in enumerate(tests, 1):
        try:
            test(lib)
            print(f"ok {number} - {test.__doc__}")
        except (AssertionError, Failed) as fault:
            print(f"not ok {number} - {test.__doc__}\n# {fault!r}")


main()
