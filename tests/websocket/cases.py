"""The 517 cases of the Autobahn test suite, by their ids: what each sends, and what has to come back.

Own words and own data. A case is a function of an open Wire; it raises Wrong. Where the suite takes
two outcomes (it calls one "non-strict"), only the strict one counts, but for cases about text that
is not UTF-8 when `late_utf8` says that the server judges a message at its end.
"""

import random
import struct

from wire import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Wrong, frame

CASES = {}  # id: Case


class Case:
    def __init__(self, run, offers=(), timeout=5.0):
        self.run, self.offers, self.timeout = run, offers, timeout


def case(name, **settings):
    def add(run):
        CASES[name] = Case(run, **settings)
        return run
    return add


class Pace:
    """How much of a long case is played."""

    def __init__(self, fast=False, late_utf8=False):
        self.messages = 10 if fast else 1000
        self.most = 1 << 20 if fast else 1 << 30
        self.late_utf8 = late_utf8


def close_frame(code, why=b""):
    return frame(CLOSE, struct.pack(">H", code) + why)


def echoes(*frames, then, chop=None):
    """The frames bring back `then` and leave the connection in order."""
    def run(wire, _pace):
        wire.send(*frames, chop=chop)
        for opcode, payload in then:
            wire.expect(opcode, payload)
        wire.good_bye()
    return run


def fails(*frames, code=1002, then=(), chop=None):
    """The frames bring back `then`, and the server closes with `code`."""
    def run(wire, _pace):
        wire.send(*frames, chop=chop)
        for opcode, payload in then:
            wire.expect(opcode, payload)
        wire.expect_close(code)
    return run


# 1: messages of all sizes.

for kind, opcode, filler in ((1, TEXT, b"*"), (2, BINARY, b"\xfe")):
    for number, size in enumerate((0, 125, 126, 127, 128, 65535, 65536, 65536), 1):
        payload = filler * size
        CASES[f"1.{kind}.{number}"] = Case(echoes(frame(opcode, payload), then=[(opcode, payload)],
                                                  chop=997 if number == 8 else None))

# 2: pings and pongs.

ODD = b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff"
for number, payload, chop in ((1, b"", None), (2, b"Hello, world!", None), (3, ODD, None),
                              (4, b"\xfe" * 125, None), (6, b"\xfe" * 125, 1)):
    CASES[f"2.{number}"] = Case(echoes(frame(PING, payload), then=[(PONG, payload)], chop=chop))
CASES["2.5"] = Case(fails(frame(PING, b"\xfe" * 126)))
CASES["2.7"] = Case(echoes(frame(PONG), then=[]))
CASES["2.8"] = Case(echoes(frame(PONG, b"unsolicited"), then=[]))
CASES["2.9"] = Case(echoes(frame(PONG, b"unsolicited"), frame(PING, b"asked"),
                           then=[(PONG, b"asked")]))
TEN = [b"ping-%d" % i for i in range(10)]
for number, chop in ((10, None), (11, 1)):
    CASES[f"2.{number}"] = Case(echoes(*(frame(PING, text) for text in TEN),
                                       then=[(PONG, text) for text in TEN], chop=chop))

# 3: reserved bits. 4: reserved opcodes.

HELLO = (TEXT, b"Hello, world!")
CASES["3.1"] = Case(fails(frame(*HELLO, rsv=4)))
for number, rsv, chop in ((2, 2, None), (3, 3, 0), (4, 1, 1)):
    CASES[f"3.{number}"] = Case(fails(frame(*HELLO), frame(*HELLO, rsv=rsv), frame(PING),
                                      then=[HELLO], chop=chop))
CASES["3.5"] = Case(fails(frame(BINARY, b"\xff" * 8, rsv=5)))
CASES["3.6"] = Case(fails(frame(PING, b"Hello", rsv=6)))
CASES["3.7"] = Case(fails(frame(CLOSE, struct.pack(">H", 1000), rsv=7)))

