"""What each broker of a local cluster is told: its properties, its logging and its Java flags."""

from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import quoteattr

from infra.ports import HOST

REPLICATION_MAX = 3
COORDINATOR_PARTITIONS = 8
_JAVA_FLAGS = (
    "-XX:+UseSerialGC",
    "-Xss512k",
    "-Djava.awt.headless=true",
    "-Dlog4j2.disableJmx=true",
)
# A broker that starts soon and takes little memory,
BRIEF_JAVA_FLAGS = (*_JAVA_FLAGS, "-XX:TieredStopAtLevel=1", "-Xms64m", "-Xmx256m")
# and one that takes its time to get fast: some 40% less CPU for a request, after a minute.
LASTING_JAVA_FLAGS = (*_JAVA_FLAGS, "-Xms512m", "-Xmx512m", "-Xmn256m")
# How soon the death of a broker is noticed. One broker alone needs it too: after a crash it is let
# in again only when the session of its former life is over.
FAILOVER_PROPERTIES = {
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    "controller.quorum.election.timeout.ms": "500",
    "controller.quorum.fetch.timeout.ms": "1000",
    # How long a broker waits for a frozen controller before it looks for the new one.
    "controller.socket.timeout.ms": "3000",
}
PROPERTIES_FILE = "server.properties"
LOG_FILE = "broker.log"
LOGGING = """\
<?xml version="1.0" encoding="UTF-8"?>
<Configuration status="ERROR" shutdownHook="disable">
  <Appenders>
    <RollingFile name="file" fileName={file} filePattern={rolled}>
      <PatternLayout pattern="%d{{ISO8601}} %p %m (%c)%n"/>
      <SizeBasedTriggeringPolicy size="10 MB"/>
      <DefaultRolloverStrategy max="2"/>
    </RollingFile>
  </Appenders>
  <Loggers>
    <Root level="WARN"><AppenderRef ref="file"/></Root>
  </Loggers>
</Configuration>
"""


@dataclass(frozen=True, slots=True)
class NodePlan:
    """One broker: its number from 1, its two ports and its place on the disk."""

    node: int
    port: int
    controller_port: int
    directory: Path

    @property
    def properties_file(self) -> Path:
        """Kafka's settings; the absolute path also tells this broker's process from any other."""
        return self.directory / PROPERTIES_FILE

    @property
    def logging_file(self) -> Path:
        """Log4j's settings."""
        return self.directory / "log4j2.xml"

    @property
    def log_file(self) -> Path:
        """What the broker logs."""
        return self.directory / LOG_FILE

    @property
    def output_file(self) -> Path:
        """What Java itself prints; begun anew with each start."""
        return self.directory / "java.out"

    @property
    def records_directory(self) -> Path:
        """The topics' records."""
        return self.directory / "records"


@dataclass(frozen=True, slots=True)
class ClusterPlan:
    """All brokers of one cluster, and how many partitions a topic has by default."""

    nodes: tuple[NodePlan, ...]
    partitions: int

    @property
    def bootstrap(self) -> str:
        """The addresses for clients."""
        return ",".join(f"{HOST}:{node.port}" for node in self.nodes)

    @property
    def replication(self) -> int:
        """How many copies each record has."""
        return min(REPLICATION_MAX, len(self.nodes))

    @property
    def in_sync_min(self) -> int:
        """How many copies must exist before a record is acknowledged."""
        return max(1, self.replication - 1)

    def properties(self, node: NodePlan) -> dict[str, str]:
        """Kafka's settings for one broker, which is a controller as well."""
        voters = ",".join(f"{one.node}@{HOST}:{one.controller_port}" for one in self.nodes)
        return {
            "process.roles": "broker,controller",
            "node.id": str(node.node),
            "controller.quorum.voters": voters,
            "listeners": f"PLAINTEXT://{HOST}:{node.port},"
            f"CONTROLLER://{HOST}:{node.controller_port}",
            "advertised.listeners": f"PLAINTEXT://{HOST}:{node.port}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "PLAINTEXT",
            "log.dirs": str(node.records_directory),
            **self._topic_properties(),
            **self._size_properties(),
            **FAILOVER_PROPERTIES,
        }

    def _topic_properties(self) -> dict[str, str]:
        copies, in_sync = str(self.replication), str(self.in_sync_min)
        return {
            "auto.create.topics.enable": "false",
            "num.partitions": str(self.partitions),
            "default.replication.factor": copies,
            "min.insync.replicas": in_sync,
            "unclean.leader.election.enable": "false",
            "offsets.topic.num.partitions": str(COORDINATOR_PARTITIONS),
            "offsets.topic.replication.factor": copies,
            "transaction.state.log.num.partitions": str(COORDINATOR_PARTITIONS),
            "transaction.state.log.replication.factor": copies,
            "transaction.state.log.min.isr": in_sync,
            "share.coordinator.state.topic.replication.factor": copies,
            "share.coordinator.state.topic.min.isr": in_sync,
            "group.initial.rebalance.delay.ms": "0",
            "group.min.session.timeout.ms": "1000",
        }

    def _size_properties(self) -> dict[str, str]:
        return {
            "num.network.threads": "2",
            "num.io.threads": "4",
            "background.threads": "4",
            "log.cleaner.dedupe.buffer.size": str(16 * 1024 * 1024),
            "log.cleaner.backoff.ms": "1000",
            "log.segment.bytes": str(128 * 1024 * 1024),
            "log.index.size.max.bytes": str(1024 * 1024),
        }


def write_node_files(cluster: ClusterPlan, node: NodePlan) -> None:
    """Write the settings that one broker reads when it starts."""
    node.directory.mkdir(parents=True, exist_ok=True)
    lines = [f"{name}={value}\n" for name, value in cluster.properties(node).items()]
    node.properties_file.write_text("".join(lines))
    files = {"file": quoteattr(str(node.log_file)), "rolled": quoteattr(f"{node.log_file}.%i")}
    node.logging_file.write_text(LOGGING.format(**files))
