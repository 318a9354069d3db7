#!/usr/bin/env python3
"""Programs outside the tree build against the installed copy and run: a meson project, a CMake
project and compilers of C++ and of C called by hand with what pkg-config says, each with the shared
and the static library; and a meson project that has Pipit, made small, as a subproject. What is
installed is what was promised, and the shared library exports, keeps and weighs no more than it should.

    consumers_test.py SOURCE_ROOT BUILD_ROOT
"""
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
# Writable data that the toolchain puts into every shared library.
OF_THE_TOOLCHAIN = re.compile(r"completed\.\d+$|__dso_handle$|__TMC_END__$|DW\.ref\.|_edata$|_end$|__bss_start$")
FULL_BYTES, SMALL_BYTES = 3_000_000, 600_000  # of the shared library, stripped
EXPORTED = re.compile(r"pipit|std::|std$|__gnu_cxx|__cxx11")


def run(*command, **more):
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, **more)
    if done.returncode != 0:
        raise AssertionError(f"{shlex.join(str(w) for w in command)}\n{done.stdout}")
    return done.stdout


def check_weight(library, limit):
    with tempfile.NamedTemporaryFile() as stripped:
        run("strip", "-o", stripped.name, library)
        size = os.path.getsize(stripped.name)
    assert size < limit, f"{library.name} weighs {size} bytes, more than {limit}"


class Installed:
    def __init__(self, build, folder):
        run("meson", "install", "-C", build, "--no-rebuild", "--destdir", folder)
        [self.library] = folder.rglob("libpipit.so")
        self.lib = self.library.parent
        self.prefix = next(p for p in self.lib.parents if (p / "include").is_dir())
        self.environment = dict(os.environ, LD_LIBRARY_PATH=str(self.lib),
                                PKG_CONFIG_PATH=str(self.lib / "pkgconfig"))

    def everything_is_there(self):
        for name in ("bin/pipit", "share/man/man1/pipit.1", "include/pipit/server.h"):
            found = list(self.prefix.glob(name + "*"))
            assert found, f"{name} is not installed"
        for name in ("libpipit.so.0", "libpipit.a", "pkgconfig/pipit.pc", "cmake/pipit/pipitConfig.cmake"):
            assert (self.lib / name).exists(), f"{name} is not installed"
        in_tree = {path.name for path in (HERE.parents[1] / "server/include/pipit").iterdir()}
        installed = {path.name for path in (self.prefix / "include/pipit").iterdir()}
        assert in_tree == installed, f"public headers: {sorted(in_tree ^ installed)}"
        needed = run("readelf", "-d", self.prefix / "bin/pipit")
        assert "libpipit" not in needed, "the binary needs libpipit.so"

    def weighs_little(self):
        check_weight(self.library, FULL_BYTES)

    def exports_what_is_marked(self):
        for line in run("nm", "-DC", "--defined-only", self.library).splitlines():
            kind, name = line.split(maxsplit=2)[1:]
            assert EXPORTED.search(name), f"exports {name}"
            assert kind not in "bBdD" or "typeinfo" in name or "vtable" in name, f"exports data: {name}"

    def keeps_no_globals(self):
        sections = {}
        for line in run("readelf", "-SW", self.library).splitlines():
            match = re.match(r"\s*\[ *\d+\] (\S+)\s+\S+\s+([0-9a-f]+) [0-9a-f]+ ([0-9a-f]+)", line)
            if match:
                sections[match[1]] = range(int(match[2], 16), int(match[2], 16) + int(match[3], 16))
        assert ".tdata" not in sections and ".tbss" not in sections, "has thread-local data"
        for line in run("nm", "-C", "--defined-only", self.library).splitlines():
            address, kind, name = line.split(maxsplit=2)
            at = int(address, 16)
            writable = any(at in sections.get(s, ()) for s in (".data", ".bss"))
            assert not writable or OF_THE_TOOLCHAIN.search(name), f"keeps a global: {name} ({kind})"


