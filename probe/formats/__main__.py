"""Generate the schema and the data dictionary (`python -m probe.formats`, `make schema`). It needs a checkout."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from probe.formats.schema.dictionary import dictionary
from probe.formats.schema.schema import VERSION, measurement_schema

HERE = Path(__file__).parent
SCHEMA = HERE.parent / "data" / "schema" / f"measurement-{VERSION}.json"
DICTIONARY = HERE / "DICTIONARY.md"
STORES = HERE.parent.parent / "tests" / "fixtures" / f"stores-{VERSION}.jsonl.gz"
FIXTURE = HERE.parent.parent / "tests" / "fixtures" / f"lines-{VERSION}.jsonl.gz"


def written() -> dict[Path, str]:
    """Return the text of each generated file."""
    return {
        SCHEMA: json.dumps(measurement_schema(), indent=1, ensure_ascii=False) + "\n",
        DICTIONARY: dictionary([*fixture_lines(), *fixture_lines(STORES)]),
    }


def fixture_lines(path: Path = FIXTURE) -> Iterator[dict[str, Any]]:
    """Yield the measurements that the examples come from."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)


def main() -> None:
    """Write each file and print its name."""
    for path, text in written().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(HERE.parent.parent))


if __name__ == "__main__":
    main()
