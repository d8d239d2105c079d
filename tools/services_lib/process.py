# SPDX-License-Identifier: Apache-2.0
"""Processes that are recorded, checked by their start time, and ended one by one."""
import os
import pathlib
import pwd
import random
import signal
import socket
import stat
import subprocess
import time


class ServiceError(Exception):
    """Ends the command with one line that says what to do."""


def make_directory(directory):
    """A folder in /tmp may have been made by somebody else to catch us: only our own will do."""
    directory.mkdir(mode=0o755, parents=True, exist_ok=True)
    if directory.is_symlink() or directory.stat().st_uid != os.getuid():
        raise ServiceError(f"{directory} belongs to another user: set OUTBOXD_SERVICES_DIR")


def free_port():
    """Below the ports that the kernel gives to whoever connects: a server that is killed and comes
    back on its own port would else find a connection of somebody there, now and then."""
    text = pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text()
    for port in random.sample(range(10_000, max(10_100, int(text.split()[0]))), 100):
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise ServiceError("no port of 127.0.0.1 between 10000 and the kernel's own is free")


def answers(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def start_time(pid):
    """Field 22 of /proc/PID/stat; None for a process that is gone or a zombie."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] == "Z" else int(fields[19])


def children(pid):
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                text = pathlib.Path(f"/proc/{name}/stat").read_text()
            except OSError:
                continue
            if int(text.rpartition(")")[2].split()[1]) == pid:
                found.append(int(name))
    return found


def reachable_by_others(directory):
    """True if a user who owns none of the folders above may pass through all of them."""
    return all(path.stat().st_mode & stat.S_IXOTH for path in directory.resolve().parents)


def unprivileged_user(*names):
    """Who a server runs as where we are root: the first of the names that exists, or nobody."""
    if os.getuid() != 0:
        return {}
    for name in (*names, "nobody"):
        try:
            account = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    raise ServiceError(f"there is no user {' or '.join((*names, 'nobody'))} to run a server as")


def last_lines(path, count=15):
    try:
        return "\n".join(pathlib.Path(path).read_text(errors="replace").splitlines()[-count:])
    except OSError:
        return ""


class Server:
    """One server: entry is its record in services.json (pid, start_time, port, log ...)."""

    name = ""
    stop_signal = signal.SIGTERM
    ready_seconds = 120  # Of a machine that compiles and tests at the same time.

    def __init__(self, root, directory, entry):
        self.root = root
        self.directory = directory
        self.entry = entry

    def running(self):
        pid = self.entry.get("pid")
        return bool(pid) and start_time(pid) == self.entry["start_time"]

    def launch(self, command, **options):
        """Starts the server apart from us: it outlives this command and holds none of its pipes."""
        with open(self.entry["log"], "ab") as log:
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                     start_new_session=True, **options)
        self.entry["pid"] = child.pid
        self.entry["start_time"] = start_time(child.pid) or 0
        deadline = time.monotonic() + self.ready_seconds
        while not self.ready():
            if child.poll() is not None:
                raise ServiceError(f"{self.name} ended while starting, see {self.entry['log']}:\n"
                                   + last_lines(self.entry["log"]))
            if time.monotonic() > deadline:
                self.kill()
                raise ServiceError(f"{self.name} did not answer in {self.ready_seconds} s, see "
                                   f"{self.entry['log']}:\n" + last_lines(self.entry["log"]))
            time.sleep(0.05)

    def signal(self, number):
        """To the server and its children, as long as it is the process that was recorded."""
        if not self.running():
            return
        for pid in [self.entry["pid"], *children(self.entry["pid"])]:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def wait_for_end(self, seconds):
        deadline = time.monotonic() + seconds
        while self.running() and time.monotonic() < deadline:
            time.sleep(0.02)
        return not self.running()

    def stop(self):
        if self.running():
            self.signal(signal.SIGCONT)
            if self.running():
                os.kill(self.entry["pid"], self.stop_signal)
            if not self.wait_for_end(30):
                self.kill()

    def kill(self):
        self.signal(signal.SIGKILL)
        if not self.wait_for_end(10):
            raise ServiceError(f"{self.name} (pid {self.entry['pid']}) survives kill -9")

    def pause(self):
        self.signal(signal.SIGSTOP)

    def resume(self):
        self.signal(signal.SIGCONT)
