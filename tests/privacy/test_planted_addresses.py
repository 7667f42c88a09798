"""Test that what a server knows of the user, in any field and form, reaches neither file nor log.

The real steps run against servers on loopback that plant the address. Their entries become a measurement, which is
redacted and appended as in a run. Then every byte of the output is searched.
"""

import asyncio
import ipaddress
import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from probe.formats.measurement import Measurement
from probe.privacy.redact import SCRUBBED, KnownIdentifiers, redact
from probe.privacy.server_fields import keep_known_shapes
from probe.results import ResultsFile
from tests.privacy.encoded.encodings import ENCODINGS, disguised, spellings
from tests.privacy.encoded.search import finds
from tests.privacy.test_redact import disguises, hidden, public_addresses
from tests.support.ooni.checker import problems
from tests.support.planting import PLANTS, Wrote

slow = settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

KEY = bytes(range(32))
ANSWERS = {"dns answer"}
"""An address that answers the query is evidence, and remains. Only an address that the probe knows is removed there."""


# -- the line ---------------------------------------------------------------------------------------------------------


def line_of(wrote: Wrote) -> dict[str, Any]:
    keys: dict[str, Any] = {"queries": [], "tcp_connect": [], "tls_handshakes": [], "requests": [], "x_endpoints": {}}
    if isinstance(wrote, dict):
        keys["x_control"] = wrote
    else:
        for entry in wrote:
            keys.setdefault(entry.pop("LIST"), []).append(entry)
    for ours in ("mtproto", "noise", "mail"):
        keys["x_endpoints"][ours] = keys.pop(ours, [])
    now = datetime.now(UTC)
    return Measurement(
        annotations={"engine_version": "3.17.2"}, input=None, measurement_start_time=now, probe_asn="AS64500",
        probe_cc="XX", software_version="0.1.0", test_keys=keys, test_name="endpoint_reachability", test_runtime=1.0,
        test_start_time=now, test_version="0.1.0",
    ).model_dump(mode="json")  # fmt: skip


def came_out(folder: Path, line: dict[str, Any]) -> bytes:
    """Append the measurement as a run does. Return every byte of the file and of the base64 in it."""
    results = ResultsFile.to_file(folder / "out.jsonl")
    results.append(line)
    raw = results.close().read_bytes()
    (folder / "out.jsonl").unlink()
    return raw + b"\n" + b"\n".join(hidden(json.loads(raw)))


def leaks(raw: bytes, address: str) -> list[str]:
    """Return the forms of `address` in `raw`, packed forms included."""
    found = []
    for kind, form in disguises(address).items():
        bare, where = form.strip("xyz[]<>=").encode(), raw
        if "base64" not in kind:  # whose meaning is lost with its case
            bare, where = bare.lower(), raw.lower()
        found += [kind] if bare in where else []
    packed = ipaddress.ip_address(address).packed
    forms = {packed, packed[::-1]}
    if len(packed) == 4:
        forms.add(bytes(a ^ b for a, b in zip(packed, bytes.fromhex("2112a442"), strict=True)))
    return found + [f"bytes {form.hex()}" for form in forms if form in raw]


def run_plant(
    field: str, address: str, form: str, known: KnownIdentifiers, folder: Path
) -> tuple[dict[str, Any], bytes]:
    line = redact(keep_known_shapes(line_of(asyncio.run(PLANTS[field](address, form))), KEY), known)
    return line, came_out(folder, line)


@pytest.mark.parametrize("field", sorted(PLANTS))
@slow
@given(address=public_addresses(), data=st.data())
def test_known_address_reaches_no_file_and_no_log(
    field: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    address: str,
    data: st.DataObject,
) -> None:
    kind, form = data.draw(st.sampled_from(sorted(disguises(address).items())))
    with caplog.at_level(logging.DEBUG):
        caplog.clear()
        line, raw = run_plant(field, address, form, KnownIdentifiers.of([address]), tmp_path)
    said = capfd.readouterr()
    assert leaks(raw, address) == [], f"{field}, {kind}: {form}"
    spoken = (said.out + said.err + "\n".join(r.getMessage() for r in caplog.records if r.name != "asyncio")).encode()
    assert leaks(spoken, address) == [], f"{field}, {kind}: {form}"
    assert problems(line) == [], field


@pytest.mark.parametrize("field", sorted(PLANTS.keys() - ANSWERS))
@slow
@given(address=public_addresses(), data=st.data())
def test_unknown_address_is_not_written(field: str, tmp_path: Path, address: str, data: st.DataObject) -> None:
    """Test a probe behind a router without a helper: it does not know its public address, but a block page may."""
    spelling = data.draw(st.sampled_from(sorted(spellings(address))))
    encodings = data.draw(st.lists(st.sampled_from(sorted(SENDABLE)), max_size=3))
    form = disguised(address, spelling, encodings).text
    assume(FITS.get(field, len)(form))
    line, raw = run_plant(field, address, form, KnownIdentifiers(), tmp_path)
    assert finds(line["test_keys"], address) == [], f"{field}, {spelling}, {encodings}"
    assert len(form) < 8 or form.lower().encode() not in raw.lower(), f"{field}, {spelling}, {encodings}: {form}"


FITS: dict[str, Callable[[str], object]] = {
    "certificate name": str.isascii,
    "certificate subject": lambda form: len(form.encode()) <= 50,  # of 64 (RFC 5280, ub-common-name)
}
"""What a field of a certificate can hold."""

SENDABLE = {name for name, encode in ENCODINGS.items() if encode("1.2:3-4").isprintable()}
"""Encodings whose result fits into a header line."""


def test_planted_forms_are_sent(tmp_path: Path) -> None:
    """Find the forms without redaction, which shows that the other tests search in the right place."""
    address = "198.51.100.23"
    seen = {}
    for field in (
        "dns answer",
        "dns cname",
        "certificate subject",
        "certificate address",
        "helper text",
        "helper bytes",
    ):
        form = "cpe-198-51-100-23.isp.example" if "cname" in field else address
        line = line_of(asyncio.run(PLANTS[field](address, form)))
        seen[field] = bool(leaks(came_out(tmp_path, line), address))
    assert all(seen.values()), seen


def test_names_and_home_are_redacted_in_answers_and_bugs(tmp_path: Path) -> None:
    known = KnownIdentifiers.of(words=["janes-laptop", "janedoe"], paths=["/home/janedoe"])
    wrote = asyncio.run(PLANTS["helper text"]("198.51.100.23", "janedoe at JANES-LAPTOP in /home/janedoe/x.py"))
    raw = came_out(tmp_path, redact(line_of(wrote), known)).lower()
    assert b"jane" not in raw and SCRUBBED.encode() in raw
