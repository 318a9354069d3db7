"""One file of edge_cases/: a server with JetStream, requests, and the answers that have to come. The
form is described in edge_cases/README.md.
"""
import json
import re
import time
from dataclasses import dataclass, field

from tests.jetstream.api.normal import abbreviated, expanded, normal
from tests.support.nats_client import NatsClient, header_block
from tests.support.server_process import PATIENCE_S, ServerProcess

# Fields that nats-server 2.9 does not have; there they are not asked for.
NEWER = {"compression", "consumer_limits", "allow_msg_ttl", "metadata", "ts", "level", "cluster",
         "reserved_memory", "reserved_storage"}
NOT_BUILT = "not built yet"


@dataclass
class Step:
    line: int
    tag: str | None  # the version that alone takes this step
    verb: str
    rest: bytes
    answers: list = field(default_factory=list)  # (line number, tag, pattern)


def config(reactors, jetstream="", more=""):
    """A server whose streams live in the test's folder; `reactors` is for Pipit alone."""
    return "\n".join(['listen: "127.0.0.1:-1"', "server_name: edge",
                      f"reactors: {reactors}" if reactors else "",
                      'jetstream { store_dir: "@DIR@/store"', jetstream, "}", more, ""])


def unescape(text):
    r"""\r \n \t \\ \xHH, and ~fill:N:c for N times c."""
    named = {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"\\": b"\\"}
    text = re.sub(rb"~fill:(\d+):(.)", lambda found: found[2] * int(found[1]), text)
    return re.sub(rb"\\(x[0-9a-fA-F]{2}|[rnt\\])",
                  lambda found: named.get(found[1]) or bytes([int(found[1][1:], 16)]), text)


def escape(data):
    """Text as it is: JSON's own backslashes stay."""
    return "".join(chr(byte) if 32 <= byte < 127 else
                   {13: "\\r", 10: "\\n", 9: "\\t"}.get(byte, f"\\x{byte:02x}") for byte in data)


def shown(message, subject=False):
    """A message in one line: headers, if any, field by field, then two bars and the body."""
    text = abbreviated(escape(normal(message.data)))
    if message.headers:
        fields = [escape(normal(part)) for part in message.headers.rstrip(b"\r\n").split(b"\r\n")]
        text = " | ".join(fields) + (f" || {text}" if text else "")
    return f"{escape(normal(message.subject))} > {text}".rstrip() if subject else text.rstrip()


def inside(value, name):
    """The member of an object, or of an array the element with that number; None if there is none."""
    if isinstance(value, list):
        return value[int(name)] if int(name) < len(value) else None
    return (value or {}).get(name)


def without(fields, value):
    if isinstance(value, dict):
        return {key: without(fields, inner) for key, inner in value.items() if key not in fields}
    if isinstance(value, list):
        return [without(fields, inner) for inner in value]
    return value


def same(expected, got, old):
    if expected == got:
        return True
    try:
        return old and without(NEWER, json.loads(expanded(expected))) == without(
            NEWER, json.loads(expanded(got)))
    except ValueError:
        return False


