# SPDX-License-Identifier: Apache-2.0
"""What every system test gets: servers of its own run, a database and topics of its own.

A test file runs as one pytest, so each has a PostgreSQL and a Kafka which it may kill or pause.
"""
import itertools
import os
import pathlib
import subprocess
import sys
import tempfile

import psycopg2
import pytest

from browsers import Tab, chromium
from databases import Database
from programs import Outboxd
from topics import Topics

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PROGRAM = pathlib.Path(os.environ.get("OUTBOXD_PROGRAM", ROOT / "build" / "outboxd"))
NUMBERS = itertools.count(1)


class Services:
    """The running servers, and tools/services to stop, kill, pause, resume or restart them."""

    def __init__(self, directory):
        self.directory = directory
        self.environment = dict(os.environ, OUTBOXD_SERVICES_DIR=str(directory))
        self.values = {}

    def command(self, *words):
        done = subprocess.run([str(ROOT / "tools" / "services"), *words], text=True,
                              env=self.environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
        if done.returncode != 0:
            raise RuntimeError(f"tools/services {' '.join(words)} failed:\n{done.stdout}")
        return done.stdout

    def up(self, *kinds):
        self.command("up", *kinds)
        lines = (self.directory / "services.env").read_text().splitlines()
        self.values = dict(line.split("=", 1) for line in lines)

    @property
    def postgres(self):
        return self.values["OUTBOXD_TEST_POSTGRES"]

    @property
    def kafka(self):
        return self.values["OUTBOXD_TEST_KAFKA"]

    @property
    def kafka_sasl(self):
        """Asks for a login: users outboxd and limited, password outboxd-secret."""
        return self.values["OUTBOXD_TEST_KAFKA_SASL"]

    @property
    def mariadb(self):
        """Started by the first test that asks for it; ends with a slash, for a database's name."""
        if "OUTBOXD_TEST_MARIADB" not in self.values:
            self.up("mariadb")
        return self.values["OUTBOXD_TEST_MARIADB"]

    @property
    def redis(self):
        """Started by the first test that asks for it."""
        if "OUTBOXD_TEST_REDIS" not in self.values:
            self.up("redis")
        return self.values["OUTBOXD_TEST_REDIS"]


@pytest.fixture(scope="session")
def services():
    kept = os.environ.get("OUTBOXD_SYSTEM_SERVICES_DIR")
    if kept:  # For work on the tests: servers that stay from one run to the next.
        running = Services(pathlib.Path(kept))
        running.up()
        yield running
        return
    with tempfile.TemporaryDirectory(prefix="outboxd-system-", dir="/tmp") as parent:
        os.chmod(parent, 0o755)
        running = Services(pathlib.Path(parent) / "services")
        try:
            running.up()
            yield running
        finally:
            print(running.command("down"), file=sys.stderr)


@pytest.fixture(scope="session")
def program():
    """The built outboxd; a missing one is an error, never a skipped test."""
    assert PROGRAM.exists(), f"{PROGRAM} is missing: run ./dev build"
    return str(PROGRAM)


@pytest.fixture
def database_url(services):
    """The URL of a database of this test alone; it goes when the servers go."""
    name = f"test_{os.getpid()}_{next(NUMBERS)}"
    connection = psycopg2.connect(services.postgres)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f"create database {name}")
    connection.close()
    return services.postgres.rpartition("/")[0] + "/" + name


@pytest.fixture
def database(database_url):
    opened = Database(database_url)
    yield opened
    opened.connection.close()


@pytest.fixture
def unique():
    """A word that no other test uses: for topics, groups and relay names."""
    return f"t{os.getpid()}n{next(NUMBERS)}"


@pytest.fixture(scope="session")
def shop_program(program):
    """The built shop, beside outboxd."""
    path = pathlib.Path(program).parent / "shop"
    assert path.exists(), f"{path} is missing: run ./dev test, which builds it"
    return str(path)


@pytest.fixture
def outboxd(program, services, database_url, tmp_path):
    """The program on this test's database; what still runs at the end is killed."""
    starter = Outboxd(program, tmp_path, database_url, services.kafka)
    yield starter
    starter.end_all()


@pytest.fixture
def topics(outboxd, services):
    return Topics(outboxd, services.kafka)


@pytest.fixture
def topic(topics, unique):
    """A topic of three partitions of this test alone."""
    return topics.create(unique)


@pytest.fixture(scope="module")
def browser():
    with chromium() as opened:
        yield opened


@pytest.fixture
def tabs(browser):
    """Opens tabs that are closed at the end; none of them may have complained."""
    opened = []

    def start(url, **options):
        opened.append(Tab(browser, url, **options))
        return opened[-1]
    yield start
    for tab in opened:
        tab.close()
    assert [line for tab in opened for line in tab.complaints] == []
