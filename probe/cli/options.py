"""Options that say their PROBE_ variable, so that every one of them can be set from the environment."""

from pathlib import Path
from typing import Any

import typer


def opt(*names: str, help: str, **more: Any) -> Any:
    """An option; `--max-time` can also be given as PROBE_MAX_TIME. The first long name counts."""
    long = next(name for name in names if name.startswith("--"))
    variable = "PROBE_" + long.removeprefix("--").split("/")[0].upper().replace("-", "_")
    return typer.Option(*names, envvar=variable, show_envvar=False, help=help, **more)


def new_app() -> typer.Typer:
    """The Typer of one command's file: plain help, no rich, no completion of its own."""
    return typer.Typer(rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False)


def targets_folder(chosen: Path | None) -> Path:
    """The folder that --targets names, else the bundled one."""
    from probe.targets.target import bundled_targets

    return chosen if chosen is not None else bundled_targets()
