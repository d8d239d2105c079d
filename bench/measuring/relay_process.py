# SPDX-License-Identifier: Apache-2.0
"""outboxd relay as a process that is measured from outside."""
import os
import signal
import subprocess
import tempfile
import threading
import time

from . import machine
from .services import BenchError, clean_environment

START_SECONDS = 60
STOP_SECONDS = 20


class RelayProcess:
    """Runs in an empty folder, configured by its database, its brokers and these flags alone."""

    def __init__(self, services, database, *flags):
        self.folder = tempfile.TemporaryDirectory(prefix="outboxd-bench-relay-")
        self.seen = {}
        self.lines = []
        self.changed = threading.Condition()
        self.spawned_at = time.monotonic()
        self.process = subprocess.Popen(
            [services.program, "relay", *flags], cwd=self.folder.name, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            env=clean_environment(DATABASE_CONN=services.url(database),
                                  KAFKA_BOOTSTRAP_SERVERS=services.brokers))
        self.pid = self.process.pid
        self.reader = threading.Thread(target=self.read_log, daemon=True)
        self.reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """Whatever happened, it does not outlive its leg."""
        if self.process.returncode is None:
            self.process.kill()
            self.process.wait()
        self.reader.join()
        self.process.stderr.close()
        self.folder.cleanup()

    def read_log(self):
        for line in self.process.stderr:
            now = time.monotonic()
            with self.changed:
                self.lines = (self.lines + [line.rstrip()])[-20:]
                for text in ("publisher started", "pending events"):
                    if text in line:
                        self.seen.setdefault(text, now)
                self.changed.notify_all()
        with self.changed:
            self.seen.setdefault("end", time.monotonic())
            self.changed.notify_all()

    def time_of(self, text):
        """When this line came; the log is a pipe, so it is read as it is written."""
        with self.changed:
            came = self.changed.wait_for(lambda: text in self.seen or "end" in self.seen,
                                         START_SECONDS)
            if not came or text not in self.seen:
                raise BenchError(f"outboxd relay never said '{text}':\n" + "\n".join(self.lines))
            return self.seen[text]

    def check_alive(self):
        if "end" in self.seen:
            raise BenchError("outboxd relay ended:\n" + "\n".join(self.lines))

    def peak_memory_mib(self):
        return machine.peak_memory_mib(self.pid)

    def stop(self):
        """SIGTERM; returns the CPU seconds of its whole life, start and end included."""
        self.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while True:
            pid, status, usage = os.wait4(self.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() > deadline:
                raise BenchError(f"outboxd relay did not end within {STOP_SECONDS} s of SIGTERM")
            time.sleep(0.01)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        if self.process.returncode != 0:
            raise BenchError(f"outboxd relay ended with {self.process.returncode}:\n"
                             + "\n".join(self.lines))
        return usage.ru_utime + usage.ru_stime