for section, first in ((1, 3), (2, 11)):
    CASES[f"4.{section}.1"] = Case(fails(frame(first)))
    CASES[f"4.{section}.2"] = Case(fails(frame(first + 1, b"reserved opcode payload")))
    for number, payload, chop in ((3, b"", None), (4, b"reserved opcode payload", None),
                                  (5, b"reserved opcode payload", 1)):
        CASES[f"4.{section}.{number}"] = Case(
            fails(frame(*HELLO), frame(first + number - 1, payload), frame(PING), then=[HELLO],
                  chop=chop))

# 5: fragments.

CHOPS = (None, 0, 1)
ONE, TWO = b"fragment1", b"fragment2"
PAIR = (frame(TEXT, ONE, fin=False), frame(CONTINUATION, TWO))
CASES["5.1"] = Case(fails(frame(PING, ONE, fin=False), frame(CONTINUATION, TWO)))
CASES["5.2"] = Case(fails(frame(PONG, ONE, fin=False), frame(CONTINUATION, TWO)))
for offset, chop in enumerate(CHOPS):
    CASES[f"5.{3 + offset}"] = Case(echoes(*PAIR, then=[(TEXT, ONE + TWO)], chop=chop))
    CASES[f"5.{6 + offset}"] = Case(echoes(PAIR[0], frame(PING, b"between"), PAIR[1],
                                           then=[(PONG, b"between"), (TEXT, ONE + TWO)], chop=chop))
    for first, fin in ((9, True), (12, False)):
        CASES[f"5.{first + offset}"] = Case(
            fails(frame(CONTINUATION, b"nothing to continue", fin=fin), frame(*HELLO), chop=chop))
CASES["5.15"] = Case(fails(*PAIR, frame(CONTINUATION, b"fragment3", fin=False), frame(TEXT, b"4"),
                           then=[(TEXT, ONE + TWO)]))
for number, fin in ((16, False), (17, True)):
    CASES[f"5.{number}"] = Case(fails(*[frame(CONTINUATION, b"fragment0", fin=fin), *PAIR] * 2))
CASES["5.18"] = Case(fails(PAIR[0], frame(TEXT, TWO)))


def long_fragments(chop):
    def run(wire, _pace):
        parts = [b"fragment%d" % i for i in range(1, 6)]
        wire.send(frame(TEXT, parts[0], fin=False), frame(CONTINUATION, parts[1], fin=False),
                  frame(PING, b"ping 1"), chop=chop)
        wire.expect(PONG, b"ping 1")
        wire.send(frame(CONTINUATION, parts[2], fin=False),
                  frame(CONTINUATION, parts[3], fin=False), frame(PING, b"ping 2"),
                  frame(CONTINUATION, parts[4]), chop=chop)
        wire.expect(PONG, b"ping 2")
        wire.expect(TEXT, b"".join(parts))
        wire.good_bye()
    return run


CASES["5.19"] = Case(long_fragments(None))
CASES["5.20"] = Case(long_fragments(0))

# 6: UTF-8.

GREEK = "κ\u1f79σμε".encode()  # 11 bytes
MIXED = "Hello-µ@ßöäüàá-UTF-8!!".encode()
SURROGATE = GREEK + b"\xed\xa0\x80edited"


def in_fragments(payload, size, **outcome):
    parts = [payload[at:at + size] for at in range(0, len(payload), size)] or [b""]
    frames = [frame(CONTINUATION if i else TEXT, part, fin=i == len(parts) - 1)
              for i, part in enumerate(parts)]
    return fails(*frames, **outcome) if "code" in outcome else echoes(*frames, **outcome)


CASES["6.1.1"] = Case(echoes(frame(TEXT), then=[(TEXT, b"")]))
for number, middle in ((2, b""), (3, b"middle frame payload")):
    CASES[f"6.1.{number}"] = Case(echoes(
        frame(TEXT, fin=False), frame(CONTINUATION, middle, fin=False), frame(CONTINUATION),
        then=[(TEXT, middle)]))
CASES["6.2.1"] = Case(echoes(frame(TEXT, MIXED), then=[(TEXT, MIXED)]))
CASES["6.2.2"] = Case(in_fragments(MIXED, 12, then=[(TEXT, MIXED)]))
CASES["6.2.3"] = Case(in_fragments(MIXED, 1, then=[(TEXT, MIXED)]))
CASES["6.2.4"] = Case(in_fragments(GREEK, 1, then=[(TEXT, GREEK)]))
CASES["6.3.1"] = Case(fails(frame(TEXT, SURROGATE), code=1007))
CASES["6.3.2"] = Case(in_fragments(SURROGATE, 1, code=1007))


