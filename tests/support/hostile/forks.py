"""Run `probe` in forks of one process that has imported everything, and measure each fork.

A fork costs milliseconds, where a new interpreter costs half a second. Its peak memory begins with that of the parent,
so the parent imports only what a command would import too.
"""

import importlib
import json
import os
import pkgutil
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LONGEST = 100  # seconds, after which a fork is killed. A case is judged by its CPU seconds.
MOST_MEMORY = 4 << 30  # bytes that a fork may reserve, so that our own fault does not stop the machine
ROOT = Path(__file__).parents[3]
IMPORTED = (
    "orjson",
    "jsonschema_rs",
    "jinja2",
    "maxminddb",
    "OpenSSL.crypto",
    "probe.nettests",
    "probe.session.session",
)
IMPORTED += ("probe.results.validation", "probe.lab.scenario.scenario", "probe.lab.scoring.score_files")
HEAVY = ("duckdb", "pyarrow", "pyarrow.parquet")  # only the commands of a store import them


@dataclass(frozen=True)
class Outcome:
    """Hold how a command ended. `signal` is 0 if nothing killed it."""

    words: tuple[str, ...]
    code: int
    signal: int
    out: bytes
    err: bytes
    megabytes: float
    cpu: float

    @property
    def errors(self) -> str:
        return self.err.decode("utf-8", "surrogateescape")

    @property
    def text(self) -> str:
        return self.out.decode("utf-8", "surrogateescape")


class Forks:
    """Hold the process that forks. `folder` gets the outputs, and an empty home."""

    def __init__(self, server: "subprocess.Popen[str]", folder: Path) -> None:
        self._server, self._folder = server, folder

    def run(
        self,
        *words: str,
        stdin: Path | None = None,
        environment: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> Outcome:
        """Run one command and wait for it. Standard input is empty unless a file is given."""
        out, err, home = (self._folder / name for name in ("out", "err", "home"))
        home.mkdir(exist_ok=True)
        asked = {
            "words": words,
            "streams": [str(stdin or os.devnull), str(out), str(err)],
            "environment": {"HOME": str(home), **(environment or {})},
            "cwd": str(cwd or self._folder),
        }
        assert self._server.stdin is not None and self._server.stdout is not None
        self._server.stdin.write(json.dumps(asked) + "\n")
        self._server.stdin.flush()
        answer = json.loads(self._server.stdout.readline())
        return Outcome(words, out=out.read_bytes(), err=err.read_bytes(), **answer)


@contextmanager
def forks(folder: Path, *, heavy: bool = False) -> Iterator[Forks]:
    """Start the process that forks, and end it with the block."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PROBE_", "XDG_"))}
    with subprocess.Popen(
        [sys.executable, "-m", __name__, *(HEAVY if heavy else ())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="ascii",
        cwd=ROOT,
        env={**kept, "PYTHONUTF8": "1", "TERM": "xterm"},
    ) as server:
        yield Forks(server, folder)
        assert server.stdin is not None
        server.stdin.close()


def _serve() -> None:
    """Fork for each line of standard input, and write how the fork ended."""
    asked, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w", 1)
    for line in asked:
        wanted = json.loads(line)
        child = os.fork()
        if not child:
            _be_probe(**wanted)
        _, status, used = os.wait4(child, 0)
        killed = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -1
        cpu = used.ru_utime + used.ru_stime
        answers.write(
            json.dumps({"code": code, "signal": killed, "megabytes": used.ru_maxrss / 1024, "cpu": cpu}) + "\n"
        )


def _be_probe(words: list[str], streams: list[str], environment: dict[str, str], cwd: str) -> None:
    """Become `probe WORDS…` and never return."""
    from probe.cli import main

    code = 99
    try:
        flags = (os.O_RDONLY, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for number, (name, flag) in enumerate(zip(streams, flags, strict=True)):
            os.dup2(os.open(name, flag, 0o600), number)
        signal.alarm(LONGEST)
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
        os.environ.update(environment)
        os.chdir(cwd)
        sys.argv = ["probe", *words]
        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _import_commands(heavy: list[str]) -> None:
    """Import what commands import inside their functions."""
    for name in (
        "probe.cli",
        "probe.analysis.verdicts",
        "probe.analysis.compare",
        "probe.analysis.report",
        "probe.asn",
    ):
        for module in pkgutil.walk_packages(importlib.import_module(name).__path__, f"{name}."):
            if module.name.rpartition(".")[2] not in {"notebook", "pack", "reference"}:
                importlib.import_module(module.name)
    for name in (*IMPORTED, *heavy):
        importlib.import_module(name)


def _main(arguments: list[str]) -> Any:
    _import_commands(arguments)
    _serve()


if __name__ == "__main__":
    _main(sys.argv[1:])
