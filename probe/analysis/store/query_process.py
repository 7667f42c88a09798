"""Run one SELECT in a process of its own, whose memory is limited.

DuckDB's `memory_limit` covers its buffers. Values that functions make are outside of it, so that `repeat('x', 4e9)`
took 2.8 GB. This process looks at the memory that the other one holds, and ends it if that is too much. Linux refuses
a single value that is larger still (RLIMIT_DATA). Neither is there on macOS and Windows.
"""

import codecs
import os
import shutil
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from multiprocessing import connection, get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

from probe.analysis.engines.duckdb_files import duckdb_in_memory
from probe.analysis.engines.spill_folder import SpillFolder
from probe.analysis.store.manifest import StoreError
from probe.analysis.store.views import MEMORY, TOO_MUCH_MEMORY, Store
from probe.messages import mark, tr
from probe.platforms.processes import held_bytes, keep_private, limit_memory
from probe.results import FullDisk, ResultsError

if TYPE_CHECKING:
    from probe.analysis.object_storage.bucket_store import BucketStore

HELD = 1500 * 10**6  # bytes that the process may hold. With 1 GB for DuckDB, queries that it could answer held 1.1 GB.
RESERVED = 4 * 10**9  # bytes that it may reserve after its start. The same queries reserved 2.2 GB.
LOOK = 0.02  # seconds between two looks at its memory, in which it can fill about 0.1 GB
ROWS, CHUNK = 1024, 1 << 16  # rows that are converted together, and characters of one message
_TEXT, _END, _REFUSED, _BUCKET, _FULL, _BUG = b"t", b"e", b"r", b"o", b"f", b"b"  # first byte of a message

TOO_LONG = mark("This query takes more than {seconds} seconds and was stopped. Ask about fewer measurements.")
Form = Callable[[int, dict[str, Any]], Iterable[str]]


def query(
    store: "Path | BucketStore", statement: str, form: Form, seconds: float | None = None
) -> Generator[str, None, None]:
    """Iterate over the texts of the answer. `form` is a module's function of a row's number and values.

    Raises StoreError, also for a query that needs too much memory or more `seconds`, FullDisk, and ResultsError for a
    bucket.
    """
    context, spill = get_context("spawn"), SpillFolder()
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(store, statement, form, spill.path, sending), daemon=True)
    try:
        process.start()
        sending.close()
        yield from _texts(receiving, process, seconds)
    finally:
        receiving.close()
        process.kill()
        process.join()
        spill.remove()


def _texts(receiving: Any, process: Any, seconds: float | None) -> Iterator[str]:
    """Iterate over the texts of the process, up to its end. Raises the exception that it reports."""
    decoder, due = codecs.getincrementaldecoder("utf-8")(), 0.0
    end = float("inf") if seconds is None else time.monotonic() + seconds
    while True:
        while not receiving.poll(LOOK) or time.monotonic() > due:
            due = time.monotonic() + LOOK
            if held_bytes(process.pid) > HELD:
                raise StoreError(tr(TOO_MUCH_MEMORY, memory=MEMORY))
            if time.monotonic() > end:
                raise StoreError(tr(TOO_LONG, seconds=round(seconds or 0)))
        try:
            message = receiving.recv_bytes()
        except EOFError:
            process.join()
            if process.exitcode >= 0:
                raise RuntimeError(f"the process of a query ended with {process.exitcode}") from None
            # killed by the system for lack of memory, or by itself in a library that got none
            raise StoreError(tr(TOO_MUCH_MEMORY, memory=MEMORY)) from None
        kind, content = message[:1], message[1:]
        if kind == _TEXT:
            yield decoder.decode(content)
        elif kind == _END:
            return
        else:
            raise _reported(kind, content.decode())


def _reported(kind: bytes, text: str) -> Exception:
    """Return the exception that the process reported. One for a bucket has its number before the sentence."""
    if kind != _BUCKET:
        return {_REFUSED: StoreError, _FULL: FullDisk, _BUG: RuntimeError}[kind](text)
    number, _, sentence = text.partition(" ")
    error = ResultsError(sentence)
    error.number = int(number)
    return error


def _answer(store: "Path | BucketStore", statement: str, form: Form, spill: Path | None, sending: Any) -> None:
    """Write the answer to the pipe. The process runs this."""
    Thread(target=_end_with_parent, args=(spill,), daemon=True).start()
    keep_private()
    if not os.environ.get("PROBE_TRACEBACK"):
        with open(os.devnull, "wb") as nothing:  # a library that gets no memory may print that before it aborts
            os.dup2(nothing.fileno(), 2)
    try:
        _send_rows(store, statement, form, spill, sending)
    except MemoryError:
        end = _REFUSED, tr(TOO_MUCH_MEMORY, memory=MEMORY)
    except StoreError as error:
        end = _REFUSED, str(error)
    except ResultsError as error:
        end = _BUCKET, f"{error.number} {error}"
    except FullDisk as error:
        end = _FULL, str(error)
    except Exception as bug:
        end = _BUG, f"{type(bug).__name__}: {bug}"
    else:
        end = _END, ""
    sending.send_bytes(end[0] + end[1].encode("utf-8", "replace"))


def _send_rows(store: "Path | BucketStore", statement: str, form: Form, spill: Path | None, sending: Any) -> None:
    duckdb = duckdb_in_memory(spill)
    limit_memory(RESERVED)  # after the start of DuckDB's threads, whose stacks would count
    with Store(store, duckdb) as opened:
        number = 0
        for batch in opened.batches(statement, ROWS):
            rows = batch.to_pylist()
            text = "".join(part for place, row in enumerate(rows, number) for part in form(place, row))
            number += len(rows)
            for start in range(0, len(text), CHUNK):
                sending.send_bytes(_TEXT + text[start : start + CHUNK].encode("utf-8", "replace"))


def _end_with_parent(spill: Path | None) -> None:
    """Wait for the end of the parent process, and then end this one, with its spill folder."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        if spill is not None:
            shutil.rmtree(spill, ignore_errors=True)
        os._exit(1)
