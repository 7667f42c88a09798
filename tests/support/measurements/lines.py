"""Build synthetic measurements from the classes that write real ones.

An outcome is "ok", or "LAYER:FAILURE" for the layer that fails, such as "tls:connection_reset".
"""

import copy
import json
from typing import Any

from probe.formats import failures as f
from probe.formats.entries import DNSResponse, Entry, RandomBytes, TCPConnect
from probe.formats.exchanges.calls import UDPEcho
from probe.formats.exchanges.hops import Distance, Hop, LimitedPayload, PathSweep
from probe.formats.exchanges.near_reactions import NearPacket, NearReaction
from probe.formats.transactions import TransactionRecord
from probe.targets.target import family_of, is_address, parse_endpoint
from tests.support.measurements.entries import FORGED, GENUINE, LAYERS, SECOND, answer, complete, entries_of, query

__all__ = ["FORGED", "GENUINE", "SECOND", "Keys", "Lines"]

INNOCUOUS, NONEXISTENT = "www.example.com", "does-not-exist.invalid"
NEUTRAL_NAME = "neutral.example"
NEUTRAL = "9.9.9.10"
RESOLVERS = {"udp": "8.8.8.8:53", "dot": "1.1.1.1:853", "doh": "https://dns.example:443/dns-query"}
FOLLOWUPS = {"udp": "resolver_udp", "dot": "resolver_dot", "doh": "resolver_doh"}


class Keys:
    """Collect the test keys of the probe or of the control."""

    def __init__(self) -> None:
        self.records: list[TransactionRecord] = []
        self.entries: list[tuple[bool, Entry]] = []

    def open(self, **about: Any) -> TransactionRecord:
        record = TransactionRecord(transaction_id=len(self.records) + 1, **about)
        self.records.append(record)
        return record

    def keep(self, record: TransactionRecord, entry: Entry) -> None:
        entry.transaction_id = record.transaction_id
        self.entries.append((record.kind == "followup", entry))
        if entry.failure is None:
            record.steps.append(entry.OPERATION)
        else:
            record.failed_operation, record.failure = entry.OPERATION, entry.failure

    def dump(self) -> dict[str, Any]:
        lists: dict[bool, dict[str, list[Any]]] = {True: {}, False: {}}
        for followup, entry in self.entries:
            lists[followup].setdefault(entry.LIST, []).append(entry.model_dump(mode="json"))
        records = [record.model_dump(mode="json") for record in self.records]
        return {"x_endpoints": lists[False], "x_followups": lists[True], "x_transactions": records}


