# SPDX-License-Identifier: Apache-2.0
"""A MariaDB 10.6 or newer of our own: TCP on loopback, user outboxd with all rights."""
import os
import pathlib
import shutil
import subprocess
import tempfile

from . import process

PASSWORD = "outboxd-secret"

# Runs at each start. The grants are made again, because they are harmless then and missing once.
INIT_SQL = (f"CREATE USER IF NOT EXISTS outboxd@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';\n"
            "GRANT ALL ON *.* TO outboxd@'127.0.0.1' WITH GRANT OPTION;\n")

SETTINGS = {
    "bind-address": "127.0.0.1",
    "socket": "mariadb.sock",  # In the data folder; a longer path may not fit.
    "pid-file": "mariadb.pid",
    "max-connections": "200",
    "skip-name-resolve": "1",
    "character-set-server": "utf8mb4",
    "innodb-log-file-size": "64M",
}
# A log that is written at each commit and synced once a second outlives a kill -9 of the server;
# only a crash of the machine would lose commits.
QUICK = {"innodb-flush-log-at-trx-commit": "2", "innodb-doublewrite": "0",
         "innodb-buffer-pool-size": "128M"}
DURABLE = {"innodb-flush-log-at-trx-commit": "1", "innodb-buffer-pool-size": "1G",
           "innodb-log-file-size": "1G"}


class Mariadb(process.Server):
    name = "MariaDB"

    def address(self):
        return f"mariadb://outboxd:{PASSWORD}@127.0.0.1:{self.entry.get('port')}/"

    def environment(self):
        return {"OUTBOXD_TEST_MARIADB": self.address(),
                "OUTBOXD_TEST_MARIADB_LOG": self.entry["log"]}

    def check_options(self, arguments):
        if self.entry and arguments.durable and not self.entry["durable"]:
            raise process.ServiceError("MariaDB was started without --durable here: "
                                       "tools/services down, then up --durable")

    @staticmethod
    def program(*names):
        for name in names:
            found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/bin")
            if found:
                return found
        raise process.ServiceError("MariaDB is missing: run ./dev setup test")

    def start(self, arguments):
        user = process.unprivileged_user("mysql")
        if not self.entry:
            self.create(user, arguments)
        settings = dict(SETTINGS, port=self.entry["port"], datadir=self.entry["data"],
                        **{"init-file": self.entry["init"]})
        settings.update(DURABLE if self.entry["durable"] else QUICK)
        command = [self.program("mariadbd", "mysqld"), "--no-defaults"]
        command += [f"--{name}={value}" for name, value in settings.items()]
        self.launch(command, cwd="/", **user)

    def create(self, user, arguments):
        base = self.directory
        if user and not process.reachable_by_others(base / "mariadb"):
            base = pathlib.Path(tempfile.mkdtemp(prefix="outboxd-mariadb-", dir="/tmp"))
            base.chmod(0o755)
        home = base / "mariadb"
        home.mkdir(mode=0o700)
        init = home / "init.sql"
        init.write_text(INIT_SQL)
        if user:
            os.chown(home, user["user"], user["group"])
            os.chown(init, user["user"], user["group"])
        self.entry.update(port=process.free_port(), home=str(home), data=str(home / "data"),
                          init=str(init), log=str(self.directory / "mariadb.log"),
                          durable=arguments.durable)
        made = subprocess.run([self.program("mariadb-install-db", "mysql_install_db"),
                               "--no-defaults", f"--datadir={self.entry['data']}",
                               "--auth-root-authentication-method=normal", "--skip-test-db",
                               "--skip-name-resolve"], cwd="/", text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, **user)
        if made.returncode != 0:
            self.entry.clear()
            shutil.rmtree(home, ignore_errors=True)
            raise process.ServiceError(f"mariadb-install-db failed:\n{made.stdout}")

    def ready(self):
        """It greets whoever connects once it takes logins; the init file has run by then."""
        return process.answers(self.entry["port"])

    def remove(self):
        self.resume()
        if self.running():
            self.kill()
        if "home" in self.entry:
            home = pathlib.Path(self.entry["home"])
            shutil.rmtree(home, ignore_errors=True)
            if home.parent != self.directory:
                home.parent.rmdir()
