"""Measure how cost grows with the number of targets: 1, 10, 100 and 1000, each with one web service."""

import shutil
from pathlib import Path

from probe.targets.target_files import bundled_targets
from tests.bench.running import ran, scenario_of
from tests.bench.table import row

SIZES = (1, 10, 100, 1000)


def made(folder: Path, size: int) -> Path:
    """Create a folder of `size` target files."""
    targets = folder / f"targets-{size}"
    targets.mkdir()
    for name in ("neutral.toml", "resolvers.toml"):
        shutil.copy(bundled_targets() / name, targets / name)
    for number in range(size):
        text = (
            f'nettest = "endpoint_reachability"\ntitle = "Service {number}"\nsource = "https://bench.example/"\n'
            f'reviewed = 2026-11-24\n[services.web]\nendpoints = ["https://s{number}.bench.example:443/"]\n'
        )
        (targets / f"s{number:04}.toml").write_text(text)
    return targets


def growth(folder: Path, sizes: tuple[int, ...] = SIZES) -> None:
    """Run once for each size, without a helper, because its work would be on the same machine."""
    first: float | None = None
    for size in sizes:
        targets = made(folder, size)
        run = ran(scenario_of("", folder, f"grown-{size}"), folder, targets=targets, control=False)
        each = run.cost["cpu"] / run.transactions * 1000
        more = "" if first is None else f" ({each / first:.2f} of the first)"
        first = first or each
        row(
            f"{size} targets: wall, CPU a transaction, peak",
            f"{run.cost['wall']:.1f} s",
            f"{each:.1f} ms{more}, {run.cost['peak_mb']:.0f} MB",
        )
