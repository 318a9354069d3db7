"""What differs from run to run in JetStream's answers, made the same: times, ids, versions, names of
servers. And names for long pieces that come again and again, so that transcripts can be read.
"""
import re

RULES = [
    # The zero time says something; it stays.
    (re.compile(rb"(?!0001-01-01T00:00:00Z)\d{4,}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z"), b"~time"),
    (re.compile(rb'("_nats\.ver":)"[^"]*"'), rb'\1"~version"'),
    (re.compile(rb'("_nats\.level":)"[^"]*"'), rb'\1"~level"'),
    (re.compile(rb'("api":)\{(?:"level":\d+,)?"total":\d+,"errors":\d+'), rb'\1{"~counts":0'),
    (re.compile(rb'("cluster":\{"leader":)"[^"]*"'), rb'\1"~server"'),
    (re.compile(rb'("id":)"[0-9A-Za-z]{22}"'), rb'\1"~id"'),
    (re.compile(rb'("(?:server|server_id)":)"[^"]*"'), rb'\1"~server"'),
    (re.compile(rb'("active":)\d+'), rb"\1~ns"),
    (re.compile(rb"_INBOX\.[0-9.]+"), b"~inbox"),
]

# Each stands for exactly these bytes.
NAMES = {
    "~v1": "io.nats.jetstream.api.v1",
    "~limits": '"retention":"limits","max_consumers":-1,"max_msgs":-1,"max_bytes":-1,"max_age":0,'
               '"max_msgs_per_subject":-1,"max_msg_size":-1,"discard":"old","storage":"file",'
               '"num_replicas":1,"duplicate_window":120000000000,"compression":"none"',
    "~flags": '"sealed":false,"deny_delete":false,"deny_purge":false,"allow_rollup_hdrs":false,'
              '"consumer_limits":{},"allow_msg_ttl":false',
    "~metadata": '"metadata":{"_nats.level":"~level","_nats.req.level":"0","_nats.ver":"~version"}',
    "~unused": '"state":{"messages":0,"bytes":0,"first_seq":0,"first_ts":"0001-01-01T00:00:00Z",'
               '"last_seq":0,"last_ts":"0001-01-01T00:00:00Z","consumer_count":0}',
}


def normal(data):
    for pattern, replacement in RULES:
        data = pattern.sub(replacement, data)
    return data


def abbreviated(text):
    for name, whole in NAMES.items():
        text = text.replace(whole, name)
    return text


def expanded(text):
    for name, whole in NAMES.items():
        text = text.replace(name, whole)
    return text
