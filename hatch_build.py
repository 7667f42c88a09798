"""Compile the translations when the package is built or installed: each .po file to a .mo file beside it.

The hatchling hook at the end does this for wheels, for editable installs and for `make zipapp`. The tests do it for
files that changed. The .mo files are in no repository, because a review cannot read them.
"""

import gzip
import lzma
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileParser
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDER = Path(__file__).parent / "probe" / "messages" / "locale"
REVIEWED_BY = "X-Reviewed-By"
RECORDING = "great-firewall"


class ReviewedCatalog(Catalog):
    """Keep the header field for the reviewer, which Babel removes, and write no dates, which change on every run."""

    reviewed_by = ""

    @property
    def mime_headers(self) -> list[tuple[str, str]]:  # type: ignore[override]
        """Return the header in a fixed order."""
        kept = [
            ("Project-Id-Version", "censorprobe"),
            ("Language", str(self.locale_identifier)),
            ("Plural-Forms", self.plural_forms),
            ("MIME-Version", "1.0"),
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Transfer-Encoding", "8bit"),
        ]
        return [*kept, (REVIEWED_BY, self.reviewed_by)] if self.reviewed_by else kept

    @mime_headers.setter
    def mime_headers(self, headers: Iterable[tuple[str, str]]) -> None:
        found = list(headers)
        self.reviewed_by = next((value for name, value in found if name == REVIEWED_BY), "")
        self._set_mime_headers(found)


def read_catalogue(path: Path) -> ReviewedCatalog:
    """Return the catalogue in a .po file. Its folder names the language. Raises PoFileError."""
    catalogue = ReviewedCatalog(locale=path.parts[-3], domain=path.stem, charset="utf-8")
    with path.open("rb") as file:
        PoFileParser(catalogue, abort_invalid=True).parse(file)
    return catalogue


def compile_catalogues(folder: Path = FOLDER) -> list[Path]:
    """Compile the .po files that are newer than their .mo files, and return these. Messages marked fuzzy stay out."""
    changed = [path for path in sorted(folder.glob("*/LC_MESSAGES/*.po")) if _is_newer(path, path.with_suffix(".mo"))]
    for path in changed:
        new = path.with_suffix(f".mo.{os.getpid()}")
        with new.open("wb") as file:
            write_mo(file, read_catalogue(path))
        new.replace(path.with_suffix(".mo"))
    return changed


def _is_newer(path: Path, than: Path) -> bool:
    return not than.exists() or path.stat().st_mtime_ns >= than.stat().st_mtime_ns


class CompileTranslations(BuildHookInterface[Any]):
    """Compile the translations before hatchling collects the files, and pack the recording that a wheel has."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and let hatchling take the .mo files although git ignores them."""
        if self.target_name == "wheel":
            compile_catalogues(Path(self.root) / "probe" / "messages" / "locale")
            build_data["artifacts"].append("/probe/messages/locale/*/LC_MESSAGES/*.mo")
        if self.target_name == "wheel" and version != "editable":
            recording = Path(self.root) / "probe" / "lab" / "recorded" / f"{RECORDING}.jsonl.gz"
            packed = Path(self.directory) / f"{RECORDING}.jsonl.xz"
            packed.parent.mkdir(exist_ok=True)
            packed.write_bytes(lzma.compress(gzip.decompress(recording.read_bytes()), preset=9 | lzma.PRESET_EXTREME))
            build_data["force_include"][str(packed)] = f"probe/lab/recorded/{packed.name}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what stood in no folder of the project before."""
        (Path(self.directory) / f"{RECORDING}.jsonl.xz").unlink(missing_ok=True)