def judged_early(cut, fragments):
    """Text goes wrong at byte 12: the server does not wait for the rest of it."""
    def run(wire, pace):
        text = GREEK + b"\xf4\x90\x80\x80edited"
        if fragments:
            parts = (frame(TEXT, text[:cut[0]], fin=False),
                     frame(CONTINUATION, text[cut[0]:cut[1]], fin=False),
                     frame(CONTINUATION, text[cut[1]:]))
        else:
            whole = frame(TEXT, text)
            head = len(whole) - len(text)
            parts = whole[:head + cut[0]], whole[head + cut[0]:head + cut[1]], whole[head + cut[1]:]
        wire.send(parts[0])
        wire.send(parts[1])
        if pace.late_utf8:
            wire.send(parts[2])
        wire.expect_close(1007)
    return run


CASES["6.4.1"] = Case(judged_early((11, 15), fragments=True))
CASES["6.4.2"] = Case(judged_early((12, 13), fragments=True))
CASES["6.4.3"] = Case(judged_early((11, 15), fragments=False))
CASES["6.4.4"] = Case(judged_early((12, 13), fragments=False))

# After Markus Kuhn's list of what decoders stumble over.
STUMPS = (b"\xc0", b"\xe0\x80", b"\xf0\x80\x80", b"\xf8\x80\x80\x80", b"\xfc\x80\x80\x80\x80",
          b"\xdf", b"\xef\xbf", b"\xf7\xbf\xbf", b"\xfb\xbf\xbf\xbf", b"\xfd\xbf\xbf\xbf\xbf")
SURROGATES = [b"\xed" + bytes([high, low]) for high, low in
              ((0xa0, 0x80), (0xad, 0xbf), (0xae, 0x80), (0xaf, 0xbf), (0xb0, 0x80), (0xbe, 0x80),
               (0xbf, 0xbf))]
NON_CHARACTERS = [chr(plane << 16 | last).encode() for plane in range(17) for last in (0xfffe, 0xffff)]
TEXTS = (
    [b"hello$world", "hello¢world".encode(), "hello€world".encode(), b"hello\xf0\xa4\xad\xa2world",
     GREEK],
    [GREEK[:size] for size in range(1, len(GREEK) + 1)],
    [b"\0", b"\xc2\x80", b"\xe0\xa0\x80", b"\xf0\x90\x80\x80"],
    [b"\xf8\x88\x80\x80\x80", b"\xfc\x84\x80\x80\x80\x80"],
    [b"\x7f", b"\xdf\xbf", b"\xef\xbf\xbf", b"\xf4\x8f\xbf\xbf"],
    [b"\xf7\xbf\xbf\xbf", b"\xfb\xbf\xbf\xbf\xbf", b"\xfd\xbf\xbf\xbf\xbf\xbf"],
    [b"\xed\x9f\xbf", b"\xee\x80\x80", b"\xef\xbf\xbd", b"\xf4\x8f\xbf\xbf", b"\xf4\x90\x80\x80"],
    [b"\x80", b"\xbf", *((b"\x80\xbf" * 3)[:size] for size in range(2, 7)), bytes(range(0x80, 0xbf))],
    [b" ".join(bytes([byte]) for byte in range(*starts)) + b" " for starts in
     ((0xc0, 0xdf), (0xe0, 0xef), (0xf0, 0xf7), (0xf8, 0xfb), (0xfc, 0xfd))],
    STUMPS,
    [b"".join(STUMPS)],
    [b"\xfe", b"\xff", b"\xfe\xfe\xff\xff"],
    [b"\xc0\xaf", b"\xe0\x80\xaf", b"\xf0\x80\x80\xaf", b"\xf8\x80\x80\x80\xaf",
     b"\xfc\x80\x80\x80\x80\xaf"],
    [b"\xc1\xbf", b"\xe0\x9f\xbf", b"\xf0\x8f\xbf\xbf", b"\xf8\x87\xbf\xbf\xbf",
     b"\xfc\x83\xbf\xbf\xbf\xbf"],
    [b"\xc0\x80", b"\xe0\x80\x80", b"\xf0\x80\x80\x80", b"\xf8\x80\x80\x80\x80",
     b"\xfc\x80\x80\x80\x80\x80"],
    SURROGATES,
    [SURROGATES[i] + low for i in range(4) for low in (b"\xed\xb0\x80", b"\xed\xbf\xbf")],
    NON_CHARACTERS,
    [chr(point).encode() for point in range(0xfff9, 0x10000)],
)


