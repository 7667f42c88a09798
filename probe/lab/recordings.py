"""Find the recorded measurements of a scenario, for computers where the lab cannot run and for `probe synth`.

A checkout has all recordings in `RECORDED`. The wheel has one there, because all of them are four times as large as the
program. xz packs it to half of what gzip needs, since its lines repeat each other over long distances. The
others come with the package censorprobe-lab, which deploy/lab-recordings/pyproject.toml builds.
"""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from probe.lab.scenario.bundled_scenarios import scenario_names
from probe.messages import tr

RECORDED = Path(__file__).parent / "recorded"
PACKAGE = "censorprobe_lab"


class RecordingNotInstalled(Exception):
    """Report that the recording of a scenario is in a package that is not installed. The text is for the user."""


def recording_of(scenario: str) -> Path | None:
    """Return the file of recorded measurements of a scenario, None for a user's own. Raises RecordingNotInstalled."""
    names = [f"{scenario}.jsonl.gz", f"{scenario}.jsonl.xz"]
    found = next((folder / name for folder in _folders() for name in names if (folder / name).is_file()), None)
    if found is None and scenario in scenario_names() and find_spec(PACKAGE) is None:
        raise RecordingNotInstalled(
            tr(
                "The recording of scenario {name} is in the package {package}, which is not installed. "
                "Install {folder} of the repository with pip.",
                name=scenario,
                package="censorprobe-lab",
                folder="deploy/lab-recordings",
            )
        )
    return found


def _folders() -> Iterator[Path]:
    yield RECORDED
    if spec := find_spec(PACKAGE):
        yield from (Path(folder) / "recorded" for folder in spec.submodule_search_locations or ())
