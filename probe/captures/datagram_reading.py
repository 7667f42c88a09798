"""Read DNS, STUN and SIP in datagrams of a capture."""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, NamedTuple

from probe.asn.table import asn_of
from probe.captures.captured_flow import CapturedFlow, Datagram
from probe.captures.conversation import PATIENCE, Conversation
from probe.captures.web_reading import usable_name
from probe.formats import failures as f
from probe.wire import stun
from probe.wire.dns.dns_message import question_of, read_response
from probe.wire.sip.sip_message import NotSIP, SIPMessage, is_sip, read_message

DNS_PORT = 53
LONGEST_LOOKUP = 30.0  # seconds between the first and the last query of one lookup
_MOST_QUESTIONS = 24  # of one flow
_FINAL = 200  # the first final status of SIP (RFC 3261, 7.2)


class CapturedLookup(NamedTuple):
    """Hold the datagrams that ask one resolver for one name, and those that answer them."""

    flow: CapturedFlow
    name: str
    query_type: str
    queries: list[Datagram]
    answers: list[Datagram]

    @property
    def began(self) -> float:
        """Return the time of the first query."""
        return self.queries[0].when

    @property
    def subject(self) -> tuple[str, str, str, str]:
        """Return who asks which resolver for what."""
        return self.flow.ends[1], self.flow.server, self.name, self.query_type


def read_lookups(flows: Iterable[CapturedFlow], last: float) -> Iterator[Conversation]:
    """Iterate over the lookups of flows to port 53, each with every answer in the order of arrival.

    Many programs repeat a query with another id from another port. Such queries, all unanswered, are one lookup.
    """
    waiting: dict[tuple[str, str, str, str], CapturedLookup] = {}
    for each in sorted(chain.from_iterable(map(_lookups, flows)), key=lambda found: found.began):
        earlier = waiting.pop(each.subject, None)
        if each.answers or len(each.queries) > 1:
            ended = [each]  # the answer is that of the earlier queries too
        elif earlier is not None and each.began - earlier.began <= LONGEST_LOOKUP:
            waiting[each.subject] = earlier._replace(queries=[*earlier.queries, *each.queries])
            ended = []
        else:
            waiting[each.subject] = each
            ended = [earlier] if earlier is not None else []
        yield from _conversations(ended, last)
    yield from _conversations(waiting.values(), last)


def _conversations(lookups: Iterable[CapturedLookup], last: float) -> Iterator[Conversation]:
    for each in lookups:
        if (found := _conversation(each, last)) is not None:
            yield found


def _lookups(flow: CapturedFlow) -> Iterator[CapturedLookup]:
    asked: dict[bytes, list[Datagram]] = {}
    for each in flow.datagrams:
        if each.outgoing and question_of(each.payload) is not None and len(asked) < _MOST_QUESTIONS:
            asked.setdefault(each.payload[:2], []).append(each)
    for identity, queries in asked.items():
        answers = [each for each in flow.datagrams if not each.outgoing and each.payload[:2] == identity]
        question = question_of(queries[0].payload)
        if question is not None and (name := usable_name(question[0])):
            yield CapturedLookup(flow, name, question[1], queries, answers)


def _conversation(lookup: CapturedLookup, last: float) -> Conversation | None:
    flow, queries, answers, began = lookup.flow, lookup.queries, lookup.answers, lookup.began
    # A server answers a repeated query again, maybe with other addresses. So only more answers than queries race.
    raced = answers if len(queries) == 1 or len(answers) > len(queries) else answers[:1]
    read = [_response(each, queries[0].payload, began) for each in raced]
    ours = [each for each in read if each is not None]
    given_up = min(last, queries[-1].when + PATIENCE)
    if not ours and (any(answers) or len(queries) < 2 or given_up - began < PATIENCE):
        return None
    ended = began + ours[0]["t"] if ours else given_up
    failure = ours[0]["failure"] if ours else f.TIMEOUT
    entry: dict[str, Any] = {
        "t0": began,
        "t": ended,
        "engine": "udp",
        "hostname": lookup.name,
        "query_type": lookup.query_type,
        "resolver_address": flow.server,
        "failure": failure,
        "answers": ours[0]["answers"] if ours else [],
        "flags": ours[0]["flags"] if ours else [],
        "ip_ttl": ours[0]["ip_ttl"] if ours else 0,
        "x_responses": ours,
        "x_sent": len(queries),
        "x_round_trip": ours[0]["t"] if ours else 0.0,
    }
    lists = {"queries": [entry]}
    return Conversation(flow, "dns+udp", "", failure, began, ended, "", bool(ours), bool(ours), lists)


