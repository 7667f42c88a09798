"""Collect the sentences for users in the template that translators start from.

Renew: `make messages`, or `python -m tests.messages.template`.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "probe" / "messages" / "censorprobe.pot"
KEYWORDS = ("tr", "tr_plural:1,2", "mark")
OPTIONS = ("--no-default-keywords", "--omit-header", "--add-location=file", "--width=120")


def extract(to: Path) -> None:
    """Write the literals of `tr`, `tr_plural` and `mark` in `probe` to a template file.

    The header is left out, because its date would change the file on every run.
    """
    keywords = [option for keyword in KEYWORDS for option in ("--keyword", keyword)]
    babel = [sys.executable, "-m", "babel.messages.frontend", "--quiet", "extract"]
    subprocess.run([*babel, *OPTIONS, *keywords, f"--output={to}", "probe"], cwd=ROOT, check=True)


if __name__ == "__main__":
    extract(TEMPLATE)
