# SPDX-License-Identifier: Apache-2.0
"""outboxd as a user has it: commands that end, and processes that run until they are told to end.

Each runs in an empty folder and without the caller's OUTBOXD_* and plain variables, so that nothing
but what the test says configures it.
"""
import json
import os
import pathlib
import re
import signal
import subprocess

from waiting import wait_until

PLAIN_VARIABLES = {"DATABASE_CONN", "KAFKA_BOOTSTRAP_SERVERS", "KAFKA_USER", "KAFKA_PASSWORD",
                   "KAFKA_SASL_MECHANISM", "POLL_INTERVAL_SECONDS", "BATCH_SIZE"}


def clean_environment():
    return {name: value for name, value in os.environ.items()
            if not name.startswith(("OUTBOXD_", "PG")) and name not in PLAIN_VARIABLES}


def flags(settings):
    """relay__lease_ttl="1s" as --relay.lease-ttl=1s."""
    return [f"--{name.replace('__', '.').replace('_', '-')}={value}"
            for name, value in settings.items()]


class Running:
    """An outboxd that runs, with its two streams in files."""

    def __init__(self, command, environment, folder, name):
        self.name = name
        self.stdout_path = folder / f"{name}.stdout"
        self.stderr_path = folder / f"{name}.stderr"
        with open(self.stdout_path, "wb") as out, open(self.stderr_path, "wb") as err:
            self.process = subprocess.Popen(command, cwd=folder, env=environment, stdout=out,
                                            stderr=err, stdin=subprocess.DEVNULL)

    @property
    def pid(self):
        return self.process.pid

    def log(self):
        return self.stderr_path.read_text(errors="replace")

    def output(self):
        return self.stdout_path.read_text(errors="replace")

    def alive(self):
        return self.process.poll() is None

    def wait_for_log(self, pattern, seconds=20):
        """The match of the pattern in the log, once it is there; the process must live."""
        def look():
            found = re.search(pattern, self.log())
            assert found or self.alive(), f"{self.name} ended early:\n{self.log()[-3000:]}"
            return found
        return wait_until(look, seconds, lambda: f"{pattern!r} in\n{self.log()[-3000:]}")

    @property
    def member(self):
        """The publisher's ID, once it has started."""
        return self.wait_for_log(r"publisher started id=(\S+)").group(1)

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, seconds):
        return self.process.wait(timeout=seconds)

    def stop(self, seconds=10):
        """SIGTERM; returns the exit code, which has to come within the time promised."""
        self.signal(signal.SIGTERM)
        return self.wait(seconds)

    def kill(self):
        self.signal(signal.SIGKILL)
        self.wait(10)

    def peak_memory_bytes(self):
        with open(f"/proc/{self.pid}/status") as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
        raise AssertionError("no VmHWM")

    def listening_sockets(self):
        """The lines of /proc/net/tcp* that are this process's and listen."""
        inodes = set()
        for descriptor in pathlib.Path(f"/proc/{self.pid}/fd").iterdir():
            found = re.match(r"socket:\[(\d+)\]", os.readlink(descriptor))
            if found:
                inodes.add(found.group(1))
        lines = [line for name in ("tcp", "tcp6")
                 for line in pathlib.Path(f"/proc/{self.pid}/net/{name}").read_text().splitlines()]
        return [line for line in lines if line.split()[3] == "0A" and line.split()[9] in inodes]


class Outboxd:
    """Starts the program against one database and one cluster; None: none is named."""

    def __init__(self, program, folder, database_url, bootstrap_servers):
        self.program = program
        self.folder = folder
        self.environment = {"DATABASE_CONN": database_url,
                            "KAFKA_BOOTSTRAP_SERVERS": bootstrap_servers}
        self.started = []

    def _environment(self, extra):
        merged = dict(clean_environment(), **self.environment)
        merged.update(extra or {})
        return {name: value for name, value in merged.items() if value is not None}

    def run(self, *words, environment=None, stdin=None, timeout=60, **settings):
        return subprocess.run([self.program, *words, *flags(settings)], cwd=self.folder, text=True,
                              env=self._environment(environment), input=stdin or "",
                              capture_output=True, timeout=timeout)

    def done(self, *words, **options):
        """Runs a command that has to end well and returns its standard output."""
        result = self.run(*words, **options)
        assert result.returncode == 0, f"{words}: {result.returncode}\n{result.stderr}"
        return result.stdout

    def start(self, *words, environment=None, **settings):
        name = f"{words[0]}{len(self.started) + 1}"
        running = Running([self.program, *words, *flags(settings)],
                          self._environment(environment), self.folder, name)
        self.started.append(running)
        return running

    def relay(self, environment=None, **settings):
        return self.start("relay", environment=environment, **settings)

    def migrate(self, **settings):
        return self.done("migrate", **settings)

    def status(self, relay=0, **settings):
        """A relay's part of the status, which is told with the broker away as well."""
        ended = self.run("status", "--output", "json", **settings)
        assert ended.stdout, f"{ended.returncode}\n{ended.stderr}"
        shown = json.loads(ended.stdout)
        return shown["stores"][0]["relays"][relay]

    def end_all(self):
        for running in self.started:
            if running.alive():
                running.signal(signal.SIGCONT)
                running.kill()
