# SPDX-License-Identifier: Apache-2.0
"""A PostgreSQL 15 or newer of our own: TCP on loopback, trust, superuser outboxd."""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile

from . import process

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "wal_level": "logical",
    "max_replication_slots": "20",
    "max_wal_senders": "20",
    "max_prepared_transactions": "10",
    "log_line_prefix": "%m [%p] %a ",
}
# Without fsync a kill -9 of the server loses nothing (the kernel has the pages); only a crash of
# the machine would, and no test survives that anyway.
QUICK = {"fsync": "off", "full_page_writes": "off"}
DURABLE = {"fsync": "on", "synchronous_commit": "on", "shared_buffers": "1GB",
           "max_wal_size": "8GB", "checkpoint_timeout": "30min"}


class Postgres(process.Server):
    name = "PostgreSQL"
    stop_signal = signal.SIGINT

    def address(self):
        return f"postgresql://outboxd@127.0.0.1:{self.entry.get('port')}/postgres"

    def environment(self):
        return {"OUTBOXD_TEST_POSTGRES": self.address(), "OUTBOXD_TEST_POSTGRES_LOG":
                self.entry["log"]}

    def check_options(self, arguments):
        if self.entry and arguments.durable and not self.entry["durable"]:
            raise process.ServiceError("PostgreSQL was started without --durable here: "
                                       "tools/services down, then up --durable")

    def programs(self):
        given = os.environ.get("OUTBOXD_SERVICES_POSTGRES_BIN")
        if given:
            return pathlib.Path(given)
        found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"),
                       key=lambda path: float(path.parts[-3]))
        found = [path for path in found if float(path.parts[-3]) >= 15]
        if not found:
            raise process.ServiceError("PostgreSQL 15 is missing: run ./dev setup test, or set "
                                       "OUTBOXD_SERVICES_POSTGRES_BIN to the folder of initdb")
        return found[0].parent

    def user(self):
        """PostgreSQL refuses to run as root; then it runs as postgres, or else as nobody."""
        return process.unprivileged_user("postgres")

    def start(self, arguments):
        user = self.user()
        if not self.entry:
            self.create(user, arguments)
        elif not pathlib.Path(self.entry["data"]).exists():
            raise process.ServiceError(f"{self.entry['data']} is gone: tools/services down")
        else:
            # Its process has ended, that was checked; where nobody reaps it, its number is still
            # taken and PostgreSQL would believe that the other server lives.
            pathlib.Path(self.entry["data"], "postmaster.pid").unlink(missing_ok=True)
        settings = dict(SETTINGS, port=self.entry["port"],
                        **(DURABLE if self.entry["durable"] else QUICK))
        command = [str(self.programs() / "postgres"), "-D", self.entry["data"]]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        self.launch(command, cwd="/", env=self.clean_environment(), **user)

    def create(self, user, arguments):
        base = self.directory
        if user and not process.reachable_by_others(base / "postgres"):
            base = pathlib.Path(tempfile.mkdtemp(prefix="outboxd-postgres-", dir="/tmp"))
            base.chmod(0o755)
        home = base / "postgres"
        home.mkdir(mode=0o700)
        if user:
            os.chown(home, user["user"], user["group"])
        self.entry.update(port=process.free_port(), data=str(home / "data"), home=str(home),
                          log=str(self.directory / "postgres.log"), durable=arguments.durable)
        made = subprocess.run([str(self.programs() / "initdb"), "-D", self.entry["data"],
                               "--username=outboxd", "--auth=trust", "--encoding=UTF8",
                               "--locale=C.UTF-8", "--no-sync"],
                              cwd="/", env=self.clean_environment(), text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, **user)
        if made.returncode != 0:
            self.entry.clear()
            shutil.rmtree(home, ignore_errors=True)
            raise process.ServiceError(f"initdb failed:\n{made.stdout}")

    @staticmethod
    def clean_environment():
        """A PGPORT or PGDATA of the caller must not reach our server."""
        return {name: value for name, value in os.environ.items()
                if not re.match(r"PG[A-Z]", name)} | {"LC_ALL": "C.UTF-8"}

    def ready(self):
        answer = subprocess.run([str(self.programs() / "pg_isready"), "-q", "-h", "127.0.0.1",
                                 "-U", "outboxd", "-d", "postgres",
                                 "-p", str(self.entry["port"])], env=self.clean_environment())
        return answer.returncode == 0

    def remove(self):
        self.resume()
        if self.running():
            os.kill(self.entry["pid"], signal.SIGQUIT)
            if not self.wait_for_end(10):
                self.kill()
        if "home" in self.entry:
            home = pathlib.Path(self.entry["home"])
            shutil.rmtree(home, ignore_errors=True)
            if home.parent != self.directory:
                home.parent.rmdir()
