"""Define the row of one transaction: its columns with their types and meanings."""

from typing import Annotated, Any, NamedTuple, get_args, get_type_hints


def column_types(row: type) -> dict[str, tuple[str, str]]:
    """Return for each column of a row its Python type as text, and its meaning."""
    columns = get_type_hints(row, include_extras=True)
    return {name: (_type_of(get_args(kind)[0]), kind.__metadata__[0]) for name, kind in columns.items()}


def _type_of(kind: Any) -> str:
    return kind.__name__ if isinstance(kind, type) and not get_args(kind) else str(kind)


PROBE, CONTROL = "probe", "control"


class Answer(NamedTuple):
    """Hold one DNS answer: addresses and their AS numbers (0 unknown), or a failure.

    `ip_ttl` is the TTL of the packet, 0 if unknown. `flags` are those of the DNS header, kept for UDP only.
    """

    addresses: tuple[str, ...] = ()
    asns: tuple[int, ...] = ()
    failure: str | None = None
    ip_ttl: int = 0
    flags: tuple[str, ...] = ()
    record_ttl: int = -1  # seconds for which the first address may be kept, -1 if unknown


class Query(NamedTuple):
    """Hold one DNS query, its answer, and every datagram that arrived for it, in order of arrival (UDP only)."""

    hostname: str
    query_type: str
    engine: str
    resolver: str
    answer: Answer
    datagrams: tuple[Answer, ...] = ()
    round_trip: float = 0.0  # seconds until the first datagram, 0 without one
    in_hosts_file: bool = False  # the addresses stand in the hosts file of the user's computer