class Lines:
    """Build one measurement. Each method adds one transaction and returns its id."""

    def __init__(self, services: dict[str, list[str]], *, works_if: str = "all", target: str = "telegram") -> None:
        self.probe, self.at_control = Keys(), Keys()
        self.has_control = False
        self.compared = True  # False: the probe did not compare the answer for the name with another one
        self.echo_port = 0  # of the helper's echo, 0 if it offers none
        self.control_families = {"ipv4": True, "ipv6": True, "udp": True}
        self.control_failure: str | None = None
        self.bugs: list[str] = []
        self.packets: list[dict[str, Any]] | None = None  # raw packets, as PacketRecord has them
        self.target: dict[str, Any] = {
            "name": target,
            "digest": "0" * 64,
            "reviewed": "2026-11-24",
            "retired": None,
            "successor": None,
            "title": target,
            "nettest": target,
            "services": {role: {"works_if": works_if, "endpoints": urls} for role, urls in services.items()},
        }
        neutral = {"endpoint": "https://neutral.example:443/", "address": NEUTRAL, "family": 4, "failure": None}
        self.preflight: dict[str, Any] = {
            "network": True,
            "neutral": [neutral | {"trusted_by_machine": None}],
            "portal": None,
            "clock_skew": 0.3,
            "vpn": False,
            "tls_interception": None,
            "ipv4": True,
            "ipv6": False,
            "udp": True,
        }
        self.run: dict[str, Any] = {"run_id": "4f2a", "families": {"ipv4": True, "ipv6": False}, "interrupted": False}

    # -- names ---------------------------------------------------------------------------------------------------

    def lookup(self, host: str, *answers: str, failure: str | None = None, engine: str = "system") -> int:
        """Add the system library's answer: addresses or a failure."""
        about: dict[str, Any] = {"kind": "lookup", "hostname": host, "sent_name": host, "address": "system"}
        record = self.probe.open(**about)
        for query_type, colon in (("A", False), ("AAAA", True)):
            mine = [ip for ip in answers if (":" in ip) == colon]
            failed = failure or (None if mine or not answers else f.DNS_NO_ANSWER)
            failed = None if not failure and mine else failed or f.DNS_NO_ANSWER
            self.probe.keep(record, query(host, query_type, engine, "system", mine, failed))
        if answers:
            record.failure = record.failed_operation = None
        return record.transaction_id

    def own_udp(self, host: str, *datagrams: list[str] | str, ttls: tuple[int, ...] = (), query_type: str = "A") -> int:
        """Add our own query to the system resolver. Each datagram is a list of addresses or a failure."""
        record = self.probe.open(kind="lookup", hostname=host, sent_name=host, address="system")
        return self._udp(record, host, "system", datagrams, ttls, query_type)

    def resolver_answers(
        self, answer: list[str] | str = f.DNS_NXDOMAIN, *, name: str = INNOCUOUS, **times: float
    ) -> TransactionRecord:
        """Add the system resolver's answer for an innocuous name. Without `times` it comes after 1.5 seconds."""
        about: dict[str, Any] = {"kind": "followup", "followup": "innocuous_name_system_resolver", "address": "system"}
        record = self.probe.open(hostname=name, sent_name=name, **about)
        record.t0, record.t = times.get("t0", 1.5), times.get("t", 1.6)
        self._udp(record, name, "system", () if answer == f.TIMEOUT else (answer,), ())
        return record

    def public_udp(self, host: str, *datagrams: list[str] | str) -> int:
        about: dict[str, Any] = {"kind": "followup", "followup": "resolver_udp", "hostname": host, "sent_name": host}
        return self._udp(self.probe.open(address="8.8.8.8", **about), host, "8.8.8.8:53", datagrams, ())

    def assigned_udp(self, host: str, *datagrams: list[str] | str) -> int:
        """Add a query to the resolver that the network assigned, where the computer asks another one."""
        about: dict[str, Any] = {"kind": "followup", "followup": "resolver_assigned", "hostname": host}
        return self._udp(self.probe.open(address="assigned", sent_name=host, **about), host, "assigned", datagrams, ())

    def at_helper(self, host: str, *datagrams: list[str] | str, innocuous: bool = False) -> int:
        """Add a query to the helper's port 53, for the target's name or an innocuous one."""
        kind = "dark_innocuous" if innocuous else "dark_resolver"
        about: dict[str, Any] = {"kind": "followup", "followup": kind, "hostname": host, "sent_name": host}
        return self._udp(self.probe.open(address="helper", **about), host, "helper", datagrams, ())

    def dark(self, host: str, *datagrams: list[str] | str) -> int:
        about: dict[str, Any] = {"kind": "followup", "followup": "dark_resolver", "hostname": host, "sent_name": host}
        return self._udp(self.probe.open(address="9.9.9.99", **about), host, "9.9.9.99:53", datagrams, ())

    def encrypted(self, host: str, *answers: str, engine: str = "dot", failure: str | None = None) -> int:
        about: dict[str, Any] = {"kind": "followup", "followup": FOLLOWUPS[engine], "hostname": host, "sent_name": host}
        record = self.probe.open(address="1.1.1.1", **about)
        self.probe.keep(record, query(host, "A", engine, RESOLVERS[engine], list(answers), failure))
        return record.transaction_id

    def control_lookup(self, host: str, *answers: str, failure: str | None = None) -> None:
        self.has_control = True
        record = self.at_control.open(kind="lookup", hostname=host, sent_name=host, address="system")
        self.at_control.keep(record, query(host, "A", "system", "system", list(answers), failure))

    def _udp(
        self,
        record: TransactionRecord,
        host: str,
        shown: str,
        datagrams: tuple[Any, ...],
        ttls: tuple[int, ...],
        query_type: str = "A",
    ) -> int:
        answers = [([], each) if isinstance(each, str) else (each, None) for each in datagrams]
        addresses, failed = answers[0] if answers else ([], f.TIMEOUT)
        asked = query(host, query_type, "udp", shown, addresses, failed)
        asked.x_responses = [
            DNSResponse(t=0.01 * number, ip_ttl=ttl, failure=failure, answers=[answer(ip) for ip in ips])
            for number, ((ips, failure), ttl) in enumerate(zip(answers, (*ttls, *[None] * len(answers)), strict=False))
        ]
        self.probe.keep(record, asked)
        return record.transaction_id

    # -- endpoints -----------------------------------------------------------------------------------------------

    def first(self, url: str, ip: str, outcome: str = "ok", **more: Any) -> int:
        return self._reach(self.probe, url, ip, outcome, kind="first", **more)

    def confirm(self, url: str, ip: str, outcome: str = "ok", **more: Any) -> int:
        return self._reach(self.probe, url, ip, outcome, kind="confirm", **more)

    def twice(self, url: str, ip: str, outcome: str, **more: Any) -> None:
        """Add a first attempt and its confirmation with the same outcome."""
        self.first(url, ip, outcome, **more)
        self.confirm(url, ip, outcome, **more)

    def alternative(self, url: str, ip: str, outcome: str = "ok", **more: Any) -> int:
        about: dict[str, Any] = {"kind": "followup", "followup": "alternative_address", "corroborated": True} | more
        return self._reach(self.probe, url, ip, outcome, **about)

    def near(self, url: str, ip: str, packets: str, **more: Any) -> int:
        """Add packets with TTL 1, such as "neutral:expired:router target:silent". `!` marks a result at once."""
        endpoint = parse_endpoint(url)
        about = {"service": "web", "endpoint": url, "address": ip, "port": endpoint.port, "family": family_of(ip)}
        record = self.probe.open(kind="followup", followup="near_reaction", cause=1, **about)
        entry = NearReaction(address=f"{ip}:{endpoint.port}", transport=endpoint.carrier, **more)
        for packet in packets.split():
            to, outcome, sender = [*packet.split(":"), ""][:3]
            seconds = 0.00005 if outcome.endswith("!") else 0.003
            facts = {"to": to, "outcome": outcome.rstrip("!"), "at_once": outcome.endswith("!"), "sender": sender}
            entry.packets.append(NearPacket.model_validate(facts | {"seconds": seconds}))
        self.probe.keep(record, entry)
        return record.transaction_id

    def control(self, url: str, ip: str, outcome: str = "ok", **more: Any) -> None:
        self.has_control = True
        self._reach(self.at_control, url, ip, outcome, kind="first", **more)

    def innocuous(self, url: str, ip: str, outcome: str = "ok", **more: Any) -> int:
        return self._reach(self.probe, url, ip, outcome, kind="innocuous", name=INNOCUOUS, check=False, **more)

    def other_name(self, url: str, ip: str, outcome: str = "ok", **more: Any) -> int:
        about: dict[str, Any] = {
            "kind": "followup",
            "followup": "other_name_same_address",
            "name": INNOCUOUS,
            "check": False,
        }
        return self._reach(self.probe, url, ip, outcome, **about | more)

    def neutral(self, url: str, outcome: str = "ok", ip: str = NEUTRAL, **more: Any) -> int:
        about: dict[str, Any] = {"kind": "followup", "followup": "same_name_neutral_host", "check": False}
        return self._reach(self.probe, url, ip, outcome, **about | more)

    def nonexistent(self, url: str, ip: str, outcome: str = "ok", *, neutral: bool = False, **more: Any) -> int:
        """Add a flow with a non-existent name to the endpoint's address or to a neutral host."""
        where: Any = "nonexistent_name_neutral_host" if neutral else "nonexistent_name_same_address"
        about = {"kind": "followup", "followup": where, "name": NONEXISTENT, "check": False, "in_residual": True}
        return self._reach(self.probe, url, ip, outcome, **about | more)

    def neutral_own(self, url: str, outcome: str = "ok", ip: str = NEUTRAL, **more: Any) -> int:
        """Add a later flow with the neutral host's own name."""
        about = {"kind": "followup", "followup": "neutral_name_neutral_host", "name": "neutral.example", "check": False}
        return self._reach(self.probe, url, ip, outcome, **about | more)

    def other_hello(self, kind: Any, url: str, ip: str, outcome: str = "ok", **more: Any) -> int:
        """Add the target's name in another client hello, with its `engine`, its length `hello` (bytes), and `ech`."""
        return self._reach(self.probe, url, ip, outcome, **{"kind": "followup", "followup": kind} | more)

    def random_bytes(self, url: str, outcome: str = "ok", ip: str = NEUTRAL, **more: Any) -> int:
        endpoint = parse_endpoint(url)
        about: dict[str, Any] = {"service": self._role(url), "endpoint": url, "address": ip, "port": endpoint.port}
        record = self.probe.open(kind="followup", followup="random_bytes_neutral_host", family=4, **about, **more)
        self.probe.keep(record, TCPConnect(ip=ip, port=endpoint.port))
        failed = outcome.partition(":")[2] or None
        self.probe.keep(record, RandomBytes(address=f"{ip}:{endpoint.port}", size=128, failure=failed))
        return record.transaction_id

    def echo(self, url: str, outcome: str = "ok", *, payload: Any = "other", port: int = 0, **about: Any) -> int:
        """Add a datagram to the helper's echo: random, or the endpoint's own ("stun", "sip").

        It came back with exchanged ends `swapped` times, then as sent (`kept`), with other changes (`changed`), or was
        `answered` in SIP.
        """
        change = {key: about.pop(key) for key in ("swapped", "kept", "changed", "answered") if key in about}
        endpoint, kind = parse_endpoint(url), "other" if payload == "other" else "same"
        about = {"service": self._role(url), "endpoint": url, "address": "helper", "family": 4} | about
        about |= {"kind": "followup", "followup": f"{kind}_payload_echo", "port": port or endpoint.port}
        record = self.probe.open(**about)
        failed = outcome.partition(":")[2] or None
        entry = UDPEcho(port=record.port, payload=payload, size=20, x_sent=4 if failed else 1, failure=failed)
        complete(entry, change)
        self.probe.keep(record, entry)
        return record.transaction_id

    def sizes(self, url: str, *passed: int, lost: int = 0, **about: Any) -> int:
        """Add random datagrams of growing size to the helper's echo: those that came back, and one that did not."""
        about = {"service": self._role(url), "endpoint": url, "address": "helper", "family": 4} | about
        about |= {"kind": "followup", "followup": "datagram_sizes", "port": parse_endpoint(url).port}
        record = self.probe.open(**about)
        for size in passed:
            self.probe.keep(record, UDPEcho(port=record.port, payload="other", size=size, x_sent=1, echoed=True))
        if lost:
            failed = "generic_timeout_error"
            self.probe.keep(record, UDPEcho(port=record.port, payload="other", size=lost, x_sent=4, failure=failed))
        return record.transaction_id

    def limited(self, url: str, ip: str, outcomes: dict[int, str], *, sent: int = 1, **about: Any) -> int:
        """Add a flow whose payload was sent with limited TTLs: "expired", "silent" or "answered", by TTL."""
        endpoint = parse_endpoint(url)
        about = {"service": self._role(url), "endpoint": url, "address": ip, "family": family_of(ip)} | about
        record = self.probe.open(kind="followup", followup="limited_payload", port=endpoint.port, **about)
        found = [Distance(ttl=ttl, sent=sent, outcome=outcome) for ttl, outcome in outcomes.items()]  # type: ignore[arg-type]
        kind: Any = endpoint.scheme
        self.probe.keep(record, LimitedPayload(address=ip, transport=endpoint.carrier, payload=kind, distances=found))
        return record.transaction_id

    def swept(self, url: str, ip: str, last: int) -> int:
        """Add innocuous packets to the endpoint with rising TTL, which each router up to `last` answered."""
        endpoint = parse_endpoint(url)
        about = {"service": self._role(url), "endpoint": url, "address": ip, "family": family_of(ip)}
        record = self.probe.open(kind="followup", followup="path_sweep", port=endpoint.port, **about)
        hops = [Hop(ttl=ttl, answered=True) for ttl in range(1, last + 1)]
        self.probe.keep(record, PathSweep(address=f"{ip}:{endpoint.port}", transport=endpoint.carrier, hops=hops))
        return record.transaction_id

    def _reach(self, keys: Keys, url: str, ip: str, outcome: str, **more: Any) -> int:
        endpoint = parse_endpoint(url)
        about = {key: more.pop(key) for key in list(more) if key in TransactionRecord.model_fields}
        name = more.pop("name", "" if is_address(endpoint.host) else endpoint.host)
        about = {"service": self._role(url), "endpoint": url, "address": ip, "port": endpoint.port} | about
        about = {"family": family_of(ip), "sent_name": name} | about
        record = keys.open(**about)
        layer, _, failed = outcome.partition(":")
        for entry in entries_of(endpoint, ip, name, more):
            entry.failure = failed if LAYERS[entry.OPERATION] == layer else None
            complete(entry, more)
            keys.keep(record, entry)
            if entry.failure is not None:
                break
        if layer == "top_level":
            record.failed_operation, record.failure = layer, failed
        return record.transaction_id

    def _role(self, url: str) -> str:
        return next((role for role, spec in self.target["services"].items() if url in spec["endpoints"]), "")

    # -- the result ---------------------------------------------------------------------------------------------

    def _compared_keys(self) -> dict[str, Any]:
        """Return the keys with the lookup of a neutral host's name beside a denial or a private address."""
        here = next((record for record in self.probe.records if record.address == "system"), None)
        if not self.compared or here is None:
            return self.probe.dump()
        own, self.probe = self.probe, copy.deepcopy(self.probe)
        self.resolver_answers([SECOND], name=NEUTRAL_NAME, t0=here.t0, t=here.t)
        compared, self.probe = self.probe, own
        return compared.dump()

    def line(self) -> dict[str, Any]:
        """Return the measurement as parsed JSON."""
        control: dict[str, Any] | None = None
        if self.control_failure is not None:
            control = {"failure": self.control_failure}
        elif self.has_control:
            control = {"failure": None, "preflight": self.control_families, "test_keys": self.at_control.dump()}
            control |= {"echo": {"ports": [self.echo_port]}} if self.echo_port else {}
        keys = self._compared_keys() | {
            "x_control": control,
            "x_packets": self.packets,
            "x_target": self.target,
            "x_run": self.run | {"preflight": self.preflight},
            "x_bugs": self.bugs,
            "x_revision": 1,
        }
        line = {
            "measurement_start_time": "2026-11-24 13:05:00",
            "probe_cc": "XX",
            "probe_asn": "AS64500",
            "annotations": {},
            "test_keys": keys,
        }
        return json.loads(json.dumps(line))  # type: ignore[no-any-return]
