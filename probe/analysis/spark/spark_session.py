"""Start a Spark session on this computer, on a standalone cluster, or through a Spark Connect server.

No other file imports pyspark (`spark/__init__.py`).
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

from probe.messages import mark, tr
from probe.platforms.installation import command_for
from probe.results import full_disk, full_disk_in

if TYPE_CHECKING:
    from pyspark.sql import SparkSession as SparkSession  # exported, so that no other file imports pyspark

MASTERS = "local[N], spark://HOST:PORT, sc://HOST:PORT"
NEEDS = mark("--engine spark needs pyspark. This command installs it: {command}")
NEEDS_JAVA = mark(
    "--engine spark needs Java 17 or 21 in PATH or JAVA_HOME. On Debian the package is default-jre-headless."
)
ENDED = mark(
    "Spark's Java process ended, perhaps for lack of memory. Give it more with spark.driver.memory in "
    "spark-defaults.conf, or take fewer files at a time."
)
CONNECT_TIMEOUT = 5.0  # seconds to reach a cluster. Spark itself would try for minutes.
_LOCAL = re.compile(r"local(\[(\d+|\*)\])?")
_PORTS = {"spark": 7077, "sc": 15002}  # Spark's own defaults
_LOOPBACK = "127.0.0.1"

# Any computer that reaches this one could open Spark's web page. The other settings keep stderr free.
_QUIET = {"spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false", "spark.log.level": "ERROR"}
# On this computer only, Spark listens on loopback and requires a random secret.
_LOCAL_SETTINGS = {
    "spark.driver.host": _LOOPBACK,
    "spark.driver.bindAddress": _LOOPBACK,
    "spark.authenticate": "true",
}


class ClusterError(Exception):
    """Report a failure of Spark, with one sentence for the user."""


class UnreachableError(ClusterError):
    """Report that the cluster does not answer."""


@contextmanager
def session(master: str) -> Iterator["SparkSession"]:
    """Start a session, which ends with the block. Raises ClusterError, also for failures of Spark inside the block."""
    scheme = _scheme(master)
    if any(importlib.util.find_spec(name) is None for name in ("pyspark", "pandas")):
        raise ClusterError(tr(NEEDS, command=command_for("analysis", "cluster")))
    if scheme == "sc" and importlib.util.find_spec("grpc") is None:
        raise ClusterError(tr(NEEDS, command=command_for("analysis", "cluster")))
    if scheme != "sc" and not _java():
        raise ClusterError(tr(NEEDS_JAVA))
    if scheme != "local":
        _check_reachable(master, _PORTS[scheme])
    with cluster_errors():
        spark = _connect(master) if scheme == "sc" else _start(master, local=scheme == "local")
        try:
            yield spark
        finally:
            spark.stop()


@contextmanager
def cluster_errors() -> Iterator[None]:
    """Turn exceptions of pyspark into a ClusterError with one sentence, or into a FullDisk."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        yield
    except (PySparkException, Py4JError) as error:
        if (full := full_disk_in(str(error))) is not None:
            raise full_disk(full, tr("a disk of the Spark cluster")) from None
        raise ClusterError(_sentence(str(error))) from None
    except ConnectionError:  # pyspark's own, at the next call after the process is gone
        raise ClusterError(tr(ENDED)) from None


def _sentence(message: str) -> str:
    """Return the most useful line of Spark's message: the error of Python code on the cluster, else the first line."""
    if "JAVA_GATEWAY_EXITED" in message or "UnsupportedClassVersionError" in message:
        return tr(NEEDS_JAVA)
    if missing := re.search(r"ModuleNotFoundError: No module named '(\w+)'", message):
        return tr(
            "The Python on the cluster has no module {module}. probe/analysis/README.md explains how to install it.",
            module=missing[1],
        )
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    raised = [line for line in lines if re.match(r"[\w.]*(Error|Exception): ", line)]
    no_reason = tr("no reason given")
    return tr("Spark failed: {reason}", reason=(raised or lines or [no_reason])[0][:300])


def _scheme(master: str) -> str:
    """Return `local`, `spark` or `sc`. Raises ClusterError."""
    if _LOCAL.fullmatch(master):
        return "local"
    scheme, separator, rest = master.partition("://")
    if scheme not in _PORTS or not separator or not rest:
        raise ClusterError(tr("--master: '{master}' is not known. Use one of {known}.", master=master, known=MASTERS))
    return scheme


def _java() -> bool:
    """Return True if Java is installed."""
    home = os.environ.get("JAVA_HOME")
    return shutil.which(str(Path(home) / "bin" / "java") if home else "java") is not None


def _check_reachable(master: str, port: int) -> None:
    """Connect to one of the addresses at least. Raises UnreachableError."""
    reason = ""
    for host_and_port in master.partition("://")[2].partition("/")[0].split(","):
        try:
            address = urlsplit(f"//{host_and_port}")
            socket.create_connection((address.hostname or "", address.port or port), CONNECT_TIMEOUT).close()
            return
        except (OSError, ValueError) as error:
            reason = str(getattr(error, "strerror", None) or error)
    raise UnreachableError(tr("The Spark cluster at {master} does not answer: {reason}.", master=master, reason=reason))


def _start(master: str, *, local: bool) -> "SparkSession":
    """Start a driver in a Java process. Settings of spark-defaults.conf apply, except for those that are set here."""
    from pyspark.sql import SparkSession

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # the user may name the cluster's Python instead
    if local:
        os.environ["SPARK_LOCAL_IP"] = _LOOPBACK  # otherwise Spark looks up this computer's name
    builder: Any = SparkSession.builder.master(master).appName("probe")
    for name, value in (_QUIET | (_LOCAL_SETTINGS if local else {})).items():
        builder = builder.config(name, value)
    with _java_prints_on_stderr():
        return builder.getOrCreate()


@contextmanager
def _java_prints_on_stderr() -> Iterator[None]:
    """Let the Java process that the block starts inherit stderr as its stdout, so that its warnings are not in JSON."""
    sys.stdout.flush()
    kept = os.dup(1)
    try:
        os.dup2(2, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def _connect(master: str) -> "SparkSession":
    """Connect to a Spark Connect server. This needs no Java here, and the server's settings apply."""
    from pyspark.sql import SparkSession

    logging.getLogger("SQLQueryContextLogger").disabled = True  # it prints Java stack traces
    builder: Any = SparkSession.builder.remote(master).appName("probe")
    return builder.getOrCreate()
