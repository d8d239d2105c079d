# SPDX-License-Identifier: Apache-2.0
"""Topics of a test: made by the program, or by Kafka's own tools; read by kcat."""
import pathlib
import subprocess
import sys
from dataclasses import dataclass

from waiting import wait_until

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))
from services_lib import kafka  # noqa: E402

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
    """kcat writes name=value,name=value; our own values hold no comma, a test's must not either."""
    if not line:
        return {}
    return dict(part.split("=", 1) for part in line.decode(errors="replace").split(","))


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
    def __init__(self, outboxd, bootstrap_servers, version):
        self.outboxd = outboxd
        self.bootstrap_servers = bootstrap_servers
        self.version = version

    def create(self, *names, partitions=3):
        self.outboxd.done("topics", "create", *names, "--partitions", str(partitions))
        return names[0]

    def read(self, topic, servers=None):
        """All messages of a topic, partition by partition in order."""
        command = ["kcat", "-C", "-q", "-e", "-b", servers or self.bootstrap_servers, "-t", topic,
                   "-o", "beginning", "-X", "check.crcs=true", "-f", FORMAT]
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

    def kafka_tool(self, name, *words):
        """Runs one of Kafka's own tools, for what the program has no command for."""
        jars = ROOT / ".cache" / "kafka" / self.version / "libs" / "*"
        command = [kafka.Kafka.java(), "-Xmx128m", "-XX:TieredStopAtLevel=1",
                   "-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-cp", str(jars),
                   name, "--bootstrap-server", self.bootstrap_servers, *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def limit(self, topic, message_bytes):
        self.kafka_tool("kafka.admin.ConfigCommand", "--alter", "--entity-type", "topics",
                        "--entity-name", topic, "--add-config",
                        f"max.message.bytes={message_bytes}")

    def delete(self, topic):
        self.kafka_tool("org.apache.kafka.tools.TopicCommand", "--delete", "--topic", topic)


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
