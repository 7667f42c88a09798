"""Select what OONI's echcheck would have written: lookups, and handshakes without and with Encrypted ClientHello.

Source, opened 2026-11-28:
https://github.com/ooni/probe-cli/blob/7cb22410c98db6dbc801887d93b65c8a5318ad07/internal/experiment/echcheck/measure.go
OONI makes three handshakes with one address. They have no extension, random bytes in it, and the published key.
"""

from probe.formats.entries import DNSQuery, Entry, TCPConnect
from probe.formats.exchanges.tls import TLSHandshake
from probe.formats.followups import FollowUp
from probe.formats.transactions import TransactionRecord
from probe.ooni.view import OONIAttempt, View
from probe.session.trace import Trace
from probe.targets.target import Endpoint, Target

WITH_ECH: tuple[FollowUp, ...] = ("browser_hello", "hello_with_ech_key")
_ENCRYPTED = frozenset({"doh", "dot"})


def ech_view(trace: Trace, target: Target) -> View:
    """Select from the first pass and from the hellos with Encrypted ClientHello at the same address."""
    view, entries = View(), dict[int, list[Entry]]()
    for entry in trace.entries:
        entries.setdefault(entry.transaction_id, []).append(entry)
    for service, endpoint in target.endpoints():
        view.queries += _queries(trace, endpoint, entries)
        chosen = _handshakes(trace, endpoint, entries)
        if chosen:
            found = [one for record in chosen for one in entries.get(record.transaction_id, ())]
            kept: list[Entry] = [one for one in found if isinstance(one, TCPConnect | TLSHandshake)]
            view.seen.append(OONIAttempt(service.role, endpoint, entries=kept, address=chosen[0].address))
        else:
            view.untried.append(endpoint)
    return view


def _queries(trace: Trace, endpoint: Endpoint, entries: dict[int, list[Entry]]) -> list[DNSQuery]:
    """Return the lookups of the host by an encrypted resolver, as OONI makes them, else all, and one for the key."""
    of_host = [t for t in trace.transactions if t.kind == "lookup" and t.hostname == endpoint.host]
    for_key = [t for t in trace.transactions if t.followup == "hello_with_ech_key" and t.endpoint == endpoint.url]
    asked, key = _asked(of_host, entries), _asked(for_key, entries)
    return ([query for query in asked if query.engine in _ENCRYPTED] or asked) + key[:1]


def _asked(transactions: list[TransactionRecord], entries: dict[int, list[Entry]]) -> list[DNSQuery]:
    return [one for t in transactions for one in entries.get(t.transaction_id, ()) if isinstance(one, DNSQuery)]


def _handshakes(trace: Trace, endpoint: Endpoint, entries: dict[int, list[Entry]]) -> list[TransactionRecord]:
    """Return the first attempt, at an address that was tried with the extension if there is one, and those with it."""
    mine = [
        t for t in trace.transactions if t.endpoint == endpoint.url and _connects(entries.get(t.transaction_id, []))
    ]
    hellos = [t for kind in WITH_ECH for t in mine if t.followup == kind and t.sent_name == endpoint.host]
    first = [t for t in mine if t.kind == "first"]
    first.sort(key=lambda t: (t.address not in {one.address for one in hellos}, t.family, t.transaction_id))
    if not first:
        return []
    at = first[0].address
    found = {kind: next((t for t in hellos if t.followup == kind and t.address == at), None) for kind in WITH_ECH}
    return [first[0], *(t for t in found.values() if t is not None)]


def _connects(entries: list[Entry]) -> bool:
    return any(isinstance(entry, TCPConnect) for entry in entries)
