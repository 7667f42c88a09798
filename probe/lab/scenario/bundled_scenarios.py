"""Name the bundled scenarios. The shell's completion needs the names without the models of the files."""

from pathlib import Path

FOLDER = Path(__file__).parents[1] / "scenarios"


def scenario_names(folder: Path = FOLDER) -> list[str]:
    """Return the names of the bundled scenarios, sorted."""
    return sorted(path.stem for path in folder.glob("*.toml"))
