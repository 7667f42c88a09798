"""Look up and verify neutral hosts over QUIC, once a name has failed over QUIC."""

from probe.followups.flow import FlowFacts
from probe.followups.flow_context import FollowUpContext
from probe.followups.planned_flow import PlannedFlow
from probe.session.trace import Transaction, TransactionFacts
from probe.steps.dns.dns import resolve_system
from probe.steps.quic.quic import quic_handshake
from probe.targets.target import Endpoint, family_of


async def find_neutral_hosts(context: FollowUpContext, flow: PlannedFlow) -> list[tuple[str, Endpoint]]:
    """Return (IP, endpoint) of the neutral hosts that show their own certificate over QUIC, in the endpoint's family.

    The preflight checks neutral hosts over TLS, because they show the state of the whole network. Few hosts offer QUIC
    to unknown clients. They are contacted only when there is something to compare (P7).
    """
    runner, found = context.runner, list[tuple[str, Endpoint]]()
    for host in (one for one in runner.session.neutral.endpoints if one.scheme == "quic"):
        if runner.session.stopping.is_set():
            break
        for ip in await _addresses(context, host):
            if await _shows_certificate(context, flow, host, ip):
                found.append((ip, host))
    return found


async def _shows_certificate(context: FollowUpContext, flow: PlannedFlow, host: Endpoint, ip: str) -> bool:
    pace = context.runner.session.pace
    about = TransactionFacts(
        "followup",
        followup="neutral_name_neutral_host",
        cause=flow.cause,
        service=context.service,
        endpoint=context.endpoint.url,
        sent_name=host.host,
        address=ip,
        port=host.port,
        family=context.family,
    )

    async def steps(tx: Transaction) -> None:
        await quic_handshake(tx, ip, host.port, host.host, pace=pace, roots=context.public_roots)

    record = await context.runner.carry_out(FlowFacts(about), steps)
    return record is not None and record.failure is None


async def _addresses(context: FollowUpContext, host: Endpoint) -> list[str]:
    """Return the first address of the family that the system resolver gives. The certificate verifies it later."""
    pace, trace, ips = context.runner.session.pace, context.runner.trace, list[str]()
    families = frozenset({context.family})
    async with pace.lookup_slot(), trace.transaction(TransactionFacts("lookup", hostname=host.host)) as tx:
        ips = await resolve_system(tx, host.host, pace=pace, families=families)
    return [ip for ip in ips if family_of(ip) == context.family][:1]
