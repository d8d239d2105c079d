# SPDX-License-Identifier: Apache-2.0
"""A Kafka of our own: KRaft, one broker, loopback, from the jars that tools/fetch-kafka gets."""
import glob
import os
import pathlib
import re
import shutil
import subprocess

from . import process

# One listener without a login, one with: user outboxd (may do everything) and user limited (may
# do what no ACL forbids), each with the password below, by PLAIN or SCRAM.
PASSWORD = "outboxd-secret"
USERS = ("outboxd", "limited")

PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners={clients},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners={clients}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
listener.name.sasl.plain.sasl.jaas.config={plain} required {plain_users};
listener.name.sasl.scram-sha-256.sasl.jaas.config={scram} required;
listener.name.sasl.scram-sha-512.sasl.jaas.config={scram} required;
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS;User:outboxd
allow.everyone.if.no.acl.found=true
log.dirs={data}
auto.create.topics.enable=false
num.partitions=1
default.replication.factor=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=5
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=5
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=3000
log.cleaner.dedupe.buffer.size=8388608
num.network.threads=2
num.io.threads=4
"""


class Kafka(process.Server):
    name = "Kafka"

    def address(self):
        return f"127.0.0.1:{self.entry.get('port')}"

    def environment(self):
        return {"OUTBOXD_TEST_KAFKA": self.address(),
                "OUTBOXD_TEST_KAFKA_SASL": f"127.0.0.1:{self.entry['sasl_port']}",
                "OUTBOXD_TEST_KAFKA_VERSION": self.entry["version"],
                "OUTBOXD_TEST_KAFKA_LOG": self.entry["log"]}

    def default_version(self):
        text = (self.root / "pom.xml").read_text()
        return re.search("<kafka.version>(.*)</kafka.version>", text).group(1)

    def check_options(self, arguments):
        wanted = arguments.kafka_version
        if self.entry and wanted and wanted != self.entry["version"]:
            raise process.ServiceError(f"Kafka {self.entry['version']} is in use here: "
                                       f"tools/services down, then up --kafka-version {wanted}")

    @staticmethod
    def java():
        found = sorted(glob.glob("/usr/lib/jvm/java-17-openjdk-*/bin/java"))
        program = found[0] if found else shutil.which("java")
        if not program:
            raise process.ServiceError("Java 17 is missing: run ./dev setup test")
        return program

    def traceless(self):
        """A Java that is killed leaves its unpacked libraries: in our folder, which goes."""
        home = pathlib.Path(self.entry["properties"]).parent
        return [f"-Djava.io.tmpdir={home}", "-XX:-UsePerfData"]

    def jars(self):
        return str(self.root / ".cache" / "kafka" / self.entry["version"] / "libs" / "*")

    def start(self, arguments):
        if not self.entry:
            self.create(arguments)
        self.entry["log_offset"] = self.log_size()
        self.launch([self.java(), "-Xms256m", "-Xmx512m", "-Djava.awt.headless=true",
                     *self.traceless(),
                     "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
                     "-Dorg.slf4j.simpleLogger.showDateTime=true",
                     "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
                     "-Dorg.slf4j.simpleLogger.log.kafka.server=info",
                     "-cp", self.jars(), "kafka.Kafka", self.entry["properties"]],
                    cwd=str(self.directory))

    def create(self, arguments):
        version = arguments.kafka_version or self.default_version()
        fetched = subprocess.run([str(self.root / "tools" / "fetch-kafka"), version])
        if fetched.returncode != 0:
            raise process.ServiceError(f"the jars of Kafka {version} could not be fetched")
        home = self.directory / "kafka"
        home.mkdir()
        self.entry.update(version=version, port=process.free_port(),
                          sasl_port=process.free_port(), controller_port=process.free_port(),
                          data=str(home / "data"), properties=str(home / "server.properties"),
                          log=str(self.directory / "kafka.log"))
        package = "org.apache.kafka.common.security"
        users = " ".join(f'user_{name}="{PASSWORD}"' for name in USERS)
        pathlib.Path(self.entry["properties"]).write_text(PROPERTIES.lstrip().format(
            clients=f"PLAINTEXT://127.0.0.1:{self.entry['port']},"
                    f"SASL://127.0.0.1:{self.entry['sasl_port']}",
            plain=f"{package}.plain.PlainLoginModule", plain_users=users,
            scram=f"{package}.scram.ScramLoginModule", **self.entry))
        command = [self.java(), "-Xmx128m", "-XX:TieredStopAtLevel=1", *self.traceless(),
                   "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", self.jars(),
                   "kafka.tools.StorageTool", "format", "-t", "b3V0Ym94ZC1zZXJ2aWNlcw",
                   "-c", self.entry["properties"]]
        for name in USERS:
            for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512"):
                command += ["--add-scram", f"{mechanism}=[name={name},password={PASSWORD}]"]
        formatted = subprocess.run(command, text=True, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if formatted.returncode != 0:
            self.entry.clear()
            shutil.rmtree(home, ignore_errors=True)
            raise process.ServiceError(f"formatting Kafka's storage failed:\n{formatted.stdout}")

    def log_size(self):
        log = pathlib.Path(self.entry["log"])
        return log.stat().st_size if log.exists() else 0

    def ready(self):
        """The broker says so once it is unfenced; an open port alone comes too early."""
        with open(self.entry["log"], "rb") as log:
            log.seek(self.entry["log_offset"])
            started = b"Kafka Server started" in log.read()
        return started and process.answers(self.entry["port"])

    def remove(self):
        self.resume()
        if self.running():
            self.kill()
        shutil.rmtree(self.directory / "kafka", ignore_errors=True)
