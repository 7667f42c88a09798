"""Find the recorded measurements of a scenario, for computers where the lab cannot run."""

from pathlib import Path

RECORDED = Path(__file__).parent / "recorded"


def recording_of(scenario: str) -> Path | None:
    """Return the file of recorded measurements of a scenario, None without one."""
    path = RECORDED / f"{scenario}.jsonl.gz"
    return path if path.is_file() else None
