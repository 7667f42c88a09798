"""Build the documentation site for tests."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
CONFIG = ROOT / "docs" / "mkdocs" / "mkdocs.yml"


def build_site(folder: Path) -> Path:
    """Build the site into `folder` as `make docs` does. A warning of mkdocs fails the test."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-f", str(CONFIG), "-d", str(folder)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder
