# SPDX-License-Identifier: Apache-2.0
"""A few administrative requests in Kafka's own protocol, for what the program has no command for.

Kafka's own tools would take some seconds each to start a Java, on every call.
"""
import socket
import struct

DESCRIBE_GROUPS = (15, 0)
DELETE_TOPICS = (20, 1)
DELETE_RECORDS = (21, 0)
CREATE_PARTITIONS = (37, 0)
CREATE_ACLS = (30, 1)
DELETE_ACLS = (31, 1)
ALTER_CONFIGS = (44, 0)  # IncrementalAlterConfigs

TOPIC, LITERAL, WRITE, DENY = 2, 3, 4, 2


def text(value):
    if value is None:
        return struct.pack(">h", -1)
    encoded = value.encode()
    return struct.pack(">h", len(encoded)) + encoded


def ask(servers, request, body):
    """Sends one request to the broker, which is the controller too; returns the answer's body."""
    host, port = servers.split(",")[0].rsplit(":", 1)
    key, version = request
    message = struct.pack(">hhi", key, version, 1) + text("tests") + body
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(struct.pack(">i", len(message)) + message)
        with connection.makefile("rb") as answers:
            size, = struct.unpack(">i", answers.read(4))
            return answers.read(size)[4:]


def succeeded(answer, code):
    assert code == 0, f"Kafka answers with error {code}: {answer!r}"


class Fields:
    """An answer, field by field."""

    def __init__(self, answer):
        self.answer, self.at = answer, 0

    def number(self, form):
        found, = struct.unpack_from(">" + form, self.answer, self.at)
        self.at += struct.calcsize(form)
        return found

    def bytes(self, form="h"):
        size = max(0, self.number(form))
        self.at += size
        return self.answer[self.at - size:self.at]


def members_at_work(servers, group):
    """How many members of a group have partitions; none while it is being shared out anew."""
    fields = Fields(ask(servers, DESCRIBE_GROUPS, struct.pack(">i", 1) + text(group)))
    fields.number("i")
    succeeded(fields.answer, fields.number("h"))
    _, state, _, _ = (fields.bytes() for _ in range(4))
    working = 0
    for _ in range(fields.number("i")):
        for form in ("h", "h", "h", "i"):  # Member, client, host, what it asks for.
            fields.bytes(form)
        assignment = Fields(fields.bytes("i"))
        has_topics = len(assignment.answer) > 6 and assignment.number("h") >= 0
        working += has_topics and assignment.number("i") > 0
    return working if state == b"Stable" else 0


def alter_topic(servers, topic, name, value):
    answer = ask(servers, ALTER_CONFIGS,
                 struct.pack(">ib", 1, TOPIC) + text(topic) + struct.pack(">i", 1) + text(name)
                 + struct.pack(">b", 0) + text(str(value)) + b"\0")
    succeeded(answer, struct.unpack(">h", answer[8:10])[0])


def delete_topic(servers, topic):
    answer = ask(servers, DELETE_TOPICS,
                 struct.pack(">i", 1) + text(topic) + struct.pack(">i", 10000))
    succeeded(answer, struct.unpack(">h", answer[-2:])[0])


def delete_records(servers, topic, partition, before):
    """The partition then begins at this offset, as if retention had taken the rest."""
    answer = ask(servers, DELETE_RECORDS,
                 struct.pack(">i", 1) + text(topic) + struct.pack(">iiqi", 1, partition, before,
                                                                 10000))
    succeeded(answer, struct.unpack(">h", answer[-2:])[0])


def add_partitions(servers, topic, count):
    """Up to so many."""
    answer = ask(servers, CREATE_PARTITIONS,
                 struct.pack(">i", 1) + text(topic) + struct.pack(">iiib", count, -1, 10000, 0))
    code_at = 4 + 4 + 2 + len(topic)
    succeeded(answer, struct.unpack(">h", answer[code_at:code_at + 2])[0])


def deny_writing(servers, topic, user):
    answer = ask(servers, CREATE_ACLS,
                 struct.pack(">ib", 1, TOPIC) + text(topic) + struct.pack(">b", LITERAL)
                 + text(f"User:{user}") + text("*") + struct.pack(">bb", WRITE, DENY))
    succeeded(answer, struct.unpack(">h", answer[8:10])[0])


def allow_writing(servers, topic, user):
    """Takes deny_writing back."""
    answer = ask(servers, DELETE_ACLS,
                 struct.pack(">ib", 1, TOPIC) + text(topic) + struct.pack(">b", LITERAL)
                 + text(f"User:{user}") + text("*") + struct.pack(">bb", WRITE, DENY))
    succeeded(answer, struct.unpack(">h", answer[8:10])[0])
