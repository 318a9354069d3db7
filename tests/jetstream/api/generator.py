"""Random requests to JetStream, right and wrong: settings of streams, publishes with headers, reads,
deletes, purges, and JSON that is broken in every way. All of it follows from the seed.

Nothing here depends on time: what would expire, be sent later or be copied from elsewhere while the
test runs is left out, or points to where nothing is.
"""
import json
import random
from dataclasses import dataclass

from tests.support.nats_client import header_block

NAMES = ["S0", "S1", "S2", "S3", "a%sb", "Ünï"]
BAD_NAMES = ["", "..", "a.b", "a/b", "/", "../../x", "a\\b", "a*b", ">", "a b", "a\tb", "a\nb", "a\0b",
             "n" * 255, "n" * 256, "n" * 300, "."]
SUBJECTS = ["a", "b", "a.x", "a.y", "a.x.1", "b.x", "c", "S0", "S1", "in.x", "none.such"]
PATTERNS = ["a", "b", "a.*", "a.>", "*.x", "b.>", "c", "in.*", "S0", ">", "*", "", ".", "a.", ".a",
            "a..b", "a b", "a.*.>", "a.>.b", "a*", "$JS.API.>", "$JS.EVENT.none", "$JS.>", "$SYS.>",
            "$SYS.ACCOUNT.A.>", "$KV.b.>", "$JS", "s" * 300, "a.\0"]
HOUR_NS = 3_600_000_000_000


class Raw(str):
    """JSON text as it is."""


NUMBERS = [0, 0, 1, 1, 2, 3, 10, -1, -2, 2**31 - 1, 2**31, -2**31 - 1, 2**63 - 1, 2**63, -2**63,
           -2**63 - 1, 2**64 - 1, 2**64, Raw("1e308"), Raw("1e400"), Raw("1.5"), Raw("1e2"), Raw("-0"),
           Raw("01"), Raw("+1"), Raw("1."), Raw("NaN"), "1", None, True, [], {}]
SEQUENCES = [1, 1, 1, 2, 2, 3, 4, 5, 7, 20]
TIMES = ["2000-01-01T00:00:00Z", "2100-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "2000-01-01", "", 5,
         "2000-01-01T00:00:00+05:00", "2000-13-01T00:00:00Z", None]
BOOLEANS = [True, True, True, False, False, None, 1, "true"]

STREAM_SOURCE = [{"name": "nowhere"}, {"name": "nowhere", "opt_start_seq": 5}, {}, {"name": ""}, [], None,
                 {"name": "nowhere", "filter_subject": "a.*"}, {"name": "nowhere", "filter_subject": "a..b"},
                 {"name": "nowhere", "filter_subject": "a", "subject_transforms": [{"src": "a", "dest": "b"}]},
                 {"name": "nowhere", "subject_transforms": [{"src": "a.*", "dest": "b.{{wildcard(1)}}"}]},
                 {"name": "nowhere", "subject_transforms": [{"src": "a.*", "dest": "b.{{wildcard(2)}}"}]},
                 {"name": "nowhere", "subject_transforms": [{"src": "a.*", "dest": ""}, {"src": "a.x", "dest": ""}]},
                 {"name": "nowhere", "external": {"api": "$JS.far.API", "deliver": "d"}},
                 {"name": "nowhere", "external": {"api": "$JS.API", "deliver": "d"}},
                 {"name": "nowhere", "external": {"api": "x.>", "deliver": "d.*"}},
                 {"name": "a.b"}]
