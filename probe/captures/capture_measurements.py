"""Make measurements of our format out of the flows of captures, one for each name or server.

They pass the same pipeline and rules as measurements of a run. What a run knows beside its flows comes from the other
flows of the capture: a flow that another server answered shows that the network worked at that time.
"""

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from probe import __version__
from probe.captures.captured_flow import CapturedFlow, SeenPacket
from probe.captures.captured_set import CapturedSet
from probe.captures.comparisons import Compared, Comparisons, in_groups
from probe.captures.conversation import Conversation
from probe.captures.recorded_side import RecordedSide, is_neighbour
from probe.signatures.device_prints import ReceivedReset, family_of

MOST_CHECKS = 200  # of the network in one measurement
MOST_SUBJECTS = 3_000  # names and servers of a set of captures that are judged
MOST_TRANSACTIONS = 400
MOST_RECORDS = 2_000  # of raw packets in one measurement
TARGET = "capture"
CHECK_SECONDS = 5.0  # between a check and a failure, as in `evidence_age.NETWORK_CHECK`
_ROLES = {"tls": "tls", "quic": "quic", "http": "http", "dns+udp": "dns", "stun": "stun", "sip": "sip", "tcp": "tcp"}

Measurement = dict[str, Any]


class ShownFlow(NamedTuple):
    """Hold a flow of a measurement: the number of its transaction, why it is there, and what it says."""

    number: int
    kind: str
    conversation: Conversation


class CapturedMeasurement(NamedTuple):
    """Hold a measurement and the flows that its transactions were made from."""

    document: Measurement
    flows: list[ShownFlow]


def measurements_of(reading: CapturedSet) -> Iterator[CapturedMeasurement]:
    """Iterate over the measurements of a set of captures, in the order in which the names and servers occur.

    Of very many, those with a failure or with several answers to one query come first, and `reading.unjudged` has the
    number of the others.
    """
    users, comparisons = RecordedSide(reading.flows), Comparisons(reading.conversations)
    subjects: dict[tuple[str, str], list[Conversation]] = defaultdict(list)
    for each in reading.conversations:
        if _may_be_named(each, users):
            subjects[_subject(each)].append(each)
    chosen = list(subjects)
    if len(chosen) > MOST_SUBJECTS:
        reading.unjudged = len(chosen) - MOST_SUBJECTS
        chosen = sorted(chosen, key=lambda subject: not any(map(_is_odd, subjects[subject])))[:MOST_SUBJECTS]
    context = _Context(reading, users)
    for subject in chosen:
        builder = _Builder(context)
        yield CapturedMeasurement(builder.measurement(subject[0], subjects[subject], comparisons), builder.shown)


def _is_odd(each: Conversation) -> bool:
    return each.failure is not None or any(len(entry["x_responses"]) > 1 for entry in each.entries.get("queries", ()))


class _Context:
    """Hold what all measurements of a set of captures have in common."""

    def __init__(self, reading: CapturedSet, users: RecordedSide) -> None:
        self.reading, self.users = reading, users
        self.passed = sorted(
            (each for each in reading.conversations if each.completed and each.failure is None),
            key=lambda each: each.began,
        )
        self.began = [each.began for each in self.passed]
        self.udp = any(each.answered and each.flow.protocol == "udp" for each in reading.conversations) or None
        self.usual = _usual_answers(reading.conversations)

    def near(self, failed: Conversation) -> list[Conversation]:
        """Return the answered flows that began near in time to a failed one."""
        first = bisect_left(self.began, failed.began - CHECK_SECONDS)
        return self.passed[first : bisect_right(self.began, failed.ended + CHECK_SECONDS)][:MOST_CHECKS]


def _may_be_named(each: Conversation, users: RecordedSide) -> bool:
    """Return whether a flow may be written: not if its server or its name is the user's own or a neighbour's."""
    if each.scheme == "dns+udp":
        return not is_neighbour(_name_of(each))
    return not users.is_own(each.flow.server) and not is_neighbour(each.name)


def _subject(each: Conversation) -> tuple[str, str]:
    """Return what a flow is about: a name, or the server's address without one. Each resolver counts apart."""
    return (_name_of(each), each.flow.server) if each.scheme == "dns+udp" else (each.host, "")


def _name_of(each: Conversation) -> str:
    return str(each.entries["queries"][0]["hostname"]) if each.scheme == "dns+udp" else each.name


