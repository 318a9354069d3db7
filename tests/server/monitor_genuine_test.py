#!/usr/bin/env python3
"""Proves that pipit's monitoring answers as the genuine nats-server does: after the same conversations
with the same clients both have the same fields of the same types, the same values where the
conversation decides them, the same order under every sort key, and the same words for bad requests.
What differs on purpose stands in the tables below.

    monitor_genuine_test.py PIPIT     genuine: $NATS_SERVER, else nats-server on the PATH
"""
import http.client
import json
import subprocess
import sys
from pathlib import Path

from tests.support.server_process import Client, PATIENCE_S, ServerProcess, genuine_server, tap

PIPIT = str(Path(sys.argv[1]).resolve())
GENUINE = genuine_server()
CONFIG = """
listen: "127.0.0.1:-1", http: "127.0.0.1:-1", server_name: one
websocket { listen: "127.0.0.1:-1", no_tls: true, compression: true }
max_payload: 1000, ping_interval: "1m", server_tags: [ a, b ]
"""

# Fields that only nats-server has, or that only pipit has.
FIELDS = {
    "there is no system account": {"/varz.system_account"},
    "there is no JetStream": {"/varz.feature_flags", "/varz.disk_io_wait_stats"},
    "of closed connections nats-server forgets it": {
        "/connz.connections[].subscriptions_list_detail[].max"},
}
# Of nats-server 2.9 the fields that came later are not asked for.
NEWER = {"config_digest", "in_client_bytes", "in_client_msgs", "out_client_bytes", "out_client_msgs",
         "slow_consumer_stats", "stale_connection_stats", "stale_connections", "stalled_clients",
         "name_tag", "account_tag"}
NEWER_SUBSZ = {"server_id", "now", "total", "offset", "limit"}

SORTS = ("cid", "start", "subs", "pending", "msgs_to", "msgs_from", "bytes_to", "bytes_from", "last",
         "idle", "uptime", "rtt")
# By nanoseconds that no conversation decides, or equal for all.
UNDECIDED = {"rtt", "pending"}
# nats-server has equal ones in any order: who leads is decided.
LEADS = {"subs", "msgs_to", "msgs_from", "bytes_to", "bytes_from", "last"}
CLOSED_SORTS = ("cid", "start", "subs", "stop", "reason")

BAD = [
    "/connz?subs=x", "/connz?subs=detailed", "/connz?auth=2", "/connz?offset=x", "/connz?limit=1.5",
    "/connz?limit=99999999999999999999", "/connz?cid=-1", "/connz?cid=x",
    "/connz?cid=99999999999999999999", "/connz?state=x", "/connz?sort=x", "/connz?sort=stop",
    "/connz?sort=reason&state=any", "/connz?subs=x&offset=y", "/connz?offset=%22%0A%00",
    "/connz?state=Half%20Open", "/subsz?subs=x", "/subsz?offset=x", "/subsz?limit=x",
    "/subsz?subs=1&test=foo.*", "/subsz?subs=1&test=foo..bar", "/subsz?test=%3E",
    "/healthz?js-enabled-only=x", "/healthz?js-server-only=2", "/healthz?details=x",
]
# 2.9 says less here.
BAD_2_9 = {"/healthz?js-enabled-only=x", "/healthz?js-server-only=2", "/healthz?details=x",
           "/connz?sort=stop", "/connz?sort=reason&state=any"}
GOOD = [
    "/connz?limit=0", "/connz?limit=-1", "/connz?offset=-3", "/connz?offset=100", "/connz?limit=+2",
    "/connz?state=OPEN", "/connz?state=Closed", "/connz?state=all", "/connz?subs=DETAIL",
    "/connz?unknown=1", "/connz?subs=", "/connz?cid=12345", "/connz?user=nobody", "/connz?acc=$G",
    "/connz?acc=nobody", "/connz?offset=1&limit=1", "/connz?offset=2&limit=5&state=any",
    "/subsz?limit=1&subs=1", "/subsz?acc=nobody&subs=1", "/subsz?test=none.such&subs=1",
    "/healthz", "/healthz?details=1", "/healthz?js-enabled-only=0",
]


def equal(left, right, *what):
    if left != right:
        raise AssertionError(f"{' '.join(map(str, what))}\nnats-server: {left!r}\npipit:       {right!r}")


