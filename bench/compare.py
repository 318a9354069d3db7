#!/usr/bin/env python3
"""Compares Pipit with the genuine nats-server, one run, one machine, turn and turn about.

    bench/compare.py --pipit build/bench/pipit --load build/bench/bench/pipit_load

The nats-server is the one in $NATS_SERVER, else the first on PATH. A whole run takes about ten
minutes and writes docs/PERFORMANCE.md; a part of it (--only, --quick) prints its table.
Exit code 1 if Pipit failed, lost or reordered anything; a figure that was missed is only reported.
"""

import argparse
import contextlib
import datetime
import json
import os
import pathlib
import platform
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import figures

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "PERFORMANCE.md"
START_SECONDS = 15
LOAD_SECONDS = 180

CONFIG = """\
host: 127.0.0.1
port: {port}
max_connections: 100000
ports_file_dir: "{folder}"
websocket {{ host: 127.0.0.1, port: -1, no_tls: true, compression: true }}
"""
STREAMS = 'jetstream {{ store_dir: "{folder}/store" }}\n'
STREAMS_BY_INTERVAL = 'jetstream {{ store_dir: "{folder}/store", sync_interval: 2m }}\n'


class Failure(Exception):
    """A run that gave no figures."""


def cores():
    """One for the server, one for the generator."""
    allowed = sorted(os.sched_getaffinity(0))
    return allowed[0], allowed[min(1, len(allowed) - 1)]


def pinned(core):
    return lambda: os.sched_setaffinity(0, {core})


def wait_for_ports(process, folder, log):
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        for path in folder.glob("*.ports"):
            with contextlib.suppress(ValueError):  # nats-server may still be writing it
                ports = json.loads(path.read_text())
                return [int(ports[kind][0].rsplit(":", 1)[1]) for kind in ("nats", "websocket")]
        if process.poll() is not None:
            raise Failure(f"the server ended: {log.read_text(errors='replace')[-300:]}")
        time.sleep(0.01)
    raise Failure("the server wrote no ports file")


@contextlib.contextmanager
def running_server(binary, scenario):
    """Yields its pid and two ports."""
    with tempfile.TemporaryDirectory(prefix="pipit_bench.") as name:
        folder = pathlib.Path(name)
        config, log = folder / "server.conf", folder / "log"
        text = CONFIG
        if scenario.startswith("js-"):
            text += STREAMS_BY_INTERVAL if scenario.startswith("js-sync2m-") else STREAMS
        config.write_text(text.format(port=-1, folder=folder))
        with log.open("wb") as sink:
            process = subprocess.Popen([binary, "-c", config], stdin=subprocess.DEVNULL,
                                       stdout=sink, stderr=sink, preexec_fn=pinned(cores()[0]))
        try:
            port, websocket_port = wait_for_ports(process, folder, log)
            yield process.pid, port, websocket_port
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def result_of(command):
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                              timeout=LOAD_SECONDS, preexec_fn=pinned(cores()[1]), check=False)
        result = json.loads(done.stdout)
    except subprocess.TimeoutExpired as error:
        raise Failure("the run took too long") from error
    except ValueError as error:
        raise Failure(f"pipit_load ended with {done.returncode} and said nothing") from error
    if "error" in result:
        raise Failure(result["error"])
    if done.returncode != 0:
        raise Failure(f"lost {result['lost']:g}, out of order {result['order_errors']:g}")
    return result


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def stripped_bytes(binary):
    path = shutil.which(binary)
    with tempfile.NamedTemporaryFile() as copy:
        if shutil.which("strip"):
            subprocess.run(["strip", "-o", copy.name, path], check=True)
            return os.path.getsize(copy.name)
    return os.path.getsize(path)


def measure_startup(load, binary):
    with tempfile.TemporaryDirectory(prefix="pipit_bench.") as folder:
        port = free_port()
        config = pathlib.Path(folder) / "server.conf"
        config.write_text(CONFIG.format(port=port, folder=folder))
        result = result_of([load, "startup", "--port", str(port), "--cpu", str(cores()[0]),
                            "--", binary, "-c", str(config)])
        return {**result, "stripped_bytes": stripped_bytes(binary)}