def valid(payload):
    try:
        payload.decode()
    except UnicodeDecodeError:
        return False
    return True


for section, texts in enumerate(TEXTS, 5):
    for number, text in enumerate(texts, 1):
        CASES[f"6.{section}.{number}"] = Case(
            echoes(frame(TEXT, text), then=[(TEXT, text)]) if valid(text)
            else fails(frame(TEXT, text), code=1007))

# 7: closing.


def closes(*frames, codes=(1000,), then=()):
    def run(wire, _pace):
        wire.send(*frames)
        for opcode, payload in then:
            wire.expect(opcode, payload)
        wire.expect_close(*codes)
    return run


BYE = close_frame(1000)
CASES["7.1.1"] = Case(closes(frame(*HELLO), BYE, then=[HELLO]))
CASES["7.1.2"] = Case(closes(BYE, BYE))
CASES["7.1.3"] = Case(closes(BYE, frame(PING)))
CASES["7.1.4"] = Case(closes(BYE, frame(*HELLO)))
CASES["7.1.5"] = Case(closes(PAIR[0], BYE, PAIR[1]))


@case("7.1.6")
def close_behind_a_long_message(wire, _pace):
    long = b"BAsd7&jh23" * 26214 + b"BAsd"
    wire.send(frame(TEXT, long), frame(*HELLO), BYE, frame(PING))
    # Whether the echoes come before the answer to the close is the server's own affair.
    for opcode, payload in ((TEXT, long), HELLO):
        if wire.buffer[:1] == b"\x88" or (not wire.buffer and wire.fill() and wire.buffer[0] == 0x88):
            break
        wire.expect(opcode, payload)
    wire.expect_close(1000)


CASES["7.3.1"] = Case(closes(frame(CLOSE), codes=(None, 1000)))
CASES["7.3.2"] = Case(closes(frame(CLOSE, b"a"), codes=(1002,)))
CASES["7.3.3"] = Case(closes(BYE))
CASES["7.3.4"] = Case(closes(close_frame(1000, b"Hello World!")))
CASES["7.3.5"] = Case(closes(close_frame(1000, b"*" * 123)))
CASES["7.3.6"] = Case(closes(close_frame(1000, b"*" * 124), codes=(1002,)))
CASES["7.5.1"] = Case(closes(close_frame(1000, SURROGATE), codes=(1007,)))
for number, code in enumerate((1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999,
                               4000, 4999), 1):
    CASES[f"7.7.{number}"] = Case(closes(close_frame(code), codes=(code, 1000)))
for number, code in enumerate((0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999), 1):
    CASES[f"7.9.{number}"] = Case(closes(close_frame(code), codes=(1002,)))
# RFC 6455 says nothing of these: an end in order is all that can be asked for.
for number, code in ((1, 5000), (2, 65535)):
    CASES[f"7.13.{number}"] = Case(closes(close_frame(code), codes=(1000, 1002, code)))

# 9: large messages, many fragments, small pieces, many messages. 10: one more of them.

KB, MB = 1 << 10, 1 << 20


def large(opcode, size, pieces=0, chop=None):
    def run(wire, pace):
        payload = (b"*" if opcode == TEXT else b"\xfe") * min(size, pace.most)
        wire.message(opcode, payload, pieces, chop)
        wire.expect(opcode, payload)
        wire.good_bye()
    return Case(run, timeout=100.0)


def many(opcode, size):
    def run(wire, pace):
        payload = (b"*" if opcode == TEXT else b"\xfe") * size
        for _ in range(pace.messages):
            wire.message(opcode, payload)
            wire.expect(opcode, payload)
        wire.good_bye()
    return Case(run, timeout=60.0)


