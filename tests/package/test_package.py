# SPDX-License-Identifier: Apache-2.0
"""The installed library, used by find_package(outbox) and by pkg-config."""
import os
import pathlib
import re
import shutil
import subprocess

import pytest

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ.get("OUTBOX_BUILD_FOLDER",
                                    HERE.parent.parent / "build" / "release"))
SOURCES = HERE / "consumer"


def run(*words, **options):
    done = subprocess.run([str(word) for word in words], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=300, **options)
    assert done.returncode == 0, f"{words}:\n{done.stdout}"
    return done.stdout


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prefix")
    run("cmake", "--install", BUILD, "--prefix", folder)
    return folder


@pytest.fixture
def database(prefix, tmp_path):
    """A file with an outbox in it, made by the installed program."""
    path = tmp_path / "shop.db"
    run(prefix / "bin" / "outboxd", "migrate", f"--database.url=sqlite:///{path}", cwd=tmp_path)
    return path


def pending(path):
    return run("sqlite3", path, "SELECT count(*) FROM outbox_events_pending").strip()


def test_a_cmake_project_finds_the_package_and_both_libraries_work(prefix, database, tmp_path):
    shutil.copytree(SOURCES, tmp_path / "source")
    build = tmp_path / "build"
    run("cmake", "-S", tmp_path / "source", "-B", build, "-G", "Ninja",
        f"-DCMAKE_PREFIX_PATH={prefix}")
    run("cmake", "--build", build)
    assert run(build / "publish_only", database) == "published 1\n"
    assert pending(database) == "1"
    assert run(build / "whole", tmp_path / "fresh.db") == "relayed 1\n"
    assert pending(tmp_path / "fresh.db") == "0"


def test_a_back_end_that_only_publishes_links_no_broker_and_no_other_driver(prefix, tmp_path):
    program = compiled(prefix, tmp_path, "publish_only", "outbox-publish sqlite3")
    needed = run("ldd", program)
    assert "libsqlite3" in needed
    for library in ("rdkafka", "libpq", "mariadb", "libcurl"):
        assert library not in needed


def test_pkg_config_is_enough_to_compile_and_link(prefix, database, tmp_path):
    publish = compiled(prefix, tmp_path, "publish_only", "outbox-publish sqlite3")
    assert run(publish, database) == "published 1\n"
    whole = compiled(prefix, tmp_path, "whole", "outbox")
    assert run(whole, tmp_path / "fresh.db") == "relayed 1\n"


def compiled(prefix, folder, name, packages):
    paths = [str(path.parent) for path in prefix.rglob("outbox.pc")]
    environment = dict(os.environ, PKG_CONFIG_PATH=":".join(paths))
    flags = run("pkg-config", "--cflags", "--libs", *packages.split(), env=environment).split()
    run("c++", "-std=c++20", SOURCES / f"{name}.cpp", "-o", folder / name, *flags)
    return folder / name


def test_each_command_has_a_page_for_man(prefix):
    help_lines = run(prefix / "bin" / "outboxd", "help").splitlines()
    commands = {line.split()[0] for line in help_lines if re.match(r"  [a-z-]+  +[A-Z]", line)}
    assert {"relay", "status", "dlq", "help"} <= commands
    pages = {path.name for path in (prefix / "share" / "man" / "man1").iterdir()}
    assert pages == {"outboxd.1"} | {f"outboxd-{command}.1" for command in commands}
    shown = run("groff", "-ww", "-man", "-Tutf8", prefix / "share/man/man1/outboxd-events.1")
    assert "warning:" not in shown and "Find events" in shown
