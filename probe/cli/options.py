"""Define options that can also be set with a PROBE_ variable."""

from pathlib import Path
from typing import Any

import typer


def opt(*names: str, help: str, **more: Any) -> Any:
    """Return an option. `--max-time` can also be set as PROBE_MAX_TIME. The first long name gives the variable."""
    long = next(name for name in names if name.startswith("--"))
    variable = "PROBE_" + long.removeprefix("--").split("/")[0].upper().replace("-", "_")
    return typer.Option(*names, envvar=variable, show_envvar=False, help=help, **more)


def new_app() -> typer.Typer:
    """Return the Typer application of one command: plain help, no rich, no completion of its own."""
    return typer.Typer(rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False)


def targets_folder(chosen: Path | None) -> Path:
    """Return the folder of --targets, else the bundled one."""
    from probe.targets.target_files import bundled_targets

    return chosen if chosen is not None else bundled_targets()
