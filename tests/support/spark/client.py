"""Run commands with Spark in a process of its own, whose Java ends with it: `python -m tests.support.spark.client`.

The plan is JSON on stdin, with the parameters of `asked` as keys. The results are JSON on stdout.
"""

import hashlib
import io
import json
import sys
from collections.abc import Iterable, Sequence
from contextlib import nullcontext, redirect_stdout
from typing import Any

from probe.analysis.spark import spark_session as sessions
from probe.cli import main
from tests.support.spark.sockets import addresses_here


def asked(master: str, commands: dict[str, list[str]]) -> dict[str, Any]:
    """Return the output of each command, and the addresses of Java.

    All use one session, since every session starts Java on each worker of a cluster.
    """
    spark_words = ["--engine", "spark", "--master", master]
    answers: dict[str, Any] = {}
    with sessions.session(master) as spark:
        sessions.session = lambda _: nullcontext(spark)
        answers["printed"] = {name: printed([*words, *spark_words]) for name, words in commands.items()}
        answers["addresses"] = sorted(addresses_here())
    return answers


def printed(words: Sequence[str]) -> str:
    """Return what `probe` prints. Raises AssertionError if the exit code is not 0."""
    out, argv = io.StringIO(), sys.argv
    sys.argv = ["probe", *words]
    try:
        with redirect_stdout(out):
            main()
    except SystemExit as end:
        assert not end.code, words
    finally:
        sys.argv = argv
    return out.getvalue()


def checksum(rows: Iterable[dict[str, Any]]) -> str:
    """Return the number of rows and the sum of their digests, which is independent of their order."""
    count = total = 0
    for row in rows:
        digest = hashlib.sha256(json.dumps(row, sort_keys=True).encode()).digest()
        count, total = count + 1, (total + int.from_bytes(digest)) % (1 << 256)
    return f"{count} {total:064x}"


if __name__ == "__main__":
    json.dump(asked(**json.load(sys.stdin)), sys.stdout)
