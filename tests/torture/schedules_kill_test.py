#!/usr/bin/env python3
"""What is planned for later survives SIGKILL: schedules that were acknowledged come once, repeating
ones go on, and what expired meanwhile is gone at the first answer.

    schedules_kill_test.py PIPIT [--schedules N]
"""
import argparse
import json
import signal
from datetime import datetime, timedelta, timezone
from pathlib import Path

from tests.jetstream.api.conversation import config
from tests.support.nats_client import NatsClient, header_block
from tests.support.server_process import ServerProcess, tap, wait_until


def ask(client, endpoint, body):
    answer = json.loads(client.request(f"$JS.API.STREAM.{endpoint}", json.dumps(body).encode()).data)
    assert "error" not in answer, answer
    return answer


def publish(client, subject, **headers):
    fields = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    answer = json.loads(client.request(subject, b"x", header_block(fields)).data)
    assert "error" not in answer, answer


def subjects(client):
    return ask(client, "INFO.S", {"subjects_filter": ">"})["state"].get("subjects", {})


def over_a_kill(binary, count):
    with ServerProcess(binary, config=config(1)) as server:
        client = NatsClient(server.ready().port())
        ask(client, "CREATE.S", {"name": "S", "subjects": ["at.*", "every", "to.*", "ttl"],
                                 "allow_msg_schedules": True, "allow_msg_ttl": True})
        soon = datetime.now(timezone.utc) + timedelta(seconds=2)
        at = "@at " + soon.strftime("%Y-%m-%dT%H:%M:%SZ")
        for number in range(count):
            publish(client, f"at.{number}", Nats_Schedule=at, Nats_Schedule_Target=f"to.{number}")
        publish(client, "every", Nats_Schedule="@every 1s", Nats_Schedule_Target="to.every")
        publish(client, "ttl", Nats_TTL="1s")
        client.close()
        server.stop(signal.SIGKILL)
        wait_until(lambda: datetime.now(timezone.utc) > soon)
        server.launch()
        client = NatsClient(server.ready().port())
        assert "ttl" not in subjects(client)
        wait_until(lambda: not [name for name in subjects(client) if name.startswith("at.")])
        before = subjects(client).get("to.every", 0)
        wait_until(lambda: subjects(client).get("to.every", 0) > before)
        left = subjects(client)
        assert left.pop("to.every") > 0 and left.pop("every") == 1
        assert left == {f"to.{number}": 1 for number in range(count)}, left
        client.close()


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("binary")
    arguments.add_argument("--schedules", type=int, default=100)
    options = arguments.parse_args()
    binary = str(Path(options.binary).resolve())
    tap([("schedules and TTLs over a kill", lambda: over_a_kill(binary, options.schedules))])


if __name__ == "__main__":
    main()