class Conversation:
    """Requires: `path` is a file of edge_cases/. reactors: None for the genuine server."""

    def __init__(self, path, binary, reactors):
        self.path, self.binary, self.reactors = path, binary, reactors
        self.lines = path.read_text().splitlines()
        self.steps, self.jetstream, self.more = [], [], []
        self.only = self.needs = ""
        self.server = self.client = self.taken = self.time = None
        self.sid = 1
        self.settling = False
        for number, line in enumerate(self.lines):
            self._parse(number, line)

    def _parse(self, number, line):
        tag, line = re.fullmatch(r"(?:\[(2\.9|2\.14|pipit)\] )?(.*)", line).groups()
        verb, _, rest = line.partition(" ")
        if not line or verb == "#":
            return
        if verb == "only":
            self.only = rest
        elif verb == "needs":
            self.needs = rest
        elif verb == "jetstream|":
            self.jetstream.append(rest)
        elif verb == "|":
            self.more.append(rest)
        elif verb == "<":
            self.steps[-1].answers.append((number, tag, rest))
        else:
            self.steps.append(Step(number, tag, verb, rest.encode()))

    def play(self, record=False):
        """None when all held, else why it was not played."""
        text = config(self.reactors, "\n".join(self.jetstream), "\n".join(self.more))
        recorded = {}
        with ServerProcess(self.binary, config=text) as self.server:
            self._connect()
            self.old = self.client.info["version"].startswith("2.9.")
            if self.old and self.only:
                return self.only
            version = "2.9" if self.old else "2.14"
            try:
                for step in self.steps:
                    if step.tag not in (None, version):
                        continue
                    got = self._take(step, version)
                    if self.needs and any(NOT_BUILT in answer for answer in got):
                        return f"{self.needs}: {NOT_BUILT}"
                    if self._holds(step, version, got):
                        continue
                    if not record:
                        self._complain(step, version, got)
                    recorded[step.line] = got
            finally:
                self.client.close()
        if record:
            self._write(recorded)
        return None

    def _connect(self):
        self.port = self.server.ready().port()
        self.client = NatsClient(self.port)

    def _take(self, step, version):
        """What came. What the server does by itself is counted by Pipit's STREAM.INFO before it is on
        disk, and read after: questions behind an `await` are put until it is.
        """
        take = getattr(self, "do_" + step.verb.replace("-", "_"))
        deadline = time.monotonic() + PATIENCE_S
        got = take(step.rest)
        self.settling = step.verb == "await" or self.settling and step.verb in ("api", "ask", "asks")
        while (self.settling and self.reactors and not self._holds(step, version, got)
               and time.monotonic() < deadline):
            time.sleep(0.002)
            got = take(step.rest)
        return got

    @staticmethod
    def _wanted(step, *tags):
        return [(number, text) for number, tag, text in step.answers if tag in (None, *tags)]

    def _holds(self, step, version, got):
        wanted = [text for _, text in self._wanted(step, version)]
        ours = [text for _, tag, text in step.answers if tag == "pipit"]
        if ours and self.reactors and ours == got:
            return True
        return len(wanted) == len(got) and all(same(text, answer, self.old)
                                               for text, answer in zip(wanted, got))

    def _complain(self, step, version, got):
        wanted = "\n       ".join(text for _, text in self._wanted(step, version))
        received = "\n       ".join(got)
        raise AssertionError(f"{self.path.name}:{step.line + 1}: {step.verb} {step.rest.decode()}\n"
                             f"wanted {wanted}\ngot    {received}")

    def _write(self, recorded):
        """What was there becomes the other version's where this is 2.9, and is replaced otherwise."""
        version = "2.9" if self.old else "2.14"
        fate = {}  # of lines with answers: their new tag, or None to drop them
        tag_of_new = {}
        for step in self.steps:
            if step.line not in recorded:
                continue
            others = [tag for _, tag, _ in step.answers if tag not in (None, version, "pipit")]
            for number, tag, _ in step.answers:
                if tag in (None, version):
                    fate[number] = "2.14" if self.old and tag is None else None
            both = others or (self.old and step.tag is None)
            tag_of_new[step.line] = f"[{version}] " if both else ""
        out = []
        for number, line in enumerate(self.lines):
            if number not in fate:
                out.append(line)
            elif fate[number]:
                out.append(f"[{fate[number]}] {line}")
            for answer in recorded.get(number, []):
                out.append(f"{tag_of_new[number]}< {answer}")
        self.path.write_text("".join(line.rstrip() + "\n" for line in out))

    # The verbs: each takes the rest of its line and returns what came, a line a message.

    @staticmethod
    def _request(rest):
        """SUBJECT [(NAME: VALUE | NAME: VALUE)] [BODY]"""
        subject, headers, body = re.fullmatch(rb"(\S+)(?: \(([^)]*)\))?(?: (.*))?", rest).groups()
        block = headers and header_block([tuple(map(unescape, pair.split(b": ", 1)))
                                          for pair in headers.split(b" | ")])
        return unescape(subject), unescape(body or b""), block or b""

    def do_ask(self, rest):
        return [shown(self.client.request(*self._request(rest)))]

    do_pub = do_ask

    def do_api(self, rest):
        return self.do_ask(b"$JS.API." + rest)

    def do_do(self, rest):
        """An API request that succeeds; with what words, other files ask."""
        got = self.do_api(rest)
        return got if '"error":' in got[0] else []

    def do_asks(self, rest):
        """Until a status says that this was all."""
        inbox = self.client.new_inbox()
        subject, body, headers = self._request(rest)
        self.client.publish(subject, body, headers, inbox)
        out = []
        while True:
            message = self.client.answer(inbox)
            out.append(shown(message))
            if message.status:
                return out

    def do_send(self, rest):
        subject, body, headers = self._request(rest)
        self.client.publish(subject, body, headers)
        return []

    def do_sub(self, rest):
        self.sid += 1
        self.client.subscribe(rest, self.sid)
        self.client.flush()
        return []

    def do_hear(self, _rest):
        return [shown(self.client.next(), subject=True)]

    def do_nothing(self, _rest):
        """What was published before has been delivered; nothing of it was for a subscription here."""
        self.client.flush()
        return [shown(message, subject=True) for message in self.client.kept]

    def do_await(self, rest):
        """PATH VALUE REQUEST: asks until the answer has the value there, in JSON."""
        path, value, rest = rest.split(b" ", 2)
        deadline = time.monotonic() + PATIENCE_S
        while True:
            answer = self.client.request(b"$JS.API." + rest.partition(b" ")[0],
                                         unescape(rest.partition(b" ")[2]))
            found = json.loads(answer.data)
            for name in path.decode().split("."):
                found = inside(found, name)
            if found == json.loads(value):
                return []
            if time.monotonic() > deadline:
                raise AssertionError(f"{path.decode()} is {found} in {answer.data.decode()}")
            time.sleep(0.002)

    def do_pull(self, rest):
        """Asks a consumer for a message, which comes under its own subject."""
        self.client.publish(rest, reply=self.client.new_inbox())
        message = self.client.next()
        self.taken = message.reply
        return [shown(message, subject=True)]

    def do_ack(self, rest):
        """Of the message that was pulled last."""
        self.client.publish(self.taken, rest)
        return []

    def _time_of(self, rest):
        subject, body, _ = self._request(b"$JS.API." + rest)
        deadline = time.monotonic() + PATIENCE_S
        while "message" not in (answer := json.loads(self.client.request(subject, body).data)):
            if time.monotonic() > deadline:
                raise AssertionError(answer)
            time.sleep(0.002)
        return answer["message"]["time"]

    def do_keep_time(self, rest):
        self.time = self._time_of(rest)
        return []

    def do_same_time(self, rest):
        found = self._time_of(rest)
        return [] if found == self.time else [f"{found}, not {self.time}"]

    def do_other_time(self, rest):
        return [] if self._time_of(rest) > self.time else [f"{self.time} again"]

    def do_down(self, rest):
        """A restart that takes this many milliseconds, for what expires meanwhile."""
        return self._again(lambda: (self.server.stop(), time.sleep(int(rest) / 1000)))

    def do_restart(self, _rest):
        """A clean end and a new process over the same store."""
        return self._again(self.server.stop)

    def do_kill(self, _rest):
        return self._again(lambda: (self.server.process.kill(), self.server.end()))

    def _again(self, end):
        self.client.close()
        end()
        self.server.launch()
        self._connect()
        return []
