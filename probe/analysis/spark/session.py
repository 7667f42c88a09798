"""One Spark session: on this machine, on a standalone cluster, or on whatever a Spark Connect server speaks for.

No other file imports pyspark, and this one only when a session is asked for: no other command waits for it.
"""

import importlib.util
import logging
import os
import re
import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from pyspark.sql import SparkSession as SparkSession  # for the others, so that one file alone imports pyspark

MASTERS = "local[N], spark://HOST:PORT, or sc://HOST:PORT for Spark Connect"
NEEDS = (
    "--engine spark needs pyspark, which the extra [cluster] brings: pip install 'censorprobe[analysis,cluster]', "
    "or in a checkout: pip install -e '.[analysis,cluster]'"
)
NEEDS_JAVA = "--engine spark needs Java 17 or 21 (in Debian: default-jre-headless), found by JAVA_HOME or PATH"
KNOCK = 5.0  # seconds for somebody to answer where a cluster should be; Spark itself would try for minutes
_LOCAL = re.compile(r"local(\[(\d+|\*)\])?")
_PORTS = {"spark": 7077, "sc": 15002}  # Spark's own defaults
_LOOPBACK = "127.0.0.1"

# Spark's page would be open to whoever reaches this machine; the rest keeps stdout and stderr for what we say.
_QUIET = {"spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false", "spark.log.level": "ERROR"}
# Alone, it listens where nobody else is, and lets in only who knows a secret that it makes up.
_ALONE = {
    "spark.driver.host": _LOOPBACK,
    "spark.driver.bindAddress": _LOOPBACK,
    "spark.authenticate": "true",
}
# A day is a folder's name and stays a text, as in the store's other columns; values that make no sense are errors.
_MEANING = {"spark.sql.sources.partitionColumnTypeInference.enabled": "false", "spark.sql.ansi.enabled": "true"}


class ClusterError(Exception):
    """Spark cannot do it; its text is one sentence for the user."""


class UnreachableError(ClusterError):
    """Nobody answers where the cluster should be."""


@contextmanager
def session(master: str) -> Iterator["SparkSession"]:
    """A session, ended with the block. Raises ClusterError, also for what goes wrong in the block on Spark's side."""
    scheme = _scheme(master)
    if any(importlib.util.find_spec(name) is None for name in ("pyspark", "pandas")):
        raise ClusterError(NEEDS)
    if scheme == "sc" and importlib.util.find_spec("grpc") is None:
        raise ClusterError(NEEDS)
    if scheme != "sc" and not _java():
        raise ClusterError(NEEDS_JAVA)
    if scheme != "local":
        _knock(master, _PORTS[scheme])
    with cluster_errors_told():
        spark = _connected(master) if scheme == "sc" else _started(master, alone=scheme == "local")
        try:
            for name, value in _MEANING.items():
                spark.conf.set(name, value)
            yield spark
        finally:
            spark.stop()


@contextmanager
def cluster_errors_told() -> Iterator[None]:
    """Turn what pyspark raises into one sentence. Raises ClusterError."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        yield
    except (PySparkException, Py4JError) as error:
        raise ClusterError(_sentence(str(error))) from None


def _sentence(said: str) -> str:
    """The line that tells most: of a Python that failed on the cluster its last line, else Spark's first."""
    if "JAVA_GATEWAY_EXITED" in said or "UnsupportedClassVersionError" in said:
        return NEEDS_JAVA
    if lacking := re.search(r"ModuleNotFoundError: No module named '(\w+)'", said):
        return f"the cluster's Python has no {lacking[1]}; probe/analysis/README.md says how it gets it"
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    raised = [line for line in lines if re.match(r"[\w.]*(Error|Exception): ", line)]
    return f"Spark gave up: {(raised or lines or ['it does not say why'])[0][:300]}"


def _scheme(master: str) -> str:
    """`local`, `spark` or `sc`. Raises ClusterError."""
    if _LOCAL.fullmatch(master):
        return "local"
    scheme, separator, rest = master.partition("://")
    if scheme not in _PORTS or not separator or not rest:
        raise ClusterError(f"--master {master}: write {MASTERS}")
    return scheme


def _java() -> bool:
    home = os.environ.get("JAVA_HOME")
    return shutil.which(str(Path(home) / "bin" / "java") if home else "java") is not None


def _knock(master: str, port: int) -> None:
    """See that somebody answers, at one of the addresses at least. Raises UnreachableError."""
    reason = ""
    for place in master.partition("://")[2].partition("/")[0].split(","):
        try:
            address = urlsplit(f"//{place}")
            socket.create_connection((address.hostname or "", address.port or port), KNOCK).close()
            return
        except (OSError, ValueError) as error:
            reason = str(getattr(error, "strerror", None) or error)
    raise UnreachableError(f"--master {master}: nobody answers there ({reason})")


def _started(master: str, *, alone: bool) -> "SparkSession":
    """A driver in a Java process of ours. What spark-defaults.conf says holds, but for what stands here."""
    from pyspark.sql import SparkSession

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # or the cluster's, where the user names one
    if alone:
        os.environ["SPARK_LOCAL_IP"] = _LOOPBACK  # else it asks who this machine is
    builder: Any = SparkSession.builder.master(master).appName("probe")
    for name, value in (_QUIET | (_ALONE if alone else {})).items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def _connected(master: str) -> "SparkSession":
    """A client of a Spark Connect server; it needs no Java, and the server's settings hold."""
    from pyspark.sql import SparkSession

    logging.getLogger("SQLQueryContextLogger").disabled = True  # prints stack traces of Java; we say it in a sentence
    builder: Any = SparkSession.builder.remote(master).appName("probe")
    return builder.getOrCreate()