class Observation(NamedTuple):
    """Hold one transaction as a tuple of columns, each with its meaning. The store's table has the same columns.

    `*_attempts` is 1 if the step was tried. `*_failure` is None if the step succeeded or was not tried.
    """

    origin: Annotated[str, "`probe` or `control`"]
    transaction_id: Annotated[int, "number of the transaction in the measurement"]
    kind: Annotated[str, "why the transaction was made: lookup, first, confirm, innocuous, followup"] = ""
    followup: Annotated[str, "id of the follow-up, empty for none"] = ""
    service: Annotated[str, "service that the transaction belongs to"] = ""
    endpoint: Annotated[str, "URL of the endpoint"] = ""
    hostname: Annotated[str, "name that was looked up or connected to"] = ""
    address: Annotated[str, "address connected to"] = ""
    port: Annotated[int, "port connected to"] = 0
    family: Annotated[int, "4 or 6, 0 if unknown"] = 0
    sources: Annotated[tuple[str, ...], "what gave the address: literal, system, udp, dot, doh, control"] = ()
    corroborated: Annotated[bool, "literal, or a trusted source gave the address or one of its network (AS)"] = False
    sent_name: Annotated[str, "name in the SNI, the HTTP Host header or the query"] = ""
    in_residual: Annotated[bool, "an earlier trigger may have caused residual censorship of this flow"] = False
    after_burst: Annotated[
        bool, "it failed after a burst of the run in a scope where flows passed before, and none passed since"
    ] = False
    failure: Annotated[str | None, "failure of the transaction, NULL for none"] = None
    t0: Annotated[float, "begin in seconds since the start of the measurement"] = 0.0
    t: Annotated[float, "end in seconds since the start of the measurement"] = 0.0
    began: Annotated[float | None, "begin of a control's attempt on the probe's clock, as t0, NULL if unknown"] = None
    resets_unlike: Annotated[
        int, "resets by another sender than the TCP peer (`reset_packets.py`), 0 without raw packets"
    ] = 0
    device_print: Annotated[
        str, "family of devices that its resets look like (`reset_packets.py`), empty for none. It proves nothing"
    ] = ""
    queries: Annotated[tuple[Query, ...], "DNS queries of the transaction"] = ()
    tcp_attempts: Annotated[int, "1 if a TCP connect was tried"] = 0
    tcp_failure: Annotated[str | None, "failure of the connect, NULL if it succeeded or was not tried"] = None
    tcp_seconds: Annotated[float, "duration of the connect"] = 0.0
    tcp_syn_repeats: Annotated[int, "SYNs that were sent again, -1 if the entry does not say"] = -1
    tls_attempts: Annotated[int, "1 if TLS over a connection was tried"] = 0
    tls_failure: Annotated[
        str | None, "failure of the handshake over a connection, NULL if it succeeded or was not tried"
    ] = None
    quic_attempts: Annotated[int, "1 if TLS inside QUIC was tried"] = 0
    quic_failure: Annotated[str | None, "failure of the QUIC handshake, NULL if it succeeded or was not tried"] = None
    tls_name: Annotated[str, "name in the SNI, over TCP or QUIC as all columns from here to `tls_bears_name`"] = ""
    tls_verified_name: Annotated[
        str, "name that the certificate was checked against, empty if the chain was not checked"
    ] = ""
    tls_engine: Annotated[str, "library that built the client hello"] = ""
    tls_hello_length: Annotated[int, "bytes of the client hello's record"] = 0
    tls_ech: Annotated[bool, "the client hello carried Encrypted ClientHello"] = False
    tls_answered: Annotated[bool, "a TLS record or QUIC packet of the server was received"] = False
    tls_completed: Annotated[bool, "the handshake was completed, whatever the certificate"] = True
    tls_trusted_by_machine: Annotated[bool, "this computer trusts the certificate, and public roots do not"] = False
    tls_leaf: Annotated[str, "digest of the server's certificate"] = ""
    tls_issuer: Annotated[str, "issuer of the server's certificate"] = ""
    tls_self_signed: Annotated[bool, "the certificate is its own issuer"] = False
    tls_bears_name: Annotated[
        bool, "the leaf contains the name of the SNI, even if it is invalid for another reason"
    ] = False
    tls_network: Annotated[str, "the /24 or /48 connected to, over TCP, empty if the entry has no `x_parallel`"] = ""
    tls_most_beside: Annotated[
        int, "most other connections of the run to this network that were open near the hello, -1 if not recorded"
    ] = -1
    tls_most_elsewhere: Annotated[int, "those of them to other addresses of this network, -1 if not recorded"] = -1
    tls_crowded: Annotated[int, "hellos of the run to this network beside three or more others, until then"] = 0
    tls_crowded_answered: Annotated[int, "those of them that were answered"] = 0
    tls_answered_later: Annotated[
        int, "answered hellos to this network that were sent after an unanswered one to this address"
    ] = 0
    tls_open_beside: Annotated[
        int, "other connections of the run to this network that were open when the hello was sent, -1 if not recorded"
    ] = -1
    tls_not_again: Annotated[
        int, "names that were answered in this network, but not since this name failed, -1 if it had not failed"
    ] = -1
    tls_most_in_run: Annotated[
        int, "most other TLS connections of the run for services that were open near the hello, to any network"
    ] = 0
    http_attempts: Annotated[int, "1 if an HTTP request was tried"] = 0
    http_failure: Annotated[
        str | None, "failure before the status line, NULL if there is none or nothing was tried"
    ] = None
    http_host: Annotated[str, "HTTP Host header without the port"] = ""
    http_code: Annotated[int, "status code, 0 for none"] = 0
    http_fingerprints: Annotated[tuple[str, ...], "known block pages that the answer matches"] = ()
    http_redirect_host: Annotated[str, "host that the answer redirects to"] = ""
    http_page: Annotated[str, "digest of the body, empty for none"] = ""
    http_title: Annotated[str, "title of the page, empty for none"] = ""
    http_whole: Annotated[bool, "the answer was received to its end, or to the limit of the probe"] = False
    http_seconds: Annotated[float, "duration of the HTTP request and its answer"] = 0.0
    stream_bytes: Annotated[int, "bytes received over the TCP or QUIC connection, -1 if not recorded"] = -1
    stream_packets: Annotated[int, "segments or datagrams of both directions, -1 if not recorded"] = -1
    stream_segment: Annotated[int, "longest payload of a segment in bytes, 0 if not recorded"] = 0
    stream_silent: Annotated[bool, "TLS or HTTP reached its time limit, and no byte had arrived for 2.5 seconds"] = (
        False
    )
    stream_acked: Annotated[
        int, "on a silent stream: 1 if the peer acknowledged what was sent last, 0 if not, else -1"
    ] = -1
    fell_silent: Annotated[bool, "stream_silent, after 1500 bytes or more had arrived since the last request"] = False
    still_arriving: Annotated[
        bool, "TLS or HTTP reached its time limit while bytes arrived slowly, 1500 or more since the last request"
    ] = False
    kept_answers: Annotated[int, "answers on a connection that was kept open, -1 for other flows"] = -1
    kept_from: Annotated[float, "its age in seconds at the last answer"] = 0.0
    kept_until: Annotated[float, "its age in seconds at the first request without an answer, 0 without one"] = 0.0
    kept_end: Annotated[
        str, "how it ended before its time: silent, reset or closed. Empty if it did not, or this computer failed"
    ] = ""
    payload_attempts: Annotated[int, "1 if the service's own protocol was tried"] = 0
    payload_failure: Annotated[str | None, "failure of the payload, NULL if it succeeded or was not tried"] = None
    payload_proven: Annotated[bool, "the answer can come only from a server of this protocol"] = False
    payload_kind: Annotated[str, "which protocol it was, in the words of a verdict record's `proof`"] = ""
    payload_answered: Annotated[bool, "any answer to the probe's payload arrived"] = False
    payload_rewritten: Annotated[bool, "the answer repeats the payload with changes"] = False
    payload_strays: Annotated[int, "messages of STUN, TURN or SIP that came back and answer none of our requests"] = 0
    stun_refused: Annotated[bool, "STUN or TURN was answered by an error that proves no server"] = False
    stun_mapped_elsewhere: Annotated[
        bool, "STUN named a private address for this computer, or one of another network than a test helper saw"
    ] = False
    stun_contradicted: Annotated[bool, "an answer that proves the server followed such an error"] = False
    dtls_hello: Annotated[str, "program in whose form the DTLS hello was sent"] = ""
    sip_code: Annotated[int, "final status of SIP, 0 for none"] = 0
    sip_second_code: Annotated[
        int, "final status of another sender to the same request, which was sent once, after the first one. 0 for none"
    ] = 0
    sip_server: Annotated[str, "product that the first final answer names"] = ""
    sip_answered_at: Annotated[
        int, "smallest TTL with which a request of SIP was sent and answered on the path, 0 for none"
    ] = 0
    sip_passed_at: Annotated[
        int, "largest TTL with which a request of SIP was sent on the path and got no answer, 0 for none"
    ] = 0
    swept_to: Annotated[int, "largest TTL with which a router answered an innocuous packet, 0 for none"] = 0
    mail_attempts: Annotated[int, "1 if SMTP or IMAP was tried, in the clear or inside TLS"] = 0
    mail_failure: Annotated[str | None, "failure of the first entry that failed, NULL for none"] = None
    mail_protocol: Annotated[str, "smtp or imap"] = ""
    mail_offer: Annotated[
        str, "STARTTLS before TLS: offered, masked or missing. Empty without a list of capabilities"
    ] = ""
    mail_accepted: Annotated[bool, "the server accepted STARTTLS"] = False
    mail_refused: Annotated[bool, "the server refused STARTTLS"] = False
    mail_turned_away: Annotated[bool, "the greeting was a refusal, or the command after it was refused"] = False
    mail_known_refusal: Annotated[bool, "a refusal in the clear has the text that a middlebox is said to send"] = False
    mail_contradicted: Annotated[bool, "a refusal in the clear was followed by an acceptance of the same command"] = (
        False
    )
    mail_two_greetings: Annotated[bool, "the end of another greeting followed one in the clear that refuses"] = False
    mail_refused_in_tls: Annotated[bool, "the greeting inside TLS was a refusal"] = False
    mail_injected: Annotated[bool, "plaintext followed the acceptance of STARTTLS"] = False
    echo_attempts: Annotated[int, "1 if a datagram to the helper's echo was tried"] = 0
    echo_failure: Annotated[
        str | None, "failure of the datagram to the echo, NULL if it came back or was not tried"
    ] = None
    echo_payload: Annotated[str, "stun, reflector, dtls, sip, or other for random bytes"] = ""
    echo_port: Annotated[int, "port of the echo"] = 0
    echo_sent: Annotated[int, "how often the datagram was sent"] = 0
    echo_echoed: Annotated[bool, "the datagram came back"] = False
    echo_changed: Annotated[bool, "the datagram came back with changes"] = False
    echo_swapped: Annotated[int, "datagrams that came back with the first two and last two bytes exchanged"] = 0
    echo_kept: Annotated[int, "datagrams that came back as they were sent after these"] = 0
    echo_answered: Annotated[bool, "a SIP response came back in place of the datagram"] = False
    echo_size: Annotated[int, "bytes of the datagram to the echo"] = 0
    answer_size: Annotated[int, "bytes of the longest answer over UDP, rounded up to 32, 0 if unknown"] = 0
    size_passed: Annotated[int, "longest of several datagrams of growing size that came back from the echo"] = 0
    size_lost: Annotated[int, "the next longer one, if it was sent several times and did not come back, else 0"] = 0
    near_tested: Annotated[bool, "packets with TTL 1 were sent"] = False
    near_place: Annotated[
        str,
        "where packets with TTL 1 were stopped: this_computer, own_router, or near if that is unknown. Else empty",
    ] = ""
    random_attempts: Annotated[int, "1 if random bytes of no protocol were sent over TCP"] = 0
    random_failure: Annotated[str | None, "failure of these bytes, NULL if they passed or were not tried"] = None
