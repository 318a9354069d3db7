#!/usr/bin/env python3
"""Proves that pipit accepts and refuses configuration files as the genuine nats-server does.

Each file of config_samples/ is given to both with -t. Where both refuse, pipit names the line and
column that nats-server names. Whatever differs on purpose stands in one of the tables below, with the
reason, and a line there that is no longer true fails too.

    config_samples_test.py PIPIT     genuine: $NATS_SERVER, else nats-server on the PATH
"""
import os
import re
import subprocess
import sys
from pathlib import Path

from tests.support.server_process import genuine_server

SAMPLES = Path(__file__).with_name("config_samples")
TIMEOUT_S = 30

ENVIRONMENT = {
    "PIPIT_TEST_PORT": "4000",
    "PIPIT_TEST_SIZE": "1k",
    "PIPIT_TEST_ARRAY": "[a, b]",
    "PIPIT_TEST_MAP": "{ no_tls: true }",
    "PIPIT_TEST_TEXT": "plain",
    "PIPIT_TEST_WORDS": "two words",
    "PIPIT_TEST_QUOTED": '"1k"',
    "PIPIT_TEST_CYCLE": "$PIPIT_TEST_CYCLE",
    "PIPIT_TEST_CHAIN": "$PIPIT_TEST_PORT",
    "PIPIT_TEST_EMPTY": "",
}

# What only one of the two accepts.
VERDICTS = {
    "pipit does not have it yet and says so": """
        not_built_accounts not_built_cluster not_built_cookie
        not_built_jetstream_key not_built_leafnodes
        not_built_mappings not_built_mqtt not_built_no_auth_user not_built_permissions
        not_built_profile not_built_syslog not_built_system_account not_built_users""",
    "nats-server has no such key": "reactors",
    "nats-server finds it at the start only; pipit's -t refuses what a start would refuse": """
        client_advertise_bad http_and_https https_without_tls lame_duck_grace_equal
        payload_over_pending websocket_needs_tls websocket_origin_no_host
        websocket_headers_reserved websocket_origin_no_host websocket_origin_relative
        websocket_origin_scheme websocket_token_and_user""",
    "a number that cannot be meant": """
        authorization_timeout_negative closed_clients_negative control_line_negative
        integer_suffix_overflow listen_large_port ping_interval_negative ping_max_negative
        port_negative port_too_large size_negative traced_negative""",
    "braces have to match": "after_wrapped map_closed_twice wrapped_unclosed",
    "a line end or tab in a name would break what is printed in one line": "escapes",
    "a brace ends a key": "map_without_blank",
    "the path of an include ends at a comma": "include_two_on_line",
    "an included file may use the variables of the map that includes it": "include_variable_before",
    "a comma may begin a line, as in JSON": "array_comma_first json_comma_first",
    "what begins like a number, a float or a date and is none is a string": """
        array_addresses_and_words digits_dash float_with_unit minus_letter""",
    "nats-server does not take an array from the environment": "variable_environment_array",
}

# Where nats-server of the version before has another verdict than 2.14 and pipit.
VERDICTS_2_9 = {
    "2.9 does not know the key": """
        aliases booleans closed_clients jetstream_all logging metadata switches websocket_headers
        websocket_ping_interval""",
    "2.9 accepts a file without a value": "empty only_blank_lines only_comments stray_brace",
    "2.9 accepts a key without a value in the last line": "value_missing_no_separator two_separators",
    "2.9 does not look at the timeout": "authorization_timeout_long authorization_timeout_word",
    "2.9 finds it at the start only": "name_with_space",
}
# ... and so agrees with pipit where 2.14 does not.
AGREED_2_9 = "closed_clients_negative websocket_headers_reserved"

# It overflows nats-server's stack.
NATS_SERVER_CRASHES = "include_itself"
NATS_SERVER_2_9_CRASHES = "variable_environment_cycle"

# Both refuse, at different places.
POSITIONS = {
    "at the end of a line nats-server names the next one; pipit names the key": """
        include_missing_name map_colon_next_line minus_alone value_missing
        value_missing_no_separator value_on_next_line""",
    "nats-server names the end of the file, pipit what is not closed": """
        array_unclosed block_blank_after block_indented_end block_one_line block_text_after
        block_unclosed key_quoted_unclosed string_single_unclosed string_unclosed""",
    "nats-server names the array, pipit each item": """
        array_booleans array_nested array_of_maps array_spaced_integers""",
    "nats-server takes the last of bare integers and the bracket for one word": "array_bare_integers",
    "nats-server trips over itself, and names the block too": """
        authorization_integer_password authorization_integer_token""",
    "nats-server counts a quoted key from behind its quote": "include_quoted_keyword",
    "nats-server names the end of the line, pipit the separator": "two_separators",
}
POSITIONS_2_9 = {
    "2.9 does not know the key": "metadata_number websocket_headers_number websocket_headers_reserved",
}