class Pair:
    """Both servers after the same conversation."""

    def __init__(self, config=CONFIG):
        self.servers = [ServerProcess(binary, config=config).ready() for binary in (GENUINE, PIPIT)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for server in self.servers:
            server.__exit__()

    def each(self, call):
        return [call(server) for server in self.servers]

    def json(self, path):
        return self.each(lambda server: server.json(path))

    def get(self, path):
        return self.each(lambda server: server.get(path))


class Conversation:
    """Clients that differ in everything that can be sorted by."""

    def __init__(self, server):
        port = server.port()
        self.alice = Client(port, name="alice", lang="go", version="1.2.3")
        self.alice.send("SUB foo.* 1\r\nSUB foo.bar workers two\r\nSUB bar 3\r\nUNSUB 3 5\r\nSUB x 4")
        self.alice.flush()
        self.bob = Client(port, name="bob", lang="c", version="4")
        self.bob.send("PUB foo.bar 5\r\nhello\r\nPUB foo.baz 2\r\nhi\r\nSUB x.> 1\r\nSUB y 2")
        self.bob.flush()
        carol = Client(port, name="carol")
        carol.send("SUB z 1")
        carol.flush()
        carol.close()
        self.gone(server, 1)
        dave = Client(port, name="dave")
        dave.send("SUB q 1\r\nPUB foo.x 3\r\nabc")
        dave.flush()  # nats-server does not count what came in the same read as nonsense
        dave.send("NONSENSE")
        while dave.line() is not None:
            pass
        self.gone(server, 2)
        erin = Client(port, name="erin")
        erin.send("PUB foo.x 2000")
        while erin.line() is not None:
            pass
        self.gone(server, 3)
        self.frank = Client(port, verbose=True)
        self.frank.send("SUB x 1")
        self.frank.flush()

    @staticmethod
    def gone(server, count):
        while server.json("/connz?state=closed")["total"] < count:
            pass


def shape(value, path, out):
    if isinstance(value, dict):
        for key, inner in value.items():
            shape(inner, f"{path}.{key}", out)
    elif isinstance(value, list):
        for inner in value:
            shape(inner, path + "[]", out)
    out.setdefault(path, set()).add("number" if isinstance(value, (int, float))
                                    and not isinstance(value, bool) else type(value).__name__)


def fields(path, body):
    out = {}
    shape(body, path.split("?")[0], out)
    skipped = set().union(*FIELDS.values())
    newer = NEWER | (NEWER_SUBSZ if path == "/subsz" else set()) if OLD else set()
    return {name: types for name, types in out.items()
            if not any(name == skip or name.startswith(skip + ".") for skip in skipped)
            and not newer & set(name.replace("[]", "").split("."))}


def named(connections):
    return {c.get("name", "frank"): c for c in connections}


def same_fields(pair):
    for path in ("/varz", "/connz", "/connz?state=any", "/connz?state=closed", "/connz?subs=1",
                 "/connz?subs=detail", "/connz?auth=1", "/connz?state=closed&subs=detail",
                 "/subsz", "/subsz?subs=1", "/subsz?subs=1&test=foo.bar", "/healthz"):
        equal(*(fields(path, body) for body in pair.json(path)), path)


def same_headers(pair):
    for path in ("/varz", "/connz", "/subsz", "/healthz", "/"):
        (status, theirs, _), (ours_status, ours, _) = pair.get(path)
        equal(status, ours_status, path)
        equal(theirs["Content-Type"], ours["Content-Type"], path)
        if not OLD:
            equal(theirs.get("Access-Control-Allow-Origin"), ours.get("Access-Control-Allow-Origin"), path)


def same_varz_values(pair):
    theirs, ours = pair.json("/varz")
    for field in ("server_name", "proto", "host", "max_connections", "ping_interval", "ping_max",
                  "http_host", "http_base_path", "https_port", "auth_timeout", "max_control_line",
                  "max_payload", "max_pending", "cluster", "gateway", "leaf", "mqtt", "jetstream",
                  "tls_timeout", "write_deadline", "connections", "routes", "remotes", "leafnodes",
                  "in_msgs", "in_bytes", "out_msgs", "out_bytes", "slow_consumers", "tags"):
        equal(theirs.get(field), ours.get(field), field)
    for field in ("host", "no_tls", "compression"):
        equal(theirs["websocket"].get(field), ours["websocket"].get(field), "websocket", field)
    equal(list(theirs["http_req_stats"]), sorted(theirs["http_req_stats"]))
    assert set(ours["http_req_stats"]) <= set(theirs["http_req_stats"]) | {"/"}
    if not OLD:
        # Their order too, for who reads them.
        order = [name for name in theirs if name in ours]
        equal(order, [name for name in ours if name in theirs])
        equal(theirs["config_digest"], ours["config_digest"])


def same_connections(pair):
    for query in ("state=any&subs=1", "state=any&subs=detail", "state=open&auth=1"):
        theirs, ours = (named(body["connections"]) for body in pair.json("/connz?" + query))
        equal(sorted(theirs), sorted(ours), query)
        for name, connection in theirs.items():
            other = ours[name]
            if not OLD:
                equal(list(connection), list(other), query, name, "order of fields")
            for field in ("kind", "type", "ip", "reason", "pending_bytes", "in_msgs", "out_msgs", "in_bytes",
                          "out_bytes", "subscriptions", "name", "lang", "version",
                          "authorized_user", "account"):
                if field == "pending_bytes" and "stop" in connection:
                    continue  # what was pending at the moment of the close
                equal(connection.get(field), other.get(field), query, name, field)
            if OLD and "stop" in connection:
                continue  # 2.9 takes subs=1 for subs=detail here
            equal(sorted(connection.get("subscriptions_list", [])),
                  sorted(other.get("subscriptions_list", [])), name)
            details = [sorted([(sub["sid"], sub["subject"], sub.get("qgroup"), sub["msgs"])
                               for sub in c.get("subscriptions_list_detail", [])])
                       for c in (connection, other)]
            equal(*details, name)


def same_order(pair):
    for state, sorts in (("open", SORTS), ("closed", CLOSED_SORTS)):
        for sort in sorts:
            if OLD and sort in ("rtt", "idle"):
                continue
            theirs, ours = ([c.get("name", "frank") for c in body["connections"]]
                            for body in pair.json(f"/connz?state={state}&sort={sort}"))
            if sort in UNDECIDED:
                theirs, ours = sorted(theirs), sorted(ours)
            if sort in LEADS:
                theirs, ours = theirs[:1], ours[:1]
            elif sort == "idle":
                theirs, ours = theirs[-1:], ours[-1:]
            equal(theirs, ours, state, sort)


def same_pages(pair):
    for path in GOOD:
        if OLD and path.startswith(("/healthz?", "/subsz?")):
            continue
        (status, _, theirs), (ours_status, _, ours) = pair.get(path)
        equal(status, ours_status, path)
        if status != 200:
            equal(theirs, ours, path)
            continue
        theirs, ours = json.loads(theirs), json.loads(ours)
        for field in ("num_connections", "total", "offset", "limit", "status"):
            # The system account of nats-server subscribes too.
            if not (path.startswith("/subsz") and field == "total" and "acc=" not in path
                    and "test=" not in path):
                equal(theirs.get(field), ours.get(field), path, field)
        # Where nats-server says null pipit has an empty list.
        equal([c.get("name") for c in theirs.get("connections") or []],
              [c.get("name") for c in ours.get("connections", [])], path)


def one_connection(pair):
    def alone(server):
        cid = named(server.json("/connz")["connections"])["bob"]["cid"]
        body = server.json(f"/connz?cid={cid}&subs=1")
        return ([c["name"] for c in body["connections"]], body["num_connections"], body["total"],
                body["limit"], body["offset"])
    equal(*pair.each(alone))

    def closed(server):
        cid = named(server.json("/connz?state=closed")["connections"])["dave"]["cid"]
        return [[c["name"] for c in server.json(f"/connz?cid={cid}{state}")["connections"]]
                for state in ("&state=closed", "&state=any")]
    equal(*pair.each(closed))


def same_subscriptions(pair):
    keep = ("account", "subject", "qgroup", "sid", "msgs", "max")
    for query in ("subs=1&acc=$G", "subs=1&test=foo.bar", "subs=1&test=x", "subs=1&test=nothing"):
        equal(*(sorted((tuple(sub.get(k) for k in keep) for sub in body.get("subscriptions_list", [])
                        if not sub["subject"].startswith("$SYS")), key=str)
                for body in pair.json("/subsz?" + query)), query)


def same_refusals(pair):
    for path in BAD + ["/nothing", "/varz/x", "/connzx"]:
        if OLD and path in BAD_2_9:
            continue
        (status, theirs, body), (ours_status, ours, our_body) = pair.get(path)
        equal((status, body), (ours_status, our_body), path)
        equal(theirs["Content-Type"], ours["Content-Type"], path)


def same_methods(pair):
    def answers(server):
        out = []
        for method in ("HEAD", "POST", "PUT", "DELETE", "OPTIONS"):
            connection = http.client.HTTPConnection("127.0.0.1", server.monitor_port(), timeout=PATIENCE_S)
            connection.request(method, "/healthz")
            response = connection.getresponse()
            out.append((method, response.status, response.read()))
            connection.close()
        return out
    equal(*pair.each(answers))


def same_base_path():
    with Pair(CONFIG + "http_base_path: nats\n") as pair:
        for path in ("/nats/varz", "/nats/healthz", "/varz", "/nats", "/nats/", "/natsvarz", "/"):
            equal(*pair.each(lambda server, path=path: server.get(path)[0]), path)


def same_users():
    with Pair(CONFIG + "authorization { user: joe, password: secret }\n") as pair:
        def users(server):
            joe = Client(server.port(), user="joe", **{"pass": "secret"}, name="a")
            joe.flush()
            bad = Client(server.port(), user="joe", **{"pass": "x"}, name="b")
            while bad.line() is not None:
                pass
            Conversation.gone(server, 1)
            body = server.json("/connz?state=any&auth=1")
            out = [{k: c.get(k) for k in ("name", "reason", "authorized_user", "account")}
                   for c in body["connections"]]
            for query in ("user=joe", "user=nobody", "auth=1&user=joe"):
                out.append([c["name"] for c in server.json("/connz?" + query)["connections"]])
            out.append(server.json("/varz").get("auth_required"))
            joe.close()
            return out
        equal(*pair.each(users))


def same_advertised_address():
    for address in ("example.org:4333", "example.org", "[::1]:4333", ":4333"):
        config = (f'listen: "127.0.0.1:-1", http: "127.0.0.1:-1"\nclient_advertise: "{address}"\n'
                  f'websocket {{ listen: "127.0.0.1:-1", no_tls: true, advertise: "{address}" }}\n')
        with Pair(config) as pair:
            def told(server, address=address):
                info, varz = Client(server.port()).info, server.json("/varz")
                # Where no port is advertised it is the server's own.
                port = info["port"] if "4333" in address else info["port"] - server.port()
                return ([info["host"], port, info.get("connect_urls"), info["port"] == varz["port"]]
                        + [varz.get(key) for key in ("host", "connect_urls", "ws_connect_urls")]
                        + [varz["websocket"]["advertise"]])
            equal(*pair.each(told), address)


OLD = False


def main():
    global OLD  # pylint: disable=global-statement
    if not GENUINE:
        print("1..0 # skip no nats-server on the PATH")
        return
    version = subprocess.run([GENUINE, "-v"], capture_output=True, text=True).stdout.strip()
    OLD = "v2.9." in version
    print("#", version)
    with Pair() as pair:
        talks = pair.each(Conversation)
        assert len(talks) == 2
        tap([(name, lambda case=case: case(pair)) for name, case in (
            ("fields and their types", same_fields),
            ("content types and headers", same_headers),
            ("values of /varz", same_varz_values),
            ("values of /connz, open and closed, with subscriptions", same_connections),
            ("the order under every sort key", same_order),
            ("pages, states and filters", same_pages),
            ("one connection by its cid", one_connection),
            ("values of /subsz, with test=", same_subscriptions),
            ("bad requests, word by word", same_refusals),
            ("methods other than GET", same_methods),
        )] + [("a base path", same_base_path), ("users, with auth=1", same_users),
             ("an advertised address", same_advertised_address)])


if __name__ == "__main__":
    main()
