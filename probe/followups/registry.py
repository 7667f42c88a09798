"""Register every kind of follow-up with the code that carries it out.

What each kind is and costs stands in `probe/formats/followups/`. When it is tried, and in which order, is the policy
in `probe/connectivity/policy/table.py`.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from probe.followups.context import FollowUpContext
from probe.followups.dtls_hello import DTLS_HELLOS, send_dtls_hello
from probe.followups.ech_key import send_hello_with_key
from probe.followups.other_hello import HELLOS, send_hello
from probe.followups.other_name import send_name
from probe.followups.planned_flow import PlannedFlow
from probe.followups.transfers import TRANSFERS, send_transfer
from probe.followups.udp_echo import send_echo
from probe.followups.unlisted_protocol import send_random_bytes
from probe.formats.followups import FOLLOWUP_KINDS, FollowUpKind
from probe.formats.transactions import FollowUp, TransactionRecord

CarryOut = Callable[[FollowUpContext, PlannedFlow], Awaitable[TransactionRecord | None]]

_CARRY_OUT: dict[FollowUp, CarryOut] = {
    "other_name_same_address": send_name,
    "same_name_neutral_host": send_name,
    "nonexistent_name_same_address": send_name,
    "nonexistent_name_neutral_host": send_name,
    "neutral_name_neutral_host": send_name,
    **dict.fromkeys(HELLOS, send_hello),
    "hello_with_ech_key": send_hello_with_key,
    **dict.fromkeys(DTLS_HELLOS, send_dtls_hello),
    **dict.fromkeys(TRANSFERS, send_transfer),
    "random_bytes_neutral_host": send_random_bytes,
    "same_payload_echo": send_echo,
    "other_payload_echo": send_echo,
}

_MODULES: dict[FollowUp, str] = {
    "innocuous_name_system_resolver": "probe.resolution.lookup",
    "resolver_udp": "probe.followups.other_resolvers",
    "resolver_dot": "probe.followups.other_resolvers",
    "resolver_doh": "probe.followups.other_resolvers",
    "dark_resolver": "probe.followups.other_resolvers",
    "dark_innocuous": "probe.followups.other_resolvers",
    "media_shape": "probe.followups.run_flows.media_pairs",
    "media_opaque": "probe.followups.run_flows.media_pairs",
    "sip_call": "probe.followups.run_flows.calls",
    "webrtc_call": "probe.followups.run_flows.calls",
    "transfer_name": "probe.followups.run_flows.transfer_pairs",
    "transfer_innocuous": "probe.followups.run_flows.transfer_pairs",
    "transfer_host": "probe.followups.run_flows.transfer_pairs",
    "transfer_innocuous_host": "probe.followups.run_flows.transfer_pairs",
    "upload_name": "probe.followups.run_flows.transfer_pairs",
    "upload_innocuous": "probe.followups.run_flows.transfer_pairs",
    "quic_page_name": "probe.followups.run_flows.quic_pages",
    "quic_page_innocuous": "probe.followups.run_flows.quic_pages",
    "address_page_innocuous": "probe.followups.run_flows.address_pages",
    "kept_connection": "probe.followups.run_flows.kept_connections",
    "kept_connection_innocuous": "probe.followups.run_flows.kept_connections",
    "kept_connection_neutral": "probe.followups.run_flows.kept_connections",
    "kept_connection_name_neutral": "probe.followups.run_flows.kept_connections",
    "upload_beside_media": "probe.followups.run_flows.media_comparison",
    "transfer_beside_media": "probe.followups.run_flows.media_comparison",
    "path_sweep": "probe.followups.hops.hop_search",
    "limited_payload": "probe.followups.hops.hop_search",
    "alternative_address": "probe.connectivity.endpoint",
}
"""Kinds that are not one flow of one endpoint's attempt: the module that carries them out."""


@dataclass(frozen=True)
class RegisteredFollowUp:
    """Hold one kind, the module that carries it out, and the function for a single flow if there is one."""

    kind: FollowUpKind
    module: str
    carry_out: CarryOut | None


def _register(kind: FollowUpKind) -> RegisteredFollowUp:
    carry_out = _CARRY_OUT.get(kind.name)
    return RegisteredFollowUp(kind, carry_out.__module__ if carry_out else _MODULES[kind.name], carry_out)


REGISTRY: dict[FollowUp, RegisteredFollowUp] = {name: _register(kind) for name, kind in FOLLOWUP_KINDS.items()}


async def carry_out(context: FollowUpContext, flow: PlannedFlow) -> TransactionRecord | None:
    """Carry out one planned follow-up. Return its record, None if it was not begun."""
    send = REGISTRY[flow.followup].carry_out
    if send is None:
        raise ValueError(f"{flow.followup} is not a single flow")
    return await send(context, flow)


def markdown_rows() -> list[str]:
    """Return the kinds of follow-ups as rows of a Markdown table, the heading first."""
    heading = "| follow-up | what is sent | changes | triggers | tried | if it is absent | module |"
    return [heading, "|---|---|---|---|---|---|---|", *map(_markdown_row, REGISTRY.values())]


def _markdown_row(followup: RegisteredFollowUp) -> str:
    kind = followup.kind
    changes, module = kind.changes or "nothing", followup.module.replace(".", "/") + ".py"
    cells = (f"`{kind.name}`", kind.sends, changes, str(kind.triggers), kind.tried, kind.absence, f"`{module}`")
    return f"| {' | '.join(cells)} |"
