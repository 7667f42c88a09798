"""Keep measured claims in a JSON file, by part and with the day and the seeds. docs/score.md shows them as a table."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.worlds.claim import Claim

FILE = Path(__file__).with_name("claims.json")
HEAD = "| claim | promised | measured | power and delay |\n|---|---|---|---|"


def save(path: Path, part: str, claims: Iterable[Claim], seeds: Sequence[int]) -> None:
    """Put the claims of a part into the file, and keep those of other parts."""
    saved = _read(path) if path.exists() else {}
    saved[part] = {
        "day": datetime.now(UTC).date().isoformat(),
        "seeds": list(seeds),
        "claims": [asdict(claim) for claim in claims],
    }
    path.write_text(json.dumps(saved, indent=2) + "\n", encoding="utf-8")


def table(path: Path, parts: Iterable[str]) -> str:
    """Return the Markdown table of the parts that the file has, in the given order."""
    saved = _read(path)
    claims = [Claim(**one) for part in parts if part in saved for one in saved[part]["claims"]]
    return "\n".join([HEAD, *map(row, claims)])


def row(claim: Claim) -> str:
    """Return a row of the table. A promise that does not hold is marked."""
    measured = claim.measured if claim.holds else f"{claim.measured}: **broken**"
    return f"| {claim.claim} | {claim.promised} | {measured} | {claim.beside} |"


def _read(path: Path) -> dict[str, Any]:
    saved: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return saved