TRANSFORMS = [{"src": "a.*", "dest": "t.{{wildcard(1)}}"}, {"src": "in.*", "dest": "a.$1"},
              {"src": "a.>", "dest": "b.>"}, {"src": "", "dest": "t.>"}, {"src": ">", "dest": "t.>"},
              {"src": "a.*", "dest": "t.{{wildcard(2)}}"}, {"src": "a.*", "dest": "t.{{unknown(1)}}"},
              {"src": "a.*", "dest": "t.{{partition(4,1)}}"}, {"src": "a.*", "dest": "t.{{split(1,-)}}"},
              {"src": "*.*", "dest": "{{wildcard(2)}}.{{wildcard(1)}}"}, {"src": "a.*.*", "dest": "t.$1"},
              {"src": "a..b", "dest": "t"}, {"src": "a", "dest": "t..u"}, {"src": "a", "dest": "t.*"},
              {"src": "a.*", "dest": "t.{{left(1,1)}}"}, {"src": "a.*", "dest": "t.{{right(1,0)}}"},
              {"src": "a.*", "dest": "t.{{slicefromleft(1,1)}}"}, {"src": "a.x", "dest": "a.x"},
              {"src": "a.*", "dest": "t.{{ Wildcard( 1 ) }}"}, {"src": "a.*", "dest": "t.{{wildcard()}}"},
              {"src": "a.*", "dest": "t"}, {}, None, [], {"src": 5}, {"src": "a", "to": "b"}]

# The settings of a stream, and values for them, likely ones more than once.
SETTINGS = {
    "description": ["", "d", "Ü<&>\u2028\"\\", "x" * 4096, "x" * 4097, 5],
    "retention": ["limits", "limits", "interest", "workqueue", "x", "Limits", 1, None],
    "max_consumers": NUMBERS, "max_msgs": NUMBERS + [1, 2, 3, 5], "max_msgs_per_subject": NUMBERS + [1, 1, 2],
    "max_bytes": NUMBERS + [100, 200, 300, 1 << 20, 1 << 34, 1 << 50],
    "max_age": [0, HOUR_NS, 24 * HOUR_NS, 1, 99_999_999, -1, 2**63 - 1, 2**63, Raw("1e18"), "1h", None],
    "max_msg_size": NUMBERS + [5, 10, 200], "discard": ["old", "new", "new", "x", "", 1, None],
    "storage": ["file", "file", "memory", "x", None, 2], "num_replicas": [1, 0, 2, 3, 5, 6, -1, "1"],
    "no_ack": [False, False, False, False, None, 1, True],
    "duplicate_window": [0, HOUR_NS, 2 * HOUR_NS, 120_000_000_000, 1, 99_999_999, -1, 2**63 - 1, "2m", None],
    "placement": [{}, {"cluster": "c"}, {"tags": ["t"]}, {"preferred": "x"}, [], None],
    "mirror": STREAM_SOURCE, "sources": [[source] for source in STREAM_SOURCE] + [
        [], {}, None, [{"name": "nowhere"}, {"name": "nowhere"}],
        [{"name": "nowhere"}, {"name": "nowhere", "filter_subject": "a"}]],
    "compression": ["none", "s2", "s2", "S2", "zip", "", 1, None],
    "first_seq": [0, 1, 2, 10, 1000, -1, 2**63, 2**64 - 1, 2**64, "1"],
    "subject_transform": TRANSFORMS,
    "republish": [dict(transform, **more) if isinstance(transform, dict) else transform
                  for transform in TRANSFORMS for more in ({}, {"headers_only": True})],
    "allow_direct": BOOLEANS, "mirror_direct": [False, False, True, None], "sealed": [False, False, True, None],
    "discard_new_per_subject": BOOLEANS, "deny_delete": BOOLEANS, "deny_purge": BOOLEANS,
    "allow_rollup_hdrs": BOOLEANS + [True] * 4,
    "consumer_limits": [{}, {"max_ack_pending": 5}, {"inactive_threshold": HOUR_NS}, {"max_ack_pending": -2},
                        {"inactive_threshold": -1}, [], None],
    "allow_msg_ttl": BOOLEANS + [True] * 4,
    "subject_delete_marker_ttl": [0, HOUR_NS, 1, 999_999_999, 1_500_000_000, -1, None],
    "allow_msg_counter": [True, True, False, None], "allow_atomic": [True, True, True, False, None],
    "allow_msg_schedules": [True, True, False, None], "persist_mode": ["default", "async", "x", "", None, 1],
    "allow_batched": [True, False, None],
    "metadata": [{}, {"k": "v"}, {"": ""}, {"_nats.req.level": "9"}, {"k": "v" * 140_000}, {"k": 1}, [], None],
    "pedantic": [True, False, None], "template_owner": ["x", ""], "created": ["2000-01-01T00:00:00Z"],
    "unknown": [1], "Max_Msgs": [3], "SUBJECTS": [["a.>"]], "offset": [1],
}
OLD_PATTERNS = ["a", "b", "a.*", "a.>", "b.>", "c", "in.*", "S0"]  # of which it refuses none
# What nats-server 2.9 knows.
OLD_SETTINGS = {"description", "retention", "max_msgs", "max_msgs_per_subject", "max_bytes",
                "max_age", "max_msg_size", "discard", "storage", "no_ack", "duplicate_window",
                "allow_direct", "discard_new_per_subject", "deny_delete", "deny_purge", "allow_rollup_hdrs"}

