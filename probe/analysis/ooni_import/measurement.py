"""A whole line of OONI's → what the judge reads."""

from collections.abc import Callable
from typing import Any

from probe.analysis.observations.index import endpoint_of
from probe.analysis.observations.lenient_json import address, name, table, text
from probe.analysis.observations.rows import CONTROL, PROBE, FlatMeasurement, observations
from probe.analysis.ooni_import.control import families, outside
from probe.analysis.ooni_import.endpoint_tests import binding, dial, resolving
from probe.analysis.ooni_import.entries import Entry, connects, queries
from probe.analysis.ooni_import.nettests import NETTESTS
from probe.analysis.ooni_import.transactions import Converted
from probe.analysis.ooni_import.web_connectivity import ROLE, browse
from probe.signatures.bogons import is_made_up

OURS = "censorprobe"

_READERS: dict[str, Callable[[Entry, dict[str, dict[str, Any]], Converted], None]] = {
    "telegram": dial,
    "whatsapp": dial,
    "signal": dial,
    "facebook_messenger": dial,
    "stunreachability": binding,
    "dnscheck": resolving,
    "web_connectivity": browse,
}


def is_ooni(line: Entry) -> bool:
    """Say whether a line is of a nettest that another program ran: it names one, and no target of ours."""
    keys = table(line.get("test_keys"))
    named = bool(text(line.get("test_name"))) and isinstance(line.get("test_keys"), dict)
    return named and not table(keys.get("x_target")) and line.get("software_name") != OURS


def read_ooni(line: Entry) -> FlatMeasurement:
    """Read a line of OONI's; one of a nettest that is not known here has no rows, and says so."""
    test, keys = name(line.get("test_name")).replace(" ", "_"), table(line.get("test_keys"))
    run: dict[str, Any] = {"run_id": text(line.get("report_id"))}
    nettest = NETTESTS.get(test)
    if nettest is None:
        services: dict[str, Any] = {"all": {"endpoints": []}}
        return FlatMeasurement({"name": test, "services": services}, run, (), True, {}, foreign=True, unread=True)
    services, tape = nettest.services(line), Converted()
    if not _through_a_proxy(keys):
        _READERS[test](keys, services, tape)
    run["families"] = {"ipv4": True, "ipv6": _has_ipv6(keys)}
    found = FlatMeasurement(
        target={"name": nettest.target(line), "services": _connected(services, keys, tape)},
        run=run,
        bugs=(),
        control_failed=True,
        control_families={},
        foreign=True,
        rows=list(observations(tape.keys, PROBE)),
    )
    if test == "web_connectivity":
        _add_control(found, keys, services)
    return found


def _add_control(found: FlatMeasurement, keys: Entry, services: dict[str, dict[str, Any]]) -> None:
    tape = Converted()
    if outside(keys, endpoint_of(services[ROLE]["endpoints"][0]), tape):
        found.control_failed, found.control_families = False, families(tape)
        found.rows += observations(tape.keys, CONTROL)


def _through_a_proxy(keys: Entry) -> bool:
    """Whether it was measured through a VPN's or proxy's addresses, Psiphon or Tor: it says nothing of this network."""
    answers = [answer for query in queries(keys) for answer in query["answers"]]
    made_up = any(is_made_up(address(answer.get("ipv4") or answer.get("ipv6"))) for answer in answers)
    return made_up or bool(keys.get("socksproxy") or keys.get("tunnel"))


def _has_ipv6(keys: Entry) -> bool:
    return any(":" in at.address and entry["status"]["success"] for at, entry in connects(keys))


def _connected(services: dict[str, dict[str, Any]], keys: Entry, tape: Converted) -> dict[str, dict[str, Any]]:
    """The services; of a pool that OONI only connects to, what connected if anything did.

    The app needs one of them. A connect proves nothing, so the pool cannot be called fine; but neither may one of many
    that failed make it `impaired`.
    """
    transactions = tape.keys["x_transactions"]
    fine = {record.get("endpoint") for record in transactions if record["failure"] is None}
    narrowed = {}
    for role, service in services.items():
        urls = service["endpoints"]
        bare = service["works_if"] == "any" and all(url.startswith("tcp://") for url in urls)
        narrowed[role] = service | {"endpoints": [url for url in urls if url in fine] or urls if bare else urls}
    return narrowed
