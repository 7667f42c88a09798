"""Read DNS, STUN and SIP in datagrams of a capture."""

from collections.abc import Iterator
from typing import Any

from probe.asn.table import asn_of
from probe.captures.captured_flow import CapturedFlow, Datagram
from probe.captures.conversation import PATIENCE, Conversation
from probe.captures.web_reading import usable_name
from probe.formats import failures as f
from probe.wire import stun
from probe.wire.dns.dns_message import question_of, read_response
from probe.wire.sip.sip_message import NotSIP, SIPMessage, is_sip, read_message

DNS_PORT = 53
_MOST_QUESTIONS = 24  # of one flow
_FINAL = 200  # the first final status of SIP (RFC 3261, 7.2)


def read_dns_flow(flow: CapturedFlow, last: float) -> Iterator[Conversation]:
    """Iterate over the queries of a flow to port 53, each with every answer in the order of arrival."""
    asked: dict[bytes, list[Datagram]] = {}
    for each in flow.datagrams:
        if each.outgoing and question_of(each.payload) is not None and len(asked) < _MOST_QUESTIONS:
            asked.setdefault(each.payload[:2], []).append(each)
    for identity, queries in asked.items():
        answers = [each for each in flow.datagrams if not each.outgoing and each.payload[:2] == identity]
        if (found := _query(flow, queries, answers, last)) is not None:
            yield found


def _query(flow: CapturedFlow, queries: list[Datagram], answers: list[Datagram], last: float) -> Conversation | None:
    question = question_of(queries[0].payload)
    name = usable_name(question[0]) if question else ""
    if question is None or not name:
        return None
    # A server answers a repeated query again, maybe with other addresses. So only more answers than queries race.
    raced = answers if len(queries) == 1 or len(answers) > len(queries) else answers[:1]
    began = queries[0].when
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
        "hostname": name,
        "query_type": question[1],
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