class _Builder:
    """Build one measurement. Transactions are numbered from 1."""

    def __init__(self, context: _Context) -> None:
        self._context, self._users = context, context.users
        self._transactions: list[dict[str, Any]] = []
        self._lists: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self._packets: list[dict[str, Any]] = []
        self._seen: list[dict[str, Any]] = []
        self.shown: list[ShownFlow] = []
        self._neutral: dict[str, str] = {}  # names that answered at servers of comparisons, by address
        self._zero = 0.0

    def measurement(self, subject: str, flows: list[Conversation], comparisons: Comparisons) -> Measurement:
        self._zero = min(each.began for each in flows)
        services: dict[str, dict[str, Any]] = {}
        for endpoint, group in _grouped(flows, self._users).items():
            role = _ROLES[group[0].scheme]
            services.setdefault(role, {"works_if": "all", "endpoints": []})["endpoints"].append(endpoint)
            self._add_endpoint(endpoint, role, group, comparisons)
        return self._document(subject, services, flows)

    def _add_endpoint(self, endpoint: str, role: str, group: list[Conversation], comparisons: Comparisons) -> None:
        compared = comparisons.of(group) if group[0].name else Compared(in_groups(group), [], [])
        for flows in compared.own.values():
            for place, each in enumerate(flows):
                self._add(each, endpoint, role, "confirm" if place else "first")
        for each in compared.others:
            self._add(each, endpoint, role, "innocuous", sent=each.name)
        for each, answering in compared.elsewhere:
            self._neutral[each.flow.server] = answering
            self._add(each, endpoint, role, "followup", "same_name_neutral_host")

    def _add(
        self, each: Conversation, endpoint: str, role: str, kind: str, followup: str = "", sent: str | None = None
    ) -> None:
        if len(self._transactions) >= MOST_TRANSACTIONS:
            return
        number, address = len(self._transactions) + 1, self._shown(each.flow.server)
        self._transactions.append(
            {
                "transaction_id": number,
                "service": role,
                "endpoint": endpoint,
                "kind": kind,
                "followup": followup,
                "hostname": each.name,
                "address": address,
                "port": each.flow.port,
                "family": 6 if ":" in each.flow.server else 4,
                "address_sources": [TARGET],
                "sent_name": each.name if sent is None else sent,
                "failure": each.failure,
                "t0": each.began - self._zero,
                "t": each.ended - self._zero,
            }
        )
        for name, entries in each.entries.items():
            self._lists[name] += [self._entry(entry, number) for entry in entries]
        self._packets += _packets(each.flow, number, address, self._zero, self._users)
        passed = each.completed and each.failure is None
        seen = {"endpoint": endpoint, "kind": kind, "address": address, "hello": each.hello, "passed": passed}
        self._seen.append({"transaction_id": number, **seen})
        self.shown.append(ShownFlow(number, followup or kind, each))

    def _entry(self, entry: dict[str, Any], number: int) -> dict[str, Any]:
        times = {key: entry[key] - self._zero for key in ("t0", "t") if key in entry}
        named = {"resolver_address": self._shown(entry["resolver_address"])} if "resolver_address" in entry else {}
        return entry | times | named | {"transaction_id": number}

    def _shown(self, address: str) -> str:
        return LOCAL if self._users.is_own(address) else address

    def _document(self, subject: str, services: dict[str, Any], flows: list[Conversation]) -> Measurement:
        families = {"ipv4": True, "ipv6": any(":" in each.flow.server for each in flows)}
        start = datetime.fromtimestamp(max(0.0, min(self._zero, 4e9)), UTC).strftime("%Y-%m-%d %H:%M:%S")
        ended = max(each.ended for each in flows)
        checks = self._checks(flows)
        preflight: dict[str, Any] = {
            "network": True,
            "began": checks[0]["began"] if checks else -1e9,
            "neutral": [],
            "udp": self._context.udp,
            "resolver": self._context.usual.get(flows[0].flow.server) if flows[0].scheme == "dns+udp" else None,
        }
        return {
            "software_name": "censorprobe",
            "software_version": __version__,
            "test_name": TARGET,
            "test_version": "0.1.0",
            "input": subject,
            "measurement_start_time": start,
            "test_start_time": start,
            "test_runtime": ended - self._zero,
            "probe_asn": "AS0",
            "probe_cc": "ZZ",
            "report_id": "",
            "annotations": {},
            "test_keys": {
                "x_target": {"name": TARGET, "title": subject, "nettest": TARGET, "services": services},
                "x_transactions": self._transactions,
                "x_endpoints": dict(self._lists),
                "x_packets": self._packets[:MOST_RECORDS],
                "x_control": None,
                "x_run": {
                    "run_id": self._context.reading.identity,
                    "depth": "standard",
                    "families": families,
                    "udp": preflight["udp"],
                    "preflight": preflight,
                    "network_checks": checks,
                    "capture": {"files": self._context.reading.names, "flows": self._seen},
                },
                "x_bugs": [],
            },
        }

    def _checks(self, flows: Sequence[Conversation]) -> list[dict[str, Any]]:
        """Return what other servers' answers near in time to failed flows show about the network.

        The servers that a name's failure is compared at are checked by their own names too.
        """
        near = [check for each in flows if each.failure is not None for check in self._context.near(each)]
        neutral = [
            each
            for each in self._context.passed
            if self._neutral.get(each.flow.server) == each.name and each.scheme in {"tls", "quic"}
        ]
        chosen = {id(each): each for each in (*neutral[:MOST_CHECKS], *near[:MOST_CHECKS])}.values()
        return [self._check(each) for each in sorted(chosen, key=lambda each: each.began)]

    def _check(self, each: Conversation) -> dict[str, Any]:
        family = 6 if ":" in each.flow.server else 4
        host = {"endpoint": each.endpoint, "address": self._shown(each.flow.server), "family": family, "failure": None}
        proof = {} if each.scheme in {"tls", "quic"} else {"connect_only": True}
        return {"began": each.began - self._zero, "network": True, "neutral": [host | proof]}


