"""Make catalogues for tests, in the place of the real ones."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo

from probe.cli import language
from probe.messages import catalogue


def add_catalogue(folder: Path, code: str, texts: Mapping[str, str]) -> None:
    """Compile a catalogue with these translations."""
    made = Catalog(locale=code, domain=catalogue.DOMAIN)
    for english, text in texts.items():
        made.add(english, text)
    place = folder / code / "LC_MESSAGES"
    place.mkdir(parents=True)
    with (place / f"{catalogue.DOMAIN}.mo").open("wb") as file:
        write_mo(file, made)


def use_catalogues(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Look for catalogues in this folder, with none chosen yet. Afterwards all is as before."""
    patch.setattr(catalogue, "FOLDER", folder)
    patch.setattr(catalogue, "_translations", None)
    patch.setattr(language, "_named", None)
    patch.setenv(catalogue.OF_PARENT, "")