def project(kind, folder):
    shutil.copytree(HERE / kind, folder)
    shutil.copy(HERE / "program.cc", folder)
    return folder


def by_meson(installed, folder, static):
    source = project("meson_project", folder)
    run("meson", "setup", source / "build", source, f"-Dprefer_static={str(static).lower()}",
        "--wrap-mode=nofallback", env=installed.environment)
    run("ninja", "-C", source / "build", env=installed.environment)
    run(source / "build/consumer", env=installed.environment)


def by_cmake(installed, folder, static):
    source = project("cmake_project", folder)
    run("cmake", "-G", "Ninja", "-S", source, "-B", source / "build",
        f"-DCMAKE_PREFIX_PATH={installed.prefix}", f"-DBUILD_SHARED_LIBS={'OFF' if static else 'ON'}")
    run("cmake", "--build", source / "build")
    run(source / "build/consumer", env=installed.environment)


def by_pkg_config(installed, folder, static, compiler=("c++", "-std=c++20"), program="program.cc"):
    folder.mkdir()
    flags = run("pkg-config", "--cflags", "--libs", *(["--static"] if static else []), "pipit",
                env=installed.environment)
    words = shlex.split(flags)
    if static:  # pkg-config leaves to the linker which of the two it takes
        words = [str(installed.lib / "libpipit.a") if word == "-lpipit" else word for word in words]
    run(*compiler, HERE / program, "-o", folder / "consumer", *words)
    run(folder / "consumer", env=installed.environment)


def in_c_by_pkg_config(installed, folder, static):
    by_pkg_config(installed, folder, static, ("cc", "-std=c11", "-Wall", "-Wextra", "-Wpedantic",
                                              "-Werror"), "program.c")


def as_subproject(source_root, folder):
    source = project("meson_project", folder)
    (source / "subprojects").mkdir()
    (source / "subprojects/pipit").symlink_to(source_root)
    run("meson", "setup", source / "build", source, "--force-fallback-for=pipit", "--buildtype=minsize",
        env=dict(os.environ, PKG_CONFIG_PATH=""))
    targets = run("meson", "introspect", "--targets", source / "build")
    for unwanted in ("server_tests", "bench_trie", '"name": "pipit", "id": "pipit@exe"'):
        assert unwanted not in targets, f"a subproject builds {unwanted}"
    run("ninja", "-C", source / "build")
    run(source / "build/consumer", "without websocket")
    [library] = (source / "build").rglob("libpipit.so")
    check_weight(library, SMALL_BYTES)


def main():
    os.environ.pop("LD_LIBRARY_PATH", None)  # meson's, which leads to the build folder's library
    source_root, build_root = (Path(argument).resolve() for argument in sys.argv[1:])
    with tempfile.TemporaryDirectory(prefix="pipit-install-") as name:
        folder = Path(name)
        installed = Installed(build_root, folder / "root")
        steps = [("everything that was promised is installed", installed.everything_is_there),
                 ("the shared library exports what is marked", installed.exports_what_is_marked),
                 ("the shared library keeps no globals", installed.keeps_no_globals),
                 ("the shared library weighs little", installed.weighs_little)]
        for how in (by_meson, by_cmake, by_pkg_config, in_c_by_pkg_config):
            for static in (False, True):
                kind = "static" if static else "shared"
                place = folder / f"{how.__name__}_{kind}"
                steps.append((f"a program is built {how.__name__.replace('_', ' ')}, {kind}",
                              lambda how=how, place=place, static=static: how(installed, place, static)))
        steps.append(("a program has a small Pipit as its subproject",
                      lambda: as_subproject(source_root, folder / "subproject")))
        print(f"1..{len(steps)}")
        for number, (title, step) in enumerate(steps, 1):
            try:
                step()
            except AssertionError as fault:
                print(f"not ok {number} - {title}")
                print("\n".join("# " + line for line in str(fault).splitlines()[-40:]))
            else:
                print(f"ok {number} - {title}")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
