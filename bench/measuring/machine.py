# SPDX-License-Identifier: Apache-2.0
"""The machine: what it is, and who uses its processors while something is measured."""
import os
import pathlib
import platform
import statistics
import tempfile
import time

TICKS = os.sysconf("SC_CLK_TCK")
SYNCS = 200
SYNC_BYTES = 8192


def describe(folder):
    """What a reader has to know about the machine to judge its numbers."""
    return {"processor": first_value("/proc/cpuinfo", "model name"), "cores": os.cpu_count(),
            "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
            "system": first_value("/etc/os-release", "PRETTY_NAME", "=").strip('"'),
            "kernel": platform.release(), "fdatasync_ms": fdatasync_ms(folder)}


def first_value(path, name, separator=":"):
    for line in pathlib.Path(path).read_text().splitlines():
        key, _, value = line.partition(separator)
        if key.strip() == name:
            return value.strip()
    return "unknown"


def fdatasync_ms(folder):
    """Median time to make a page durable at the end of a file: what a commit costs at least."""
    times = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(SYNCS):
            file.write(b"x" * SYNC_BYTES)
            file.flush()
            start = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append((time.perf_counter() - start) * 1000)
    return round(statistics.median(times), 3)


def process_fields(pid):
    """The fields of /proc/PID/stat after the name, or None where the process is gone."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return text.rpartition(")")[2].split()


def cpu_seconds(pid):
    """User and system time of all threads of one process."""
    fields = process_fields(pid)
    return (int(fields[11]) + int(fields[12])) / TICKS if fields else 0.0


def peak_memory_mib(pid):
    """VmHWM: the most that the process ever had resident."""
    return int(first_value(f"/proc/{pid}/status", "VmHWM").split()[0]) / 1024


def trees_cpu_seconds(roots):
    """CPU of each of these processes and all below them, those that have ended included."""
    parents, used = {}, {}
    for name in os.listdir("/proc"):
        fields = process_fields(name) if name.isdigit() else None
        if fields:
            parents[int(name)] = int(fields[1])
            used[int(name)] = sum(int(field) for field in fields[11:15]) / TICKS
    sums = dict.fromkeys(roots, 0.0)
    for pid, seconds in used.items():
        above = pid
        while above and above not in sums:
            above = parents.get(above, 0)
        if above:
            sums[above] += seconds
    return sums


def busy_seconds():
    """All CPU that the machine has used; what a hypervisor took from it counts as used."""
    with open("/proc/stat") as stat:
        fields = [int(field) for field in stat.readline().split()[1:9]]
    user, nice, system, _, _, interrupt, soft_interrupt, stolen = fields
    return (user + nice + system + interrupt + soft_interrupt + stolen) / TICKS


class Load:
    """CPU in cores between start() and stop(), by who used it; `foreign` is everybody else."""

    def __init__(self, pids):
        self.pids = dict(pids, bench=os.getpid())

    def read(self):
        sums = trees_cpu_seconds(self.pids.values())
        return time.monotonic(), busy_seconds(), {name: sums[pid] for name, pid in
                                                  self.pids.items()}

    def start(self):
        self.began = self.read()

    def stop(self):
        began, busy_before, used_before = self.began
        ended, busy, used = self.read()
        seconds = ended - began
        cores = {name: (used[name] - used_before[name]) / seconds for name in used}
        foreign = (busy - busy_before) / seconds - sum(cores.values())
        cores["foreign"] = max(foreign, 0.0)
        return {name: round(value, 3) for name, value in cores.items()} | {
            "load_average": os.getloadavg()[0]}
