# SPDX-License-Identifier: Apache-2.0
"""A Redis of our own: loopback, nothing on disk but a dump when it stops."""
import os
import pathlib
import shutil
import socket
import tempfile

from . import process


class Redis(process.Server):
    name = "Redis"

    def address(self):
        return f"redis://127.0.0.1:{self.entry.get('port')}"

    def environment(self):
        return {"OUTBOXD_TEST_REDIS": self.address(), "OUTBOXD_TEST_REDIS_LOG": self.entry["log"]}

    def check_options(self, arguments):
        pass

    @staticmethod
    def program():
        program = shutil.which("redis-server") or shutil.which("redis-server", path="/usr/bin")
        if not program:
            raise process.ServiceError("Redis is missing: run ./dev setup test")
        return program

    def start(self, arguments):
        user = process.unprivileged_user("redis")
        if not self.entry:
            self.create(user)
        # Without --save a SIGTERM would forget everything; kill -9 does, as it may of a cache.
        self.launch([self.program(), "--bind", "127.0.0.1", "--port", str(self.entry["port"]),
                     "--dir", self.entry["home"], "--save", "3600 1", "--daemonize", "no",
                     "--appendonly", "no", "--maxmemory", "256mb"], cwd="/", **user)

    def create(self, user):
        base = self.directory
        if user and not process.reachable_by_others(base / "redis"):
            base = pathlib.Path(tempfile.mkdtemp(prefix="outboxd-redis-", dir="/tmp"))
            base.chmod(0o755)
        home = base / "redis"
        home.mkdir(mode=0o700)
        if user:
            os.chown(home, user["user"], user["group"])
        self.entry.update(port=process.free_port(), home=str(home),
                          log=str(self.directory / "redis.log"))

    def ready(self):
        """An open port alone comes too early: while it loads its dump it answers LOADING."""
        try:
            with socket.create_connection(("127.0.0.1", self.entry["port"]), timeout=1) as asking:
                asking.sendall(b"PING\r\n")
                return asking.recv(64).startswith(b"+PONG")
        except OSError:
            return False

    def remove(self):
        self.resume()
        if self.running():
            self.kill()
        if "home" in self.entry:
            home = pathlib.Path(self.entry["home"])
            shutil.rmtree(home, ignore_errors=True)
            if home.parent != self.directory:
                home.parent.rmdir()
