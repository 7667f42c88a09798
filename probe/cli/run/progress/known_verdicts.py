"""Keep the verdicts of finished measurements, so that the end of a run does not compute them again."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any


class KnownVerdicts:
    """Hold the verdict records of measurements by a digest of their content."""

    def __init__(self) -> None:
        self._records: dict[bytes, Sequence[dict[str, Any]]] = {}

    def add(self, measurement: Mapping[str, Any], records: Sequence[dict[str, Any]]) -> None:
        self._records[_digest(measurement)] = records

    def judge(self, measurements: Iterable[tuple[str, int, dict[str, Any]]]) -> Iterator[dict[str, Any]]:
        """Yield the verdict records of (file name, line number, measurement).

        Verdicts are computed only for a measurement that differs from all earlier ones.
        """
        from probe.analysis.verdicts.verdicts import judge_measurements

        if not self._records:
            yield from judge_measurements(measurements)
            return
        for file, number, measurement in measurements:
            known = self._records.get(_digest(measurement))
            if known is None:
                yield from judge_measurements([(file, number, measurement)])
            else:
                yield from (each | {"measurement_file": file, "measurement_line": number} for each in known)


def _digest(measurement: Mapping[str, Any]) -> bytes:
    return hashlib.blake2b(json.dumps(measurement).encode(), digest_size=16).digest()
