# SPDX-License-Identifier: Apache-2.0
"""Topics of a test: made by the program, read by kcat."""
import re
import subprocess
from dataclasses import dataclass

import kafka_wire
from waiting import wait_until

# Lengths first, so that keys and values may hold any bytes; headers on a line of their own.
FORMAT = "%p %o %K %S\n%h\n%k%s\n"


@dataclass
class Message:
    partition: int
    offset: int
    key: bytes
    value: bytes
    headers: dict

    @property
    def text(self):
        return None if self.value is None else self.value.decode()

    @property
    def row_id(self):
        return self.headers["row_id"]


def parse_headers(line):
    """kcat writes name=value,name=value; a comma counts where another name= follows."""
    if not line:
        return {}
    parts = re.split(r",(?=[\w.-]+=)", line.decode(errors="replace"))
    return dict(part.split("=", 1) for part in parts)


def parse(output):
    messages, at = [], 0
    while at < len(output):
        end = output.index(b"\n", at)
        partition, offset, key_size, value_size = (int(word) for word in output[at:end].split())
        headers_end = output.index(b"\n", end + 1)
        headers = parse_headers(output[end + 1:headers_end])
        at = headers_end + 1
        key = None if key_size < 0 else output[at:at + key_size]
        at += max(key_size, 0)
        value = None if value_size < 0 else output[at:at + value_size]
        at += max(value_size, 0) + 1
        messages.append(Message(partition, offset, key, value, headers))
    return messages


class Topics:
    def __init__(self, outboxd, bootstrap_servers):
        self.outboxd = outboxd
        self.bootstrap_servers = bootstrap_servers

    def create(self, *names, partitions=3):
        self.outboxd.done("topics", "create", *names, "--partitions", str(partitions))
        return names[0]

    def read(self, topic, servers=None):
        """All messages of a topic, partition by partition in order."""
        command = ["kcat", "-C", "-q", "-e", "-b", servers or self.bootstrap_servers, "-t", topic,
                   "-o", "beginning", "-X", "check.crcs=true", "-X", "fetch.wait.max.ms=10",
                   "-f", FORMAT]
        done = subprocess.run(command, capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr.decode()
        return sorted(parse(done.stdout), key=lambda one: (one.partition, one.offset))

    def wait_for(self, topic, count, seconds=20):
        """All messages once there are at least so many: for topics whose rows do not tell."""
        found = []

        def look():
            found[:] = self.read(topic)
            return len(found) >= count
        wait_until(look, seconds, lambda: f"{len(found)} messages in {topic}, expected {count}")
        return found

    def limit(self, topic, message_bytes):
        kafka_wire.alter_topic(self.bootstrap_servers, topic, "max.message.bytes", message_bytes)


def first_deliveries(messages):
    """Row ids by key, as they stood first in the topic; later ones of a row are duplicates."""
    by_key, seen = {}, set()
    for message in messages:
        if message.row_id in seen:
            continue
        seen.add(message.row_id)
        by_key.setdefault(message.key, []).append(int(message.row_id))
    return by_key


def assert_order_per_key(messages):
    for key, rows in first_deliveries(messages).items():
        assert rows == sorted(rows), f"key {key}: first deliveries out of order: {rows}"