HEADERS = [
    *[("Nats-Msg-Id", value) for value in ("i1", "i1", "i2", "i3", "", " i1 ")],
    *[("Nats-Expected-Stream", value) for value in ("S0", "S0", "S1", "x")],
    *[("Nats-Expected-Last-Sequence", value) for value in ("0", "1", "2", "3", "x", "-1", "", "1 ", "99999999999999999999")],
    *[("Nats-Expected-Last-Subject-Sequence", value) for value in ("0", "1", "2", "3", "x", "-1", "")],
    *[("Nats-Expected-Last-Subject-Sequence-Subject", value) for value in ("a", "a.x", "a.*", "a.>", "a..b", "")],
    *[("Nats-Expected-Last-Msg-Id", value) for value in ("i1", "i2", "")],
    *[("Nats-Rollup", value) for value in ("sub", "sub", "all", "all", "SUB", "x", "")],
    *[("Nats-TTL", value) for value in ("1h", "90m", "7200", "never", "0", "1ms", "-1", "x", "", "0s", "1h1ms", "99999999999999")],
    *[("Nats-Incr", value) for value in ("1", "+2", "-3", "0", "x", "", "1.5", "1" * 60, "--1", " 1")],
    ("Nats-Schedule", "@at 2100-01-01T00:00:00Z"), ("Nats-Schedule", "@every 1h"), ("Nats-Schedule", "@every 1ms"),
    ("Nats-Schedule", "0 0 0 1 1 *"), ("Nats-Schedule", "x"), ("Nats-Schedule-Target", "a"),
    ("Nats-Schedule-Target", "b.x"), ("Nats-Schedule-Target", "a.*"), ("Nats-Schedule-TTL", "1h"),
    ("Nats-Schedule-TTL", "x"), ("Nats-Schedule-Source", "a"), ("Nats-Schedule-Time-Zone", "Europe/Berlin"),
    ("Nats-Schedule-Time-Zone", "x"), ("Nats-Schedule-Rollup", "sub"), ("Nats-Schedule-Next", "purge"),
    *[("Nats-Batch-Id", value) for value in ("u1", "u1", "u2", "", "u" * 65)],
    *[("Nats-Batch-Sequence", value) for value in ("1", "1", "2", "2", "3", "0", "x")],
    *[("Nats-Batch-Commit", value) for value in ("1", "1", "eob", "x")],
    ("Nats-Required-Api-Level", "0"), ("Nats-Required-Api-Level", "99"), ("Nats-Required-Api-Level", "x"),
    ("nats-msg-id", "i1"), ("Orig-Nats-Msg-Id", "i1"), ("K", "v"), ("K", ""), ("Nats-Stream-Source", "x"),
    ("Nats-Request-Info", "x"), ("Nats-Sequence", "5"), ("Status", "100"),
]
OLD_HEADERS = ("Nats-Msg-Id", "Nats-Expected-Stream", "Nats-Expected-Last-Sequence",
               "Nats-Expected-Last-Subject-Sequence", "Nats-Expected-Last-Msg-Id", "Nats-Rollup", "K")
BLOCKS = [b"NATS/1.0\r\n\r\n", b"NATS/1.0 503\r\n\r\n", b"NATS/1.0 503 x\r\nK: v\r\n\r\n",
          b"NATS/1.0\r\nNats-Msg-Id:i1\r\n\r\n", b"NATS/1.0\r\nNats-Msg-Id:  i1  \r\n\r\n",
          b"NATS/1.0\r\nfoo\r\nNats-Msg-Id: i1\r\n\r\n", b"NATS/1.0\r\nNats-Msg-Id: i1\r\nNats-Msg-Id: i2\r\n\r\n",
          b"NATS/1.0\r\nK: v\r\n K2: v\r\n\r\n", b"NATS/1.0\r\n: v\r\n\r\n", b"NATS/1.0\r\nK\xff: \x00\r\n\r\n"]

