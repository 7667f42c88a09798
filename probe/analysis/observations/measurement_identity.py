"""Identify measurements by content, so that a copy in another file or spelling is recognised.

The identity covers the whole content, so a false copy with other content is another measurement. It cannot take the
place of the true one, whichever comes first. The claim covers only what a measurement says about itself: its run,
nettest, input, target and time. Two measurements with one claim contradict each other. Stores of earlier releases
know measurements by their claim.

The identity has 96 bits. With 10⁹ measurements two of them share one by chance in 6 of 10¹² stores. The second of the
two would count as a copy of the first and would not be stored. To hide a given measurement on purpose, 2⁹⁶ others
must be tried on average, or 2⁶⁶ to hide any of 10⁹.
"""

import hashlib
import json
import re
from contextlib import suppress
from math import isfinite
from typing import Any

from probe.analysis.observations.lenient_json import moment, table, text
from probe.results.reading import orjson

SIZE = 12  # bytes of an identity
_EXACT = 2**53  # whole numbers up to here are equal as integer and as fraction
# What is added after a measurement was made: the collector's id, and keys of OONI's archive.
_ADDED = frozenset(
    {
        "report_id",
        "measurement_uid",
        "backend_version",
        "bucket_date",
        "report_filename",
        "probe_city",
        "input_hashes",
    }
)


# A number that libraries and their versions write in different ways. The others have one form: 443 and 0.0123.
_NUMBER = re.compile(
    rb"([:,\[])(-?(?:\d{16,}(?:\.\d+)?|0\.0000\d*|\d+\.0|\d+(?:\.\d+)?(?=[eE]))(?:[eE][+-]?\d+)?)(?=[,\]}])"
)


def identity(measurement: dict[str, Any]) -> bytes:
    """Return the identity of a measurement: equal for all spellings of its content, with `report_id` or without.

    Order of keys, white space, spelling of numbers, packing, and what is added after a measurement was made do not
    matter. Neither does how the measurement is judged.
    """
    written = _json({key: value for key, value in measurement.items() if key not in _ADDED})
    return hashlib.sha256(_NUMBER.sub(_number, written)).digest()[:SIZE]


def _number(found: re.Match[bytes]) -> bytes:
    """Return one spelling of a number. 1.0 and 1e0 become 1. A few texts that look like numbers change too."""
    value = float(found[2])
    if value.is_integer() and abs(value) <= _EXACT:
        return found[1] + b"%d" % value
    return found[1] + (repr(value).encode() if isfinite(value) else found[2])


def claim(measurement: dict[str, Any]) -> bytes:
    """Return a digest of what a measurement says about itself. It was the identity in earlier releases.

    Our probe's measurements have a run, a nettest, an input or a target, and a time. OONI's have a `measurement_uid`.
    All others are compared as a whole.
    """
    keys = table(measurement.get("test_keys"))
    run, name = text(table(keys.get("x_run")).get("run_id")), text(measurement.get("test_name"))
    start, target = moment(measurement.get("measurement_start_time")), text(table(keys.get("x_target")).get("name"))
    if run and name and start:
        return claim_of_ours(run, name, text(measurement.get("input")), target, start)
    uid = text(measurement.get("measurement_uid"))
    if uid and not run:
        return _digest(["ooni", uid])
    return _digest(["whole", {key: _plain(value) for key, value in measurement.items() if key not in _ADDED}])


def claim_of_ours(run_id: str, test_name: str, input: str, target: str, start: str) -> bytes:
    """Return the claim of a measurement of our probe. `start` has the form that `moment` returns."""
    return _digest(["probe", run_id, test_name, input, target, start])


def _json(value: Any) -> bytes:
    """Return JSON with sorted keys. orjson takes a tenth of the time, and refuses what some lines have."""
    if fast := orjson():
        with suppress(TypeError):  # a lone surrogate, an integer of more than 64 bits, or too many levels
            written: bytes = fast.dumps(value, option=fast.OPT_SORT_KEYS)
            return written
    return _sorted_json(value).encode("utf-8", "surrogatepass")


def _sorted_json(value: Any) -> str:
    """Return the text that orjson writes, apart from the spelling of some numbers."""
    kind = type(value)
    if kind is dict:
        return "{" + ",".join(f"{_sorted_json(key)}:{_sorted_json(value[key])}" for key in sorted(value)) + "}"
    if kind is list:
        return f"[{','.join(map(_sorted_json, value))}]"
    return json.dumps(value, ensure_ascii=False)


def _digest(value: Any) -> bytes:
    whole = json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(whole.encode()).digest()[:SIZE]


def _plain(value: Any) -> Any:
    """Return a JSON value with one spelling for each number: 1, 1.0 and 1e0 become 1.

    Types are compared and not tested with `isinstance`, which takes twice the time. JSON has no other types.
    """
    kind = type(value)
    if kind is str or value is None or kind is bool:
        return value
    if kind is dict:
        return {key: _plain(inner) for key, inner in value.items()}
    if kind is list:
        return [_plain(inner) for inner in value]
    if kind is float:
        return int(value) if value.is_integer() and abs(value) <= _EXACT else value
    return _rounded(value) if abs(value) > _EXACT else value


def _rounded(value: int) -> float | int:
    """Return a large integer as orjson reads it, which has no integers of more than 64 bits."""
    try:
        return float(value)
    except OverflowError:
        return value
