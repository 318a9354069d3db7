"""The figures that Pipit holds itself to, and the page that says how it did."""

import dataclasses
import statistics

RATIO, ABSOLUTE = "ratio", "absolute"


@dataclasses.dataclass(frozen=True)
class Figure:
    scenario: str
    field: str  # of pipit_load's result
    limit: float  # at most
    kind: str = RATIO  # to nats-server in the same run, or in the unit below
    unit: str = "CPU s/M"  # server CPU seconds per million messages
    scale: float = 1.0  # of the field, to the unit
    at_least: bool = False  # the limit is one from below

    @property
    def title(self):
        return self.scenario if self.unit == "CPU s/M" else f"{self.scenario}: {self.unit}"


def cpu(limit, *scenarios):
    return [Figure(name, "server_cpu_per_million", limit) for name in scenarios]


FIGURES = [
    *cpu(0.40, "pub-16", "pub-128"),
    *cpu(0.33, "pubsub-16", "nn4-16"),
    *cpu(0.42, "pubsub-128"),
    *cpu(0.50, "nn4-128"),
    *cpu(0.68, "pubsub-1k", "fan10-1k"),
    *cpu(0.50, "pubsub-64k"),
    *cpu(0.40, "fan10-16"),
    *cpu(0.55, "fan10-128", "fan100-128"),
    *cpu(0.60, "fan10-64k"),
    *cpu(0.45, "queue4-128"),
    *cpu(0.40, "ws-pubsub-16", "ws-pubsub-128"),
    *cpu(0.50, "ws-pubsub-1k"),
    *cpu(0.55, "ws-fan10-128"),
    *cpu(0.90, "wsz-pubsub-b64-128"),
    *cpu(0.50, "rr64-16", "ws-rr64-128"),
    Figure("rr1-16", "p50_us", 1.00, unit="p50 µs"),
    *cpu(1.25, "pubsub-small-writes-128"),
    *cpu(0.30, "subs-100k-mix", "subs-1M-mix"),
    Figure("subs-1M-mix", "resident_bytes_each", 250, ABSOLUTE, "RSS B per subscription"),
    Figure("idle", "resident_bytes_each", 2.0, ABSOLUTE, "RSS KB per connection", 1 / 1024),
    Figure("ws-idle", "resident_bytes_each", 2.5, ABSOLUTE, "RSS KB per connection", 1 / 1024),
    *cpu(0.30, "js-pub1000-128"),
    Figure("js-pub1000-128", "per_second", 1.5, unit="messages/s", at_least=True),
    *cpu(0.38, "js-pub256-128"),
    *cpu(0.45, "js-pub256-1k"),
    *cpu(0.80, "js-pub256-64k"),
    Figure("js-sync-128", "p50_over_sync_us", 140, ABSOLUTE, "p50 µs, less one fdatasync"),
    *cpu(1.00, "js-sync2m-128"),
    Figure("js-sync2m-128", "p50_us", 1.00, unit="p50 µs"),
    *cpu(0.45, "js-kv-put"),
    *cpu(0.30, "js-direct-get"),
    Figure("js-direct-get-1M", "server_cpu_per_million", 100, ABSOLUTE, "CPU µs per get"),
    Figure("startup", "accept_ms", 4.0, ABSOLUTE, "ms to accepting"),
    Figure("startup", "idle_resident_bytes", 5.5, ABSOLUTE, "idle RSS MB", 1 / 1e6),
    Figure("startup", "stripped_bytes", 3.0, ABSOLUTE, "stripped binary MB", 1 / 1e6),
]

SCENARIOS = list(dict.fromkeys(figure.scenario for figure in FIGURES))
NOISY_PERCENT = 20  # of one core, used by others meanwhile


@dataclasses.dataclass
class Row:
    figure: Figure
    pipit: float
    nats: float
    noisy: bool

    @property
    def measured(self):
        return self.pipit / self.nats if self.figure.kind == RATIO else self.pipit

    @property
    def reached(self):
        if self.figure.at_least:
            return self.measured >= self.figure.limit
        return self.measured <= self.figure.limit


def is_noisy(result):
    return result.get("others_cpu_percent", 0) > NOISY_PERCENT


def median(results, figure):
    """Of the quiet runs where there are at least two, else of all. Says whether all were noisy."""
    whole = [result for result in results if figure.field in result]
    quiet = [result for result in whole if not is_noisy(result)]
    chosen = quiet if len(quiet) >= 2 else whole
    if not chosen:
        return None, False
    value = statistics.median(result[figure.field] for result in chosen) * figure.scale
    return value, chosen is not quiet and any(map(is_noisy, chosen))


def rows(pipit, nats):
    """`pipit` and `nats` map scenario to its results."""
    table = []
    for figure in FIGURES:
        ours, ours_noisy = median(pipit.get(figure.scenario, []), figure)
        theirs, theirs_noisy = median(nats.get(figure.scenario, []), figure)
        if ours is not None and theirs:
            table.append(Row(figure, ours, theirs, ours_noisy or theirs_noisy))
    return table


def digits(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def markdown_table(table):
    lines = [
        "| scenario | Pipit | nats-server | Pipit : nats-server | limit | |",
        "|---|---:|---:|---:|---:|---|",
    ]
    for row in table:
        limit = f"{row.figure.limit:.2f}"
        if row.figure.kind == ABSOLUTE:
            limit = f"Pipit {row.figure.limit:g}"
        limit = f"at {'least' if row.figure.at_least else 'most'} {limit}"
        verdict = "reached" if row.reached else "**missed**"
        lines.append(
            f"| {row.figure.title} | {digits(row.pipit)} | {digits(row.nats)} | "
            f"{row.pipit / row.nats:.2f}{' ~' if row.noisy else ''} | {limit} | {verdict} |")
    return "\n".join(lines)


HAND_START, HAND_END = "<!-- kept by hand: start -->", "<!-- kept by hand: end -->"

PAGE = """\
# Performance

Written by `bench/compare.py` (`./dev bench`), but for the part that is kept by hand.

{conditions}

Both servers run with the same configuration file, pinned to one core, the generator (`pipit_load`)
pinned to another. Each run has a fresh server; the two take turns, {reps} runs each, medians. What
the table compares is the server's CPU time, user and system, per million messages (published ones
where nobody subscribes, else delivered ones; requests), because it says what a message costs also
when the machine or the generator is the limit of the throughput. A figure with another unit says so.
Every delivered message was checked for its place in its publisher's order; nothing was lost.
In the rows of JetStream (`js-`) both store files with their default of syncing: Pipit acknowledges what
is on the disk, nats-server what it will sync within two minutes; in `js-sync2m` both do the latter.
`~` marks a row of which most runs shared the machine with other work.

{table}

{hand_start}
{hand}
{hand_end}
"""


def hand_part(page):
    """What is between the markers of an earlier page."""
    if HAND_START not in page or HAND_END not in page:
        return "## What was slower, and why\n"
    return page.split(HAND_START, 1)[1].split(HAND_END, 1)[0].strip("\n")


def new_page(old_page, table, conditions, reps):
    return PAGE.format(conditions=conditions, reps=reps, table=markdown_table(table),
                       hand_start=HAND_START, hand=hand_part(old_page), hand_end=HAND_END)
