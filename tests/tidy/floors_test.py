#!/usr/bin/env python3
"""Proves that floors.py finds what it is there to find: in a small house each fault is planted alone
and must be named, and the house without it must be clean."""
import sys
import tempfile
import unittest
from pathlib import Path

from floors import MAX_LINES, faults

CLEAN = {
    "README.md": "",
    "server/include/pipit/result.h": "#include <string>\n",
    "server/include/pipit/server.h": "#include <pipit/result.h>\n",
    "protocol/subject.h": '#include <simdjson.h>\n#include "pipit/result.h"\n#include <span>\n',
    "protocol/parser.cc": '#include "protocol/parser.h"\n#include "protocol/subject.h"\n',
    "protocol/parser.h": "",
    "transport/loop.h": "#include <uv.h>\n#include <sys/socket.h>\n#include <atomic>\n",
    "server/router/trie.cc": '#include "protocol/subject.h"\n#include <xxhash.h>\n#include <mutex>\n',
    "jetstream/store/block.cc": "#include <xxhash.h>\n#include <fcntl.h>\n",
    "jetstream/stream.cc": '#include "jetstream/host.h"\n#include "protocol/parser.h"\n',
    "jetstream/host.h": "",
    "server/server.cc": '#include "transport/loop.h"\n#include "jetstream/host.h"\n'
                        '#include "pipit_config.h"\n#include <crypt.h>\n#include <chrono>\n',
    "tests/loop_test.cc": '#include <doctest/doctest.h>\n#include "transport/loop.h"\n',
    "build/utils.cc": '#include "nowhere.h"\n',
}


def house(planted):
    """The faults of CLEAN with the files of `planted` added to it."""
    with tempfile.TemporaryDirectory() as folder:
        for path, text in {**CLEAN, **planted}.items():
            file = Path(folder, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return list(faults(Path(folder)))


class Floors(unittest.TestCase):
    def test_a_clean_house_has_no_faults(self):
        self.assertEqual(house({}), [])

    def test_a_long_file_is_a_fault_only_past_the_limit(self):
        self.assertEqual(house({"server/long.cc": "\n" * MAX_LINES}), [])
        self.assertEqual(len(house({"server/long.cc": "\n" * (MAX_LINES + 1)})), 1)


PLANTED = {
    "protocol knows no sockets": ("protocol/x.cc", "#include <sys/socket.h>\n"),
    "protocol knows no libuv": ("protocol/x.cc", "#include <uv.h>\n"),
    "protocol knows no libuv headers": ("protocol/x.cc", "#include <uv/unix.h>\n"),
    "protocol has no threads": ("protocol/x.cc", "#include <thread>\n"),
    "protocol reads no clock": ("protocol/x.cc", "#include <chrono>\n"),
    "protocol knows no transport": ("protocol/x.cc", '#include "transport/loop.h"\n'),
    "protocol knows no server": ("protocol/x.cc", '#include "server/router/trie.cc"\n'),
    "protocol knows no public server": ("protocol/x.cc", "#include <pipit/server.h>\n"),
    "transport knows no protocol": ("transport/x.h", '#include "protocol/subject.h"\n'),
    "transport parses no JSON": ("transport/x.h", "#include <simdjson.h>\n"),
    "the router knows only subjects": ("server/router/x.h", '#include "protocol/parser.h"\n'),
    "the router knows no server": ("server/router/x.h", '#include "server/server.cc"\n'),
    "the router knows no sockets": ("server/router/x.h", "#include <sys/socket.h>\n"),
    "the store knows no protocol": ("jetstream/store/x.cc", '#include "protocol/subject.h"\n'),
    "the store reads no wall clock": ("jetstream/store/x.cc", "#include <chrono>\n"),
    "JetStream knows no server": ("jetstream/x.cc", '#include "server/server.cc"\n'),
    "JetStream knows no transport": ("jetstream/x.cc", '#include "transport/loop.h"\n'),
    "public headers know no third party": ("server/include/pipit/x.h", "#include <uv.h>\n"),
    "public headers know no floor": ("server/include/pipit/x.h", '#include "protocol/parser.h"\n'),
    "an include with blanks counts": ("protocol/x.cc", "  #  include  <uv.h>\n"),
    "paths begin at the root": ("server/x.cc", '#include "server.cc"\n'),
    "code has a floor": ("docs/x.cc", "#include <string>\n"),
    "no file is called utils": ("server/utils.cc", ""),
    "no file is called string_helpers": ("server/string_helpers.h", ""),
    "nothing new at the top": ("notes.md", ""),
}


def planted_case(path, text):
    def case(self):
        self.assertEqual([fault.split(":")[0] for fault in house({path: text})], [path])
    return case


for name, (path, text) in PLANTED.items():
    setattr(Floors, "test " + name, planted_case(path, text))

if __name__ == "__main__":
    unittest.main(argv=sys.argv)