LOCAL = "local"
"""Stands for an address of the user or a neighbour."""


def _grouped(flows: Iterable[Conversation], users: RecordedSide) -> dict[str, list[Conversation]]:
    found: dict[str, list[Conversation]] = defaultdict(list)
    for each in flows:
        local = each.scheme == "dns+udp" and users.is_own(each.flow.server)
        found[f"dns+udp://{LOCAL}:{each.flow.port}" if local else each.endpoint].append(each)
    return found


def _usual_answers(conversations: Iterable[Conversation]) -> dict[str, dict[str, Any]]:
    """Return TTL and flags of the usual answers of each resolver: those that nothing contradicts."""
    found: dict[str, Counter[tuple[int, tuple[str, ...]]]] = defaultdict(Counter)
    for each in conversations:
        for entry in each.entries.get("queries", ()):
            if len(entry["x_responses"]) == 1 and entry["failure"] is None:
                found[each.flow.server][entry["ip_ttl"], tuple(entry["flags"])] += 1
    most = {server: counted.most_common(1)[0][0] for server, counted in found.items()}
    return {server: {"ip_ttl": ttl, "flags": list(flags)} for server, (ttl, flags) in most.items()}


def _packets(flow: CapturedFlow, number: int, address: str, zero: float, users: RecordedSide) -> list[dict[str, Any]]:
    """Return the SYN/ACKs, resets and ICMP errors of a flow as a run records them."""
    found = (_packet(event, flow, users) for event in flow.kept)
    about = {"transaction_id": number, "address": address, "port": flow.port}
    return [{"t": max(0.0, each.pop("when") - zero)} | about | each for each in found if each is not None]


def _packet(event: SeenPacket, flow: CapturedFlow, users: RecordedSide) -> dict[str, Any] | None:
    flags = set(event.kind)
    direction = "out" if event.outgoing else "in"
    common = {"when": event.when, "direction": direction, "ttl": event.ttl, "length": event.length}
    if event.kind == "ICMP":
        codes = {"icmp_type": event.start[0], "icmp_code": event.start[1]} if len(event.start) == 2 else {}
        return None if event.outgoing else common | {"kind": "icmp", "sender": ""} | codes
    if "R" not in flags and not {"S", "A"} <= flags:
        return None
    kind = "rst" if "R" in flags else "synack"
    tcp = {"window": event.window, "flags": event.kind, "sequence": event.number, "acknowledgment": event.answered}
    return common | {"kind": kind} | tcp | _print(event, flow, users, kind)


def _print(event: SeenPacket, flow: CapturedFlow, users: RecordedSide, kind: str) -> dict[str, Any]:
    if kind != "rst" or event.outgoing or event.ipid is None:
        return {}
    reset = ReceivedReset(event.window, event.ipid, event.kind, bool(event.dont_fragment), event.start)
    ours = [flow.ends[1], *(each for each in users.compared() if each != flow.ends[1])]
    return {"device_print": family_of(reset, flow.server, ours), "dont_fragment": event.dont_fragment}
