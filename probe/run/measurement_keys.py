"""Write what a measurement found: the test keys, with facts about target, network and run."""

import ssl
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from probe.followups.run_flows.run_flows import NO_FLOWS, FlowResults
from probe.formats.entries import DNSQuery
from probe.formats.exchanges.tls import TLSHandshake
from probe.formats.facts import (
    Abilities,
    Control,
    Families,
    NetworkCheck,
    Preflight,
    RunFacts,
    ServiceFacts,
    TargetFacts,
)
from probe.formats.followups import FOLLOWUP_KINDS
from probe.formats.keys import TEST_KEYS, Lists
from probe.formats.network_facts import AccessLine, ResolverFilter
from probe.nettests.nettest import Nettest
from probe.ooni.view import OONI_LISTS, View, lists_of, ooni_view
from probe.ooni.web_connectivity.page_attempts import web_view
from probe.platforms.sockets.tcp_state import sends_timestamps
from probe.resolution.assigned_resolver import may_be_the_cause
from probe.run.mapped_networks import note_mapped_networks
from probe.session.session import Session
from probe.session.trace import Trace
from probe.targets.target import Target
from probe.targets.url_lists import NETTEST as WEB

REVISION = 1  # of our own part of the test keys


@dataclass
class Measured:
    """Hold one finished measurement. `start` is UTC, `runtime` is in seconds."""

    test_keys: dict[str, Any]
    test_name: str
    test_version: str
    start: datetime
    runtime: float
    input: str | None = None
    bugs: list[str] = field(default_factory=list)
    annotations: dict[str, str] = field(default_factory=dict)


def finished_measurement(
    nettest: Nettest,
    target: Target,
    session: Session,
    trace: Trace,
    start: datetime,
    runtime: float,
    control: dict[str, Any] | None,
    flows: FlowResults = NO_FLOWS,
) -> Measured:
    _note_networks(trace, session)
    note_mapped_networks(trace, session)
    session.note_load(trace)
    web = target.nettest == WEB
    if nettest.view is not None:
        view = nettest.view(trace, target)
    else:
        view = web_view(trace, target, control) if web else ooni_view(trace, target, nettest.method, nettest.extent)
    own, endpoints, followups = sections(trace, view if nettest.is_oonis else None)
    test_keys = TEST_KEYS[nettest.name](
        **nettest.keys(view, own),
        x_endpoints=endpoints,
        x_followups=followups,
        x_transactions=trace.transactions,
        x_control=None if control is None else Control.model_validate(control),
        x_packets=None,  # this system does not let us see packets
        x_target=_about_target(target),
        x_run=_about_run(session, trace, flows),
        x_bugs=list(trace.bugs),
        x_revision=REVISION,
    )
    written = test_keys.model_dump(mode="json")
    given, kept = nettest.input_of(target), {"category_code": target.category, "ooni_run_link_id": target.run_link}
    annotations = {key: value for key, value in kept.items() if value}
    return Measured(written, nettest.name, nettest.version, start, runtime, given, list(trace.bugs), annotations)


def _note_networks(trace: Trace, session: Session) -> None:
    """Record the network of every address in an answer, as OONI does. The analysis has no table of networks."""
    for query in trace.entries:
        if isinstance(query, DNSQuery):
            heard = [answer for response in query.x_responses or [] for answer in response.answers]
            for answer in (*query.answers, *heard):
                answer.asn = (session.asn_of(answer.address) if answer.address else 0) or None


def sections(trace: Trace, view: View | None) -> tuple[Lists, Lists, Lists]:
    """Put every entry into exactly one list: OONI's lists, x_endpoints or x_followups.

    With a `view`, OONI's lists hold exactly that. Otherwise they hold the first pass and its lookups.
    """
    kinds = {record.transaction_id: record.kind for record in trace.transactions}
    first = [e for e in trace.entries if kinds[e.transaction_id] in {"first", "lookup"} and e.LIST in OONI_LISTS]
    chosen = first if view is None else view.entries()
    taken = {id(entry) for entry in (*chosen, *(view.rewritten if view else ()))}
    rest = [entry for entry in trace.entries if id(entry) not in taken]
    return (
        lists_of(chosen),
        lists_of(entry for entry in rest if kinds[entry.transaction_id] != "followup"),
        lists_of(entry for entry in rest if kinds[entry.transaction_id] == "followup"),
    )


def _about_target(target: Target) -> TargetFacts:
    return TargetFacts(
        name=target.name,
        digest=target.digest,
        reviewed=target.reviewed.isoformat(),
        retired=target.retired.isoformat() if target.retired else None,
        successor=target.successor,
        title=target.title,
        nettest=target.nettest,
        services={
            role: ServiceFacts(
                works_if=service.works_if,
                endpoints=[endpoint.url for endpoint in service.endpoints],
                needs=list(service.needs) or None,
                media=service.media,
            )
            for role, service in target.services.items()
        },
    )


def _about_preflight(session: Session, trace: Trace) -> Preflight:
    began = None if session.preflight_began is None else round(session.preflight_began - trace.zero, 3)
    return Preflight.model_validate(session.preflight | {"began": began})


def _checks(session: Session) -> list[str]:
    """Return the follow-ups that the run makes when they are due, of those that exclude another cause."""
    if not session.settings.followups or session.as_control:
        return []
    without = set() if session.abilities["resolver_list"] else {"same_name_system_resolver"}
    without |= set() if may_be_the_cause(session) else {"resolver_assigned"}
    return [kind.name for kind in FOLLOWUP_KINDS.values() if kind.excludes_other_cause and kind.name not in without]


def _about_run(session: Session, trace: Trace, flows: FlowResults) -> RunFacts:
    own = [e for e in trace.entries if isinstance(e, TLSHandshake) and e.x_engine in {"openssl", "aioquic"}]
    hellos = [entry.x_client_hello_length for entry in own]
    checks = session.watch.since(trace.zero) if session.watch else []
    return RunFacts(
        run_id=session.run_id,
        depth=session.settings.depth,
        preflight=_about_preflight(session, trace),
        network_checks=[NetworkCheck.model_validate(check) for check in checks] or None,
        families=Families(ipv4=session.family_works(4), ipv6=session.family_works(6)),
        udp=session.preflight.get("udp"),
        triggers=session.pace.triggers,
        openssl=" ".join(ssl.OPENSSL_VERSION.split()[:2]),  # without the date of the build
        client_hello_length=max(hellos, default=0),
        tcp_timestamps=sends_timestamps(),
        bytes_sent=session.pace.bytes_sent,
        bytes_received=session.pace.bytes_received,
        access_line=AccessLine(
            round_trip=round(session.pace.round_trip, 3),
            queueing=round(session.pace.queueing, 3),
            received_rate=session.pace.received_rate,
        ),
        interrupted=session.stopping.is_set() or trace.cut_short,
        out_of_time=session.out_of_time,
        asn_database=session.asn_database,
        abilities=Abilities(**session.abilities),
        media=flows.media,
        calls=flows.calls,
        transfers=flows.transfers,
        innocuous_resets=session.innocuous_resets.counted(),
        name_filter=ResolverFilter.model_validate(session.name_filter) if session.name_filter else None,
        own_load=session.own_flows.most(),
        innocuous_failures=session.own_flows.innocuous_failures() or None,
        port_connects=[connect for port in sorted(session.port_connects) for connect in session.port_connects[port]]
        or None,
        checks=_checks(session),
    )
