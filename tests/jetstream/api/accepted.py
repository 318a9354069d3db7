"""Where Pipit's JetStream answers otherwise than the genuine server, and why it may. The words stand in
docs/COMPATIBILITY.md too, which accepted_test.py checks.
"""
import re
from dataclasses import dataclass
from typing import Callable

from tests.jetstream.api.conversation import NOT_BUILT
from tests.jetstream.api.normal import expanded


@dataclass(frozen=True)
class Accepted:
    what: str          # and why: a row of the table in docs/COMPATIBILITY.md
    why: str
    applies: Callable  # (operation, answers of nats-server, answers of pipit) -> bool


def _call(operation, *calls):
    return operation.subject.startswith(tuple(b"$JS.API." + call for call in calls))


def _refused(answers, code):
    return bool(answers) and f'"err_code":{code},' in answers[0]


def _succeeded(answers):
    return bool(answers) and '"error":' not in answers[0]


def _same_but(pattern, genuine, pipit):
    """Equal when what matches is taken out."""
    return bool(genuine) and bool(pipit) and (
        re.sub(pattern, "", expanded(genuine[0])) == re.sub(pattern, "", expanded(pipit[0])))


ACCEPTED = (
    Accepted("what is not built yet is refused",
             "with an error that says `not built yet`, never silence",
             lambda operation, genuine, pipit: any(NOT_BUILT in answer for answer in pipit)),
    Accepted("requests that require a higher API level get 10185",
             "the level that Pipit names is one that it has all of",
             lambda operation, genuine, pipit: b"Nats-Required-Api-Level" in operation.headers
             and bool(pipit) and ("10185" in pipit[0] or "412 Required" in pipit[0])),
    Accepted("requests that no endpoint takes get 10003",
             "nats-server is silent, and the client waits for nothing",
             lambda operation, genuine, pipit: not genuine and _refused(pipit, 10003)),
    Accepted("a stream that never held a message has no deleted ones",
             "nats-server names sequence 0",
             lambda operation, genuine, pipit: _same_but(r'"num_deleted":1,"deleted":\[0\],',
                                                         genuine, pipit)),
    Accepted("`first_seq` of a stream that never held a message is 0",
             "nats-server says 1 once it was purged",
             lambda operation, genuine, pipit: _call(operation, b"STREAM.") and bool(genuine)
             and '"last_seq":0' in expanded(genuine[0])
             and _same_but(r'"first_seq":[01]', genuine, pipit)),
    Accepted("`bytes` of a memory stream are counted as those of a file",
             "22 + subject + headers and 4 + payload + 8; nats-server: subject + headers + payload + 16",
             lambda operation, genuine, pipit: bool(genuine) and (
                 '"storage":"memory"' in genuine[0] or "account_info" in genuine[0])
             and _same_but(r'"(?:bytes|memory)":\d+', genuine, pipit)),
    Accepted("`last_ts` of a stream of interest is that of the last message which was stored",
             "nats-server: of the last that was published, stored or not",
             lambda operation, genuine, pipit: _same_but(
                 r'"last_ts":"(?:~time|0001-01-01T00:00:00Z)"', genuine, pipit)
             and '"retention":"interest"' in genuine[0]),
    Accepted("an update to more than one replica is refused (10074)",
             "as a create is; nats-server takes it and does nothing",
             lambda operation, genuine, pipit: _call(operation, b"STREAM.UPDATE")
             and _succeeded(genuine) and _refused(pipit, 10074)),
    Accepted("an update to sources that a create refuses is refused",
             "nats-server takes them and never copies anything",
             lambda operation, genuine, pipit: _call(operation, b"STREAM.UPDATE")
             and _succeeded(genuine) and "sources" in operation.settings and not _succeeded(pipit)),
    Accepted("a NUL in a stream's name is refused as a name (10052)",
             "nats-server leaves that to the file system (10049)",
             lambda operation, genuine, pipit: b"\0" in operation.subject
             and not _succeeded(genuine) and _refused(pipit, 10052)),
    Accepted("subjects that are not valid overlap with nothing",
             "nats-server compares their tokens before it looks whether they are valid",
             lambda operation, genuine, pipit: _call(operation, b"STREAM.CREATE", b"STREAM.UPDATE")
             and _refused(genuine, 10052) and "overlaps with" in genuine[0]
             and _refused(pipit, 10052)),
    Accepted("a filter of NAMES and LIST that is no valid subject matches nothing",
             "nats-server compares its tokens all the same",
             lambda operation, genuine, pipit: _call(operation, b"STREAM.NAMES", b"STREAM.LIST")
             and b"subject" in operation.body and _succeeded(genuine) and bool(pipit)
             and '"total":0' in pipit[0]),
)
