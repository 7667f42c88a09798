"""Start Spark on loopback from pyspark's jars: a standalone master with workers, or a Connect server."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pyspark

HOME = Path(pyspark.__file__).parent
LOOPBACK = "127.0.0.1"
READY = 400.0  # seconds for Java to start. It takes four on an idle machine.
WORKERS = 2
# For Java that ends before it is worth optimizing. The usual 48 MB for compiled code are too small for all queries.
SHORT_LIVED = "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=400m -XX:+UseSerialGC -Xshare:auto"
_DEFAULTS = f"""
spark.driver.host {LOOPBACK}
spark.driver.bindAddress {LOOPBACK}
spark.driver.memory 1g
spark.driver.extraJavaOptions -Xlog:gc
spark.executor.memory 512m
spark.executor.cores 1
spark.cores.max {WORKERS}
spark.sql.shuffle.partitions 4
spark.ui.enabled false
"""


def environment(folder: Path) -> dict[str, str]:
    """Return the environment of every Spark process: its settings folder, and loopback for all sockets."""
    conf = folder / "conf"
    conf.mkdir(exist_ok=True)
    (conf / "spark-defaults.conf").write_text(_DEFAULTS)
    own = {
        "JDK_JAVA_OPTIONS": SHORT_LIVED,
        "SPARK_HOME": str(HOME),
        "SPARK_CONF_DIR": str(conf),
        "SPARK_LOCAL_IP": LOOPBACK,
    }
    return {**os.environ, **own, "PYSPARK_PYTHON": sys.executable}


@contextmanager
def standalone(folder: Path) -> Iterator[str]:
    """Start a master and workers, and return the master's URL. `folder`/worker-N is the folder of each worker."""
    with ExitStack() as ends:
        listen = ["--host", LOOPBACK, "--webui-port", "0"]
        command = ["spark-class", "org.apache.spark.deploy.master.Master", *listen, "--port", "0"]
        log = ends.enter_context(running(folder, "master", command))
        url = _awaited(log, r"Starting Spark master at (spark://\S+)")
        for number in range(WORKERS):
            place = folder / f"worker-{number}"
            more = ["--cores", "1", "--memory", "600m", "--work-dir", str(place), url]
            command = ["spark-class", "org.apache.spark.deploy.worker.Worker", *listen, *more]
            log = ends.enter_context(running(folder, place.name, command))
            _awaited(log, "(Successfully registered) with master")
        yield url


@contextmanager
def connect(folder: Path) -> Iterator[str]:
    """Start a Spark Connect server without a cluster, and return its URL."""
    with socket.create_server((LOOPBACK, 0)) as free:
        port = free.getsockname()[1]
    bind = "spark.connect.grpc.binding"
    settings = ["--conf", f"{bind}.address={LOOPBACK}", "--conf", f"{bind}.port={port}"]
    server = ["--class", "org.apache.spark.sql.connect.service.SparkConnectServer", "spark-internal"]
    command = ["spark-submit", "--master", "local[2]", "--conf", "spark.ui.enabled=false", *settings, *server]
    with running(folder, "connect", command, memory="1g") as log:
        _awaited(log, "(Spark Connect server started)")
        yield f"sc://{LOOPBACK}:{port}"


@contextmanager
def running(folder: Path, name: str, command: list[str], memory: str = "256m") -> Iterator[Path]:
    """Start one of Spark's programs, which ends with the block, and return its log file."""
    log = folder / f"{name}.log"
    words = [str(HOME / "bin" / command[0]), *command[1:]]
    settings = environment(folder) | {"SPARK_DAEMON_MEMORY": memory}
    with log.open("wb") as out, subprocess.Popen(words, stdout=out, stderr=out, env=settings) as process:
        try:
            yield log
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def _awaited(log: Path, pattern: str) -> str:
    until = time.monotonic() + READY
    while time.monotonic() < until:
        if found := re.search(pattern, log.read_text(errors="replace")):
            return found[1]
        time.sleep(0.2)
    raise AssertionError(f"Spark did not get ready in {READY:.0f} s: {log.read_text(errors='replace')[-2000:]}")