def _response(answer: Datagram, query: bytes, began: float) -> dict[str, Any] | None:
    reading = read_response(answer.payload, query, keep_ttls=False)
    if not reading.ours:
        return None
    found: dict[str, Any] = reading.response.model_dump(mode="json")
    for each in found["answers"]:
        each["asn"] = asn_of(each.get("ipv4") or each.get("ipv6") or "")
    return found | {"t": answer.when - began, "ip_ttl": answer.ttl, "raw_response": ""}


def read_stun_flow(flow: CapturedFlow, last: float) -> Conversation | None:
    """Return the first request of STUN or TURN with its answer."""
    sent = [each for each in flow.datagrams if each.outgoing and stun.is_stun(each.payload)]
    requests = [(each, read) for each in sent if (read := _stun(each)) is not None and read.kind == "request"]
    requests = [(each, read) for each, read in requests if read.method in {stun.BINDING, stun.ALLOCATE}]
    if not requests:
        return None
    first, request = requests[0]
    if any(attribute in {0x0006, 0x0024, 0x0025} for attribute, _ in request.attributes):
        return None  # a check of ICE between two peers (RFC 8445, 7.1), and no server
    answers = [_stun(each) for each in flow.datagrams if not each.outgoing and stun.is_stun(each.payload)]
    own = [each for each in answers if each is not None and each.transaction_id == request.transaction_id]
    answer = next((each for each in own if each.kind in {"success", "error"}), None)
    same = [each for each, read in requests if read.transaction_id == request.transaction_id]
    given_up = min(last, same[-1].when + PATIENCE)
    if answer is None and (answers or len(same) < 3 or given_up - first.when < PATIENCE):
        return None
    ended = flow.until if answer else given_up
    entry = {
        "t0": first.when,
        "t": ended,
        "method": "allocate" if request.method == stun.ALLOCATE else "binding",
        "response": answer.kind if answer else "",
        "error_code": answer.error_code if answer else 0,
        "has_realm": answer is not None and answer.first(stun.REALM) is not None,
        "has_nonce": answer is not None and answer.first(stun.NONCE) is not None,
        "mapped_family": _mapped_family(answer),
        "failure": None if answer else f.TIMEOUT,
    }
    failure = None if answer else f.TIMEOUT
    lists = {"stun": [entry]}
    return Conversation(flow, "stun", "", failure, first.when, ended, "", bool(own), bool(own), lists)


def _mapped_family(answer: stun.STUNMessage | None) -> int:
    mapped = answer.mapped if answer is not None else None
    return 0 if mapped is None else 6 if ":" in mapped[0] else 4


def _stun(datagram: Datagram) -> stun.STUNMessage | None:
    try:
        return stun.parse(datagram.payload)
    except ValueError:
        return None


def read_sip_flow(flow: CapturedFlow, last: float) -> Conversation | None:
    """Return the first request of SIP with its first final answer."""
    messages = [(each, read) for each in flow.datagrams if (read := _sip(each)) is not None]
    requests = [(each, read) for each, read in messages if each.outgoing and read.method and read.method != "ACK"]
    if not requests:
        return None
    first, request = requests[0]
    mine = [(each, read) for each, read in messages if not each.outgoing and read.is_response]
    own = [(each, read) for each, read in mine if read.call_id == request.call_id and read.cseq == request.cseq]
    final = next(((each, read) for each, read in own if read.code >= _FINAL), None)
    same = [each for each, read in requests if read.call_id == request.call_id and read.cseq == request.cseq]
    given_up = min(last, same[-1].when + PATIENCE)
    if not own and (mine or len(same) < 3 or given_up - first.when < PATIENCE):
        return None
    failure = None if own else f.TIMEOUT
    ended = final[0].when if final else given_up
    entry = {
        "t0": first.when,
        "t": ended,
        "code": final[1].code if final else 0,
        "provisional": [read.code for _, read in own if read.code < _FINAL][:8],
        "failure": failure,
        "x_sent": len(same),
    }
    if failure is None and final is None:
        return None
    lists = {"sip": [entry]}
    return Conversation(flow, "sip", "", failure, first.when, ended, "", bool(own), final is not None, lists)


def _sip(datagram: Datagram) -> SIPMessage | None:
    try:
        return read_message(datagram.payload) if is_sip(datagram.payload) else None
    except NotSIP:
        return None
