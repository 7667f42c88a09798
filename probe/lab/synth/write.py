"""Write synthetic measurements to DIR/lines/*.jsonl.gz and their truth beside it, equal for equal seeds and worlds."""

import gzip
import json
import shutil
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

from probe.lab.synth.measurements import Drawn, Library, independent, of_users
from probe.lab.synth.plan import draw_plan
from probe.lab.synth.synthetic_world import INDEPENDENT, World, load_world
from probe.lab.synth.truth import Cells, truth_of_plan, truth_of_users
from probe.lab.synth.users import population

LINES_OF_A_FILE = 5000
LEVEL = 4  # of gzip: speed before size
TRUTH, USERS = "truth.json", "users.jsonl"


def synthesise(
    measurements: int, seed: int, folder: Path, *, light: bool = False, world: World | None = None
) -> dict[str, Any]:
    """Write measurements and their truth. Return {"lines", "files", "bytes", "mean_bytes"} of the uncompressed text.

    `lines`, `truth.json` and, in a world with users, `users.jsonl` appear when they are complete. Raises OSError and
    WorldError, and leaves none of them in this case.
    """
    part = folder / "lines.part"
    shutil.rmtree(part, ignore_errors=True)  # of a killed process
    try:
        part.mkdir(parents=True)
        return _write_parts(measurements, seed, folder, part, light, world or load_world(INDEPENDENT))
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _write_parts(measurements: int, seed: int, folder: Path, part: Path, light: bool, world: World) -> dict[str, Any]:
    """Write the measurements to the folder `part`, and rename it when the truth is written too."""
    keys, name = world.keys, f"{world.name}-{seed}"
    plan, library, cells = draw_plan(seed, keys), Library.of(keys, light=light), Cells()
    users = population(measurements, seed, plan, keys.users) if keys.users else None
    made = (
        of_users(users, plan, library, keys)
        if users is not None
        else independent(measurements, plan, library, keys, seed)
    )
    files, size = _write_lines(part, _lines(made, cells, name))
    told = {"world": name, "seed": seed, "cells": cells.told(), **truth_of_plan(plan, library.usual)}
    (part / TRUTH).write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    if users is not None:
        with (part / USERS).open("w", encoding="utf-8") as stream:
            stream.writelines(f"{line}\n" for line in truth_of_users(users, library.usual))
        (part / USERS).replace(folder / USERS)
    (part / TRUTH).replace(folder / TRUTH)
    part.replace(folder / "lines")
    return {"lines": measurements, "files": files, "bytes": size, "mean_bytes": size // max(measurements, 1)}


def _lines(made: Iterable[Drawn], cells: Cells, world: str) -> Iterator[bytes]:
    for drawn in made:
        cells.add(drawn)
        yield drawn.line(world).encode() + b"\n"


def _write_lines(folder: Path, lines: Iterator[bytes]) -> tuple[int, int]:
    """Write packed files one line at a time. Return their number and the bytes before packing."""
    files, size = 0, 0
    for first in lines:
        with (folder / f"{files:05}.jsonl.gz").open("wb") as raw, _packed(raw) as packed:
            for line in chain([first], islice(lines, LINES_OF_A_FILE - 1)):
                size += packed.write(line)
        files += 1
    return files, size


def _packed(raw: Any) -> gzip.GzipFile:
    """Return a stream that packs into `raw`. Name and time stay out, so that equal lines give equal bytes."""
    return gzip.GzipFile(filename="", mode="wb", compresslevel=LEVEL, fileobj=raw, mtime=0)