OTHER_CALLS = ["STREAM.PEER.REMOVE.S0", "STREAM.LEADER.STEPDOWN.S0", "CONSUMER.LEADER.STEPDOWN.S0.c",
               "NONE.SUCH", "STREAM.NONE.S0", "STREAM.INFO", "STREAM.CREATE", "STREAM.INFO.S0.x", "STREAM", "INFO.x",
               "STREAM.TEMPLATE.CREATE.x"]


@dataclass
class Operation:
    subject: bytes
    headers: bytes = b""
    body: bytes = b""
    stream: str = ""     # that it is about, "" for none or many
    settings: tuple = ()  # named in the body of a create or update
    several: bool = False  # answers, up to one with a status

    def __str__(self):
        head = f" {self.headers!r}" if self.headers else ""
        body = self.body if len(self.body) < 2000 else self.body[:1000] + b"..." + self.body[-300:]
        return f"{self.subject!r}{head} {body!r}"


def dumps(value):
    """JSON in which Raw stands as it is, and NUL and the like are escaped."""
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key)}:{dumps(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(dumps, value)) + "]"
    return json.dumps(value)


class Generator:
    """old: only what nats-server 2.9 has too, and no mistakes that it words otherwise."""

    def __init__(self, seed, old=False):
        self.random = random.Random(seed)
        self.old = old
        self.configs = {}  # what was last sent for a name

    def _chance(self, percent):
        return self.random.random() * 100 < percent

    def _of(self, values):
        return self.random.choice(values)

    def next(self):
        kinds = [("create", 16), ("update", 8), ("publish", 36), ("info", 6), ("names", 4), ("purge", 6),
                 ("delete", 3), ("message_get", 7), ("message_delete", 5), ("direct_get", 7), ("account", 1),
                 ("other", 1)]
        kind = self.random.choices([name for name, _ in kinds], [weight for _, weight in kinds])[0]
        operation = getattr(self, "_" + kind)()
        if not self.old and operation.subject.startswith(b"$JS.API.") and self._chance(2):
            operation.headers = header_block([(b"Nats-Required-Api-Level", self._of(
                [b"0", b"1", b"99", b"x", b"-1", b""]))])
        return operation

    def _name(self):
        return self._of(BAD_NAMES) if not self.old and self._chance(4) else self._of(NAMES[:4 if self.old else 6])

    def _api(self, call, name, value=None, **more):
        """`value` is the body, or bytes of one; broken now and then."""
        body = value if isinstance(value, bytes) else b"" if value is None else dumps(value).encode()
        if not self.old and self._chance(6):
            body = self._broken(body)
        token = name.encode()
        if any(byte in token for byte in b" \t\r\n") or not token:
            token = b"S0"
        subject = b"$JS.API." + call.encode() + (b"." + token if name is not None else b"")
        return Operation(subject, b"", body, token.decode(), **more)

    def _broken(self, body):
        text = bytearray(body or b"{}")
        at = self.random.randrange(len(text) + 1)
        return self._of([
            lambda: bytes(text[:at]), lambda: bytes(text[:at] + self._of([b"\xff", b"\0", b",", b"{", b"\"", b" ", b"\n"]) + text[at:]),
            lambda: bytes(text) + self._of([b"x", b"{}", b" ", b"\n", b"]", b"\0"]), lambda: b" \t\r\n" + bytes(text),
            lambda: b"[" * self._of([3, 100, 9_990, 20_000]), lambda: b'{"a":' * self._of([3, 10_100]) + b"1",
            lambda: b"null", lambda: b"[]", lambda: b"true", lambda: b"5", lambda: b'"x"', lambda: b"",
            lambda: b"\xef\xbb\xbf" + bytes(text), lambda: b'{"seq":1,"seq":2}', lambda: b'{"SEQ":1}',
            lambda: b'{"unknown":' + self._of([b"1", b"{}", b"[[]]", b'"\\ud800"', b'"\\x"', b"1e999", b"nul"]) + b"}",
            lambda: b'{"s\\u0065q":1}', lambda: bytes(text).replace(b":", b" : ", 1), lambda: bytes(text).replace(b"}", b",}", 1),
            lambda: b'{"seq"}', lambda: b"{seq:1}", lambda: b"{'seq':1}", lambda: b"/* c */ {}",
        ])()

    def _config(self, name):
        config = {"name": name}
        if self._chance(90):
            patterns = OLD_PATTERNS if self.old or self._chance(80) else PATTERNS
            count = self._of([1, 1, 1, 2, 2, 3])
            config["subjects"] = (self.random.sample(patterns, count) if self.old else
                                  [self._of(patterns) for _ in range(count)])
        for setting in self.random.sample(sorted(SETTINGS), self._of([0, 1, 1, 2, 3, 4, 6])):
            if not self.old:
                config[setting] = self._of(SETTINGS[setting])
            elif setting in OLD_SETTINGS:
                config[setting] = self._sane(setting)
        if not self.old and self._chance(2):
            config["name"] = self._of([*BAD_NAMES, 5, None, "S1"])
        if not self.old and self._chance(1):
            config["subjects"] = self._of([None, "a", [5], {}, [None], [[]], ["a"] * 50])
        return config

    def _sane(self, setting):
        """One of the first, right values."""
        values = [value for value in SETTINGS[setting] if not isinstance(value, Raw)]
        kind = type(values[0])
        right = [value for value in values if isinstance(value, kind)]
        if kind is int:
            limit = 2**31 if setting in ("max_msg_size", "max_consumers") else 2**40
            return self._of([value for value in right if 0 <= value < limit and value is not True
                             or setting == "max_age" and value in (0, HOUR_NS)
                             ] if setting not in ("max_age", "duplicate_window") else [0, HOUR_NS])
        return self._of(right[:2]) if kind is str else self._of([True, False])

    def _create(self):
        name = self._name()
        if name in self.configs and self._chance(15):
            config = self.configs[name]
        else:
            config = self.configs[name] = self._config(name)
        return self._api("STREAM.CREATE", name, config, settings=tuple(config))

    def _update(self):
        name = self._name()
        config = dict(self.configs.get(name) or self._config(name))
        for setting, value in self._config(name).items():
            if self._chance(50):
                config[setting] = value
        if self._chance(30) and len(config) > 2:
            config.pop(self._of(sorted(config)[1:]))
        self.configs[name] = config
        return self._api("STREAM.UPDATE", name, config, settings=tuple(config))

    def _publish(self):
        headers = b""
        known = [pair for pair in HEADERS if pair[0] in OLD_HEADERS] if self.old else HEADERS
        if self._chance(40):
            pairs = self.random.sample(known, 1 if self.old else self._of([1, 1, 1, 2, 2, 3, 4]))
            if not self.old and self._chance(15):  # what belongs together
                pairs = [self._of([pair for pair in HEADERS if pair[0] == name]) for name in self._of([
                    ("Nats-Batch-Id", "Nats-Batch-Sequence", "Nats-Batch-Commit"),
                    ("Nats-Batch-Id", "Nats-Batch-Sequence"), ("Nats-Schedule", "Nats-Schedule-Target"),
                    ("Nats-Expected-Last-Subject-Sequence", "Nats-Expected-Last-Subject-Sequence-Subject")])]
            if self.old:
                pairs = [pair for pair in pairs if pair[1] not in ("", "x", "SUB", " i1 ", "1 ", "-1")]
            headers = header_block([(name.encode(), value.encode()) for name, value in pairs])
        elif not self.old and self._chance(3):
            headers = self._of(BLOCKS)
        body = self._of([b"", b"x", b"hello", b"y" * 100, b"z" * 300, b'{"val":"5"}', b"\0\xff"])
        return Operation(self._of(SUBJECTS).encode(), headers, body)

    def _info(self):
        options = {}
        if self._chance(30):
            options["deleted_details"] = self._of([True, True, False])
        if self._chance(30):
            options["subjects_filter"] = self._of(PATTERNS[:9] + [">", "*"]) if self.old else self._of(PATTERNS)
        if not self.old and self._chance(10):
            options[self._of(["offset", "x"])] = self._of(NUMBERS)
        return self._api("STREAM.INFO", self._name(), options if options or self._chance(20) else None)

    def _names(self):
        options = {}
        if self._chance(30):
            options["subject"] = self._of(PATTERNS[:9]) if self.old else self._of(PATTERNS)
        if not self.old and self._chance(30):
            options["offset"] = self._of(NUMBERS)
        operation = self._api(self._of(["STREAM.NAMES", "STREAM.LIST"]), "S0", options if options or self._chance(20) else None)
        operation.subject = operation.subject.rpartition(b".")[0]
        return operation

    def _purge(self):
        options = {}
        for key, values in (("seq", SEQUENCES), ("keep", [0, 1, 2, 5]), ("filter", PATTERNS[:9])):
            if self._chance(40):
                options[key] = self._of(values)
        if not self.old and options and self._chance(15):
            options[self._of(sorted(options))] = self._of(NUMBERS + PATTERNS)
        if self.old:
            options.pop("seq", None)  # 2.9 counts otherwise
        return self._api("STREAM.PURGE", self._name(), options if options or self._chance(30) else None)

    def _delete(self):
        body = None if self.old or self._chance(80) else self._of([{}, {"a": 1}, [], b"x"])
        return self._api("STREAM.DELETE", self._name(), body)

    def _message_get(self):
        return self._api("STREAM.MSG.GET", self._name(), self._selection(batches=False))

    def _selection(self, batches):
        choice = {}
        for key, values, percent in (("seq", SEQUENCES, 50), ("last_by_subj", PATTERNS[:9], 30),
                                     ("next_by_subj", PATTERNS[:9], 25), ("no_hdr", [True, False], 0 if self.old else 15),
                                     ("start_time", TIMES[:3], 0 if self.old else 8),
                                     ("batch", [1, 2, 10, 0, -1], 25 if batches else 2),
                                     ("max_bytes", [1, 100, 0, -1], 10 if batches else 1),
                                     ("multi_last", [["a.*"], [">"], ["a.x", "b.>"], [], [""], ["none"]], 15 if batches else 0),
                                     ("up_to_seq", SEQUENCES, 10 if batches else 0),
                                     ("up_to_time", TIMES[:3], 5 if batches else 0)):
            if self._chance(percent) and not (self.old and (key in ("batch", "max_bytes", "multi_last", "up_to_seq", "up_to_time") or choice and key != "next_by_subj")):
                choice[key] = self._of(values)
        if not self.old and choice and self._chance(10):
            choice[self._of(sorted(choice))] = self._of(NUMBERS + PATTERNS + TIMES)
        return choice if choice or self._chance(30) else None

    def _message_delete(self):
        body = {"seq": self._of(SEQUENCES)}
        if self._chance(30):
            body["no_erase"] = self._of([True, False])
        if not self.old and self._chance(15):
            body["seq"] = self._of(NUMBERS)
        return self._api("STREAM.MSG.DELETE", self._name(), body)

    def _direct_get(self):
        if self._chance(30):
            operation = self._api("DIRECT.GET", self._name(), None)
            operation.subject += b"." + self._of(SUBJECTS).encode()
            if not self.old and self._chance(20):
                operation.body = self._of([b'{"no_hdr":true}', b"{}", b"x", b'{"seq":1}'])
            return operation
        selection = self._selection(batches=True)
        several = isinstance(selection, dict) and ("batch" in selection or "multi_last" in selection)
        return self._api("DIRECT.GET", self._name(), selection, several=several)

    def _account(self):
        if self.old:
            return self._names()  # 2.9 counts bytes of streams that are gone
        operation = self._api("INFO", "S0", None if self._chance(70) else {"a": 1})
        operation.subject = b"$JS.API.INFO"
        return operation

    def _other(self):
        if self.old:
            return self._account()
        return Operation(b"$JS.API." + self._of(OTHER_CALLS).encode(), b"", self._of([b"", b"{}", b"x"]))
