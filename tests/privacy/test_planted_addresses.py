"""Test that what a server knows of the user, in any field and form, reaches neither file nor log.

The real steps run against servers on loopback that plant the address. Their entries become a measurement, which is
redacted and appended as in a run. Then every byte of the output is searched.
"""

import asyncio
import ipaddress
import json
import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from probe.formats.measurement import Measurement
from probe.privacy.redact import SCRUBBED, Known, redact
from probe.results import ResultsFile
from tests.privacy.test_redact import UNRECOGNISABLE, disguises, hidden, public_addresses
from tests.support.ooni.checker import problems
from tests.support.planting import PLANTS, Wrote

slow = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

FREE_TEXT = [
    "tls first bytes", "http title", "http body", "http reason", "http server", "http content type",
    "http other headers", "noise answer", "mtproto answer", "dns client subnet and nsid", "stun answer",
    "stun answer to somebody else", "stun answer without a cookie",
    "smtp banner", "smtp ehlo", "smtp go-ahead", "imap greeting", "imap capability", "imap garbage",
    "sip via", "sip sent-by", "sip server", "sip reason", "sip answer to somebody else", "sip garbage",
]  # fmt: skip


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


def run_plant(field: str, address: str, form: str, known: Known, folder: Path) -> tuple[dict[str, Any], bytes]:
    line = redact(line_of(asyncio.run(PLANTS[field](address, form))), known)
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
        line, raw = run_plant(field, address, form, Known.of([address]), tmp_path)
    said = capfd.readouterr()
    assert leaks(raw, address) == [], f"{field}, {kind}: {form}"
    spoken = (said.out + said.err + "\n".join(r.getMessage() for r in caplog.records if r.name != "asyncio")).encode()
    assert leaks(spoken, address) == [], f"{field}, {kind}: {form}"
    assert problems(line) == [], field


@pytest.mark.parametrize("field", FREE_TEXT)
@slow
@given(address=public_addresses(), data=st.data())
def test_unknown_address_is_removed_from_free_text(
    field: str, tmp_path: Path, address: str, data: st.DataObject
) -> None:
    """Test a probe behind a router without a helper: it does not know its public address, but a block page may."""
    forms = {kind: form for kind, form in disguises(address).items() if kind not in UNRECOGNISABLE}
    kind, form = data.draw(st.sampled_from(sorted(forms.items())))
    _, raw = run_plant(field, address, form, Known(), tmp_path)
    assert form.strip("=").lower().encode() not in raw.lower(), f"{field}, {kind}: {form}"


def test_planted_forms_are_sent(tmp_path: Path) -> None:
    """Find the forms without redaction, which shows that the other tests search in the right place."""
    address, nothing = "198.51.100.23", Known()
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
        seen[field] = bool(leaks(run_plant(field, address, form, nothing, tmp_path)[1], address))
    assert all(seen.values()), seen


def test_names_and_home_are_redacted_in_answers_and_bugs(tmp_path: Path) -> None:
    known = Known.of(words=["janes-laptop", "janedoe"], paths=["/home/janedoe"])
    wrote = asyncio.run(PLANTS["helper text"]("198.51.100.23", "janedoe at JANES-LAPTOP in /home/janedoe/x.py"))
    raw = came_out(tmp_path, redact(line_of(wrote), known)).lower()
    assert b"jane" not in raw and SCRUBBED.encode() in raw