def measure(load, binary, scenario, seconds):
    if scenario == "startup":
        return measure_startup(load, binary)
    with running_server(binary, scenario) as (pid, port, websocket_port):
        return result_of([load, scenario, "--port", str(port), "--ws-port", str(websocket_port),
                          "--pid", str(pid), "--seconds", str(seconds)])


def version_of(binary):
    done = subprocess.run([binary, "-v"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False)
    return done.stdout.strip()


def conditions(arguments):
    model = re.search(r"model name\s*:\s*(.*)", pathlib.Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s*(\d+)", pathlib.Path("/proc/meminfo").read_text())
    system = re.search(r'PRETTY_NAME="(.*)"', pathlib.Path("/etc/os-release").read_text())
    return "\n".join([
        f"- {datetime.date.today().isoformat()}: {version_of(arguments.pipit)}; "
        f"{version_of(arguments.nats)}",
        f"- {os.cpu_count()} × {model.group(1) if model else platform.machine()}, "
        f"{int(memory.group(1)) // 2**20} GB, {system.group(1) if system else platform.system()}, "
        f"kernel {platform.release()}, everything on loopback",
    ])


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pipit", default=str(ROOT / "build/bench/pipit"))
    parser.add_argument("--load", default=str(ROOT / "build/bench/bench/pipit_load"))
    parser.add_argument("--nats", default=os.environ.get("NATS_SERVER", "nats-server"))
    parser.add_argument("--only", default="", metavar="PATTERN", help="scenarios that it matches")
    parser.add_argument("--reps", type=int, default=5, metavar="N", help="runs of each server")
    parser.add_argument("--seconds", type=float, default=0.6, help="that a run measures")
    parser.add_argument("--again", type=int, default=0, metavar="N",
                        help="more turns for a scenario of which fewer than two runs were quiet")
    parser.add_argument("--quick", action="store_true", help="one short run of each")
    parser.add_argument("--output", type=pathlib.Path, help="write the page here")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.reps, arguments.seconds = 1, 0.2
    if not arguments.output and not arguments.quick and not arguments.only:
        arguments.output = PAGE
    for binary in (arguments.pipit, arguments.load, arguments.nats):
        if not shutil.which(binary):
            parser.error(f"{binary} is not there")
    return arguments


def describe(result):
    cost = result.get("server_cpu_per_million")
    if cost is None:
        return f"{result['accept_ms']:.2f} ms"
    return (f"{cost:.3f} CPU s/M, {result['per_second']:,.0f}/s, CPU %: server "
            f"{result['server_cpu_percent']:.0f} generator {result['generator_cpu_percent']:.0f} "
            f"others {result['others_cpu_percent']:.0f}")


def wants_another_turn(arguments, turn, results):
    if turn < arguments.reps:
        return True
    quiet = sum(not figures.is_noisy(result) for result in results)
    return turn < arguments.reps + arguments.again and quiet < min(2, arguments.reps)


def compare(arguments):
    """Results of both by scenario, and what went wrong with Pipit."""
    servers = {"pipit": arguments.pipit, "nats-server": arguments.nats}
    results = {name: {} for name in servers}
    failures = []
    for scenario in figures.SCENARIOS:
        if not re.search(arguments.only, scenario):
            continue
        turn = 0
        while wants_another_turn(arguments, turn, results["pipit"].get(scenario, [])):
            order = list(servers) if turn % 2 == 0 else list(servers)[::-1]
            turn += 1
            for name in order:
                try:
                    result = measure(arguments.load, servers[name], scenario, arguments.seconds)
                    results[name].setdefault(scenario, []).append(result)
                    outcome = describe(result)
                except Failure as failure:
                    outcome = f"FAILED: {failure}"
                    if name == "pipit":
                        failures.append(f"{scenario}: {failure}")
                print(f"{scenario:24} {name:12} {outcome}", file=sys.stderr, flush=True)
    return results, failures


def main():
    arguments = parse_arguments()
    results, failures = compare(arguments)
    table = figures.rows(results["pipit"], results["nats-server"])
    print(figures.markdown_table(table))
    for failure in failures:
        print(f"FAILED {failure}")
    if arguments.output and not failures:
        old_page = arguments.output.read_text() if arguments.output.exists() else ""
        arguments.output.write_text(
            figures.new_page(old_page, table, conditions(arguments), arguments.reps))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
