"""Remove the addresses of optional scripts from the theme, so that no page can load anything from another host."""

from pathlib import Path
from typing import Any

REMOTE = "https://unpkg.com/"  # the theme's place for diagrams and for old browsers, neither of which is used here


def on_post_build(config: Any) -> None:
    """Replace each such address in the built scripts by one that does not exist."""
    for script in Path(config["site_dir"]).rglob("*.js"):
        text = script.read_text(encoding="utf-8")
        if REMOTE in text:
            script.write_text(text.replace(REMOTE, "about:blank#"), encoding="utf-8")
