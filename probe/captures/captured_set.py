"""Read files of captures into flows and conversations. Several files are one set of flows."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from probe.captures.capture_file import CapturedFrame, read_frames
from probe.captures.captured_flow import CapturedFlow
from probe.captures.conversation import Conversation
from probe.captures.datagram_reading import DNS_PORT, read_lookups, read_sip_flow, read_stun_flow
from probe.captures.flow_table import CapturedFlows
from probe.captures.web_reading import read_quic_flow, read_tcp_flow
from probe.messages import tr
from probe.results import Problem, file_name
from probe.results.remote import Source
from probe.results.unpacking import UNREADABLE


@dataclass
class CapturedSet:
    """Hold what a set of captures contains. `problems` are about files that were read in part, or not at all."""

    names: list[str]
    flows: list[CapturedFlow] = field(default_factory=list)
    conversations: list[Conversation] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    left_out: int = 0  # flows without a place in memory
    unjudged: int = 0  # names and servers beyond the limit

    @property
    def identity(self) -> str:
        """Return an identity in the form of a run's. The same files have the same one."""
        about = [(each.ends[0], each.ends[3:], each.since) for each in self.flows[:1000]]
        return hashlib.sha256(repr((self.names, len(self.flows), about)).encode()).hexdigest()[:16]


def read_captures(sources: Sequence[Source]) -> CapturedSet:
    """Read all files. What cannot be read is a problem of the reading, and the packets before it count."""
    table, reading = CapturedFlows(), CapturedSet([file_name(source) for source in sources])
    for source in sources:
        table.read(_frames(source, reading, table))
    reading.flows, reading.left_out = table.flows, table.left_out
    lookups = [flow for flow in reading.flows if flow.protocol == "udp" and flow.port == DNS_PORT]
    others = [flow for flow in reading.flows if flow.protocol == "tcp" or flow.port != DNS_PORT]
    found = [*read_lookups(lookups, table.end), *(each for flow in others for each in _conversation(flow, table.end))]
    reading.conversations = sorted(found, key=lambda each: each.began)
    return reading


def _frames(source: Source, reading: CapturedSet, table: CapturedFlows) -> Iterator[CapturedFrame]:
    try:
        yield from read_frames(source)
    except UNREADABLE as error:
        reason = getattr(error, "strerror", None) or error
        sentence = tr("The file cannot be read further: {reason}", reason=reason)
        reading.problems.append(Problem(file_name(source), table.frames + 1, sentence))


def _conversation(flow: CapturedFlow, last: float) -> Iterator[Conversation]:
    if flow.protocol == "tcp":
        found = read_tcp_flow(flow, last)
    else:
        found = read_quic_flow(flow, last) or read_stun_flow(flow, last) or read_sip_flow(flow, last)
    if found is not None:
        yield found