def names(table):
    texts = table.values() if isinstance(table, dict) else [table]
    return {name for text in texts for name in text.split()}


def run(binary, sample):
    """(accepted, [(line, column or None)]): a position is one that a line of the output names."""
    done = subprocess.run([binary, "-t", "-c", sample.name], cwd=sample.parent, timeout=TIMEOUT_S,
                          env={**os.environ, **ENVIRONMENT}, capture_output=True, text=True,
                          errors="replace")
    if done.returncode not in (0, 1):
        return None, f"ended with {done.returncode}\n{done.stderr[:2000]}"
    return done.returncode == 0, done.stderr


def positions_of_nats_server(text):
    found = set()
    for line in text.splitlines():
        if full := re.search(r"\.conf:(\d+):(\d+)", line):
            row, column = int(full[1]), int(full[2])
            # It counts the columns of the first line from 0, of all others from 1.
            found.add((row, column + 1 if row == 1 else column))
        elif row := re.search(r"on line (\d+)(?!.* on line )", line):
            found.add((int(row[1]), None))
    return found


def positions_of_pipit(text):
    return {(int(row), int(column)) for row, column in re.findall(r"\.conf:(\d+):(\d+): ", text)}


def misplaced(theirs, ours):
    rows = {row for row, _ in ours}
    return {at for at in theirs if (at[0] not in rows if at[1] is None else at not in ours)}


def check(pipit, genuine, old, sample):
    """What is wrong with this sample; nothing if all is well."""
    ours, our_text = run(pipit, sample)
    if ours is None:
        return f"pipit {our_text}"
    if not ours and not our_text:
        return "pipit refuses without a word"
    name = sample.stem
    crashes = names(NATS_SERVER_CRASHES) | (names(NATS_SERVER_2_9_CRASHES) if old else set())
    if name in crashes:
        return "pipit should refuse it" if ours else None
    theirs, their_text = run(genuine, sample)
    if theirs is None:
        return f"nats-server {their_text}"
    differs = name in (names(VERDICTS) ^ names(VERDICTS_2_9) if old else names(VERDICTS))
    if old and name in names(AGREED_2_9):
        differs = False
    said = f"pipit: {our_text}nats-server: {their_text}"
    if (ours != theirs) != differs:
        return f"the verdicts {'differ' if ours != theirs else 'no longer differ'}\n{said}"
    if ours or theirs:
        return None
    differs = name in names(POSITIONS) | (names(POSITIONS_2_9) if old else set())
    missing = misplaced(positions_of_nats_server(their_text), positions_of_pipit(our_text))
    if bool(missing) != differs:
        return f"places {sorted(missing)} that only nats-server names\n{said}"
    return None


def main(pipit):
    pipit = str(Path(pipit).resolve())
    genuine = genuine_server()
    if not genuine:
        print("1..0 # skip no nats-server on the PATH")
        return
    version = subprocess.run([genuine, "-v"], capture_output=True, text=True).stdout
    old = "v2.9." in version
    samples = sorted(SAMPLES.glob("*.conf"))
    print(f"# {version.strip()}")
    print(f"1..{len(samples) + 1}", flush=True)
    for number, sample in enumerate(samples, 1):
        wrong = check(pipit, genuine, old, sample)
        print("not ok" if wrong else "ok", number, "-", sample.stem, flush=True)
        for line in (wrong or "").splitlines():
            print("#", line)
    tables = (VERDICTS, VERDICTS_2_9, POSITIONS, POSITIONS_2_9, AGREED_2_9, NATS_SERVER_CRASHES,
              NATS_SERVER_2_9_CRASHES)
    gone = set().union(*map(names, tables)) - {sample.stem for sample in samples}
    print("not ok" if gone else "ok", len(samples) + 1, "- the tables name samples that exist")
    for name in sorted(gone):
        print("#", name)


if __name__ == "__main__":
    main(sys.argv[1])
