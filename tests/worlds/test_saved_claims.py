"""Test the saved figures of the claims: parts are replaced one by one, and a broken promise is marked."""

import json
from pathlib import Path

from tests.worlds.__main__ import PARTS
from tests.worlds.claim import Claim
from tests.worlds.kinds.claims import MISSED
from tests.worlds.saved_claims import FILE, HEAD, save, table

KEPT = Claim("stars", "at most 5 % false", "1 of 30 false", "found: all", holds=True)
BROKEN = Claim("stops", "none false", "2 false", "found: none", holds=False)


def test_part_replaces_its_own_figures_only(tmp_path: Path) -> None:
    path = tmp_path / "claims.json"
    save(path, "b", [BROKEN], range(2))
    save(path, "a", [BROKEN], range(2))
    save(path, "a", [KEPT], range(3))
    assert table(path, ("a", "b", "c")).splitlines() == [
        *HEAD.splitlines(),
        "| stars | at most 5 % false | 1 of 30 false | found: all |",
        "| stops | none false | 2 false: **broken** | found: none |",
    ]


def test_page_has_the_saved_figures() -> None:
    saved = json.loads(FILE.read_text(encoding="utf-8"))
    assert {part: figures["seeds"] for part, figures in saved.items()} == {
        part: list(module.SEEDS) for part, module in PARTS.items()
    }
    broken = [claim["claim"] for figures in saved.values() for claim in figures["claims"] if not claim["holds"]]
    assert all(any(claim.endswith(kind) for kind in MISSED) for claim in broken)
    page = (Path(__file__).parents[2] / "docs" / "score.md").read_text(encoding="utf-8")
    assert table(FILE, PARTS) in page