for offset, opcode in enumerate((TEXT, BINARY)):
    for number, size in enumerate((64 * KB, 256 * KB, MB, 4 * MB, 8 * MB, 16 * MB), 1):
        CASES[f"9.{1 + offset}.{number}"] = large(opcode, size)
    for number, pieces in enumerate((64, 256, KB, 4 * KB, 16 * KB, 64 * KB, 256 * KB, MB, 4 * MB), 1):
        CASES[f"9.{3 + offset}.{number}"] = large(opcode, 4 * MB, pieces=pieces)
    for number, chop in enumerate((64, 128, 256, 512, KB, 2 * KB), 1):
        CASES[f"9.{5 + offset}.{number}"] = large(opcode, MB, chop=chop)
    for number, size in enumerate((0, 16, 64, 256, KB, 4 * KB), 1):
        CASES[f"9.{7 + offset}.{number}"] = many(opcode, size)
CASES["10.1.1"] = large(TEXT, 64 * KB, pieces=1300)

# 12: compressed messages of five kinds of data. 13: JSON, by seven offers.


def prose(dice):
    syllables = "ba do fen gra hil jo kem lu mar nost pi quer ra sul tov un wi xa yst ze".split()
    words = ["".join(dice.choices(syllables, k=dice.randint(1, 4))) for _ in range(900)]
    return " ".join(dice.choices(words, weights=[1 / (i + 1) for i in range(900)], k=40000)).encode()


def picture(dice):
    return bytes((x * y // 512 + x // 3 + dice.randint(0, 7)) & 255
                 for y in range(512) for x in range(512))


def dense(dice):
    return b"".join(b"%d 0 obj <</Length 4000>> stream\n" % i + dice.randbytes(4000)
                    for i in range(60))


def records(dice):
    return b",\n".join(b'{"id": %d, "name": "item-%d", "price": %.2f, "tags": ["a", "b%d"]}' %
                       (i, dice.randint(0, 9999), dice.random() * 100, i % 7) for i in range(4000))


def page(dice):
    return b"\n".join(b'<tr class="row%d"><td>%d</td><td><a href="/x/%d">more</a></td></tr>' %
                      (i % 2, i, dice.randint(0, 99999)) for i in range(4000))


SHAPES = ([(size, 0) for size in (16, 64, 256, KB, 4 * KB, 8 * KB, 16 * KB, 32 * KB, 64 * KB, 128 * KB)]
          + [(size, 256) for size in (8 * KB, 16 * KB, 32 * KB, 64 * KB, 128 * KB)]
          + [(128 * KB, pieces) for pieces in (KB, 4 * KB, 32 * KB)])


def compressed(opcode, data, size, pieces, offers):
    def run(wire, pace):
        if wire.deflate is None:
            raise Wrong("compression was not agreed to")
        at = 0
        for _ in range(pace.messages):
            payload = (data * (size // len(data) + 2))[at:at + size]
            at = (at + size) % len(data)
            wire.message(opcode, payload, pieces)
            wire.expect(opcode, payload)
        wire.good_bye()
    return Case(run, offers=offers, timeout=60.0)


BITS = "server_max_window_bits"
FRESH = {"server_no_context_takeover": None}
ANY = {"client_no_context_takeover": None, "client_max_window_bits": None}
OFFERS = ([ANY], [ANY | FRESH], [ANY | {BITS: 9}], [ANY | {BITS: 15}], [ANY | FRESH | {BITS: 9}],
          [ANY | FRESH | {BITS: 15}], [ANY | FRESH | {BITS: 9}, ANY | FRESH, ANY])
KINDS = ((BINARY, prose), (BINARY, picture), (BINARY, dense), (TEXT, records), (TEXT, page))
for section, (opcode, make) in enumerate(KINDS, 1):
    data = make(random.Random(section))
    for number, shape in enumerate(SHAPES, 1):
        CASES[f"12.{section}.{number}"] = compressed(opcode, data, *shape, OFFERS[0])
        if make is records:
            for by, offers in enumerate(OFFERS, 1):
                CASES[f"13.{by}.{number}"] = compressed(opcode, data, *shape, offers)

assert len(CASES) == 517, len(CASES)
