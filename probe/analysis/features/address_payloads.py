"""Declare the columns of an address row about the protocols above: messengers, calls, DNS and mail."""

from dataclasses import dataclass

from probe.analysis.features.column import column
from probe.analysis.features.link_counts import (
    ANSWERED_BY_SIP,
    CONTROL,
    DOUBTFUL_BY_SIP,
    ECHO_SILENT,
    MAIL,
    MAIL_PROTOCOL,
    TARGET,
    UNEXPLAINED,
    UNOFFERED,
    closed,
    count,
    last_failure,
    last_text,
    or_zero,
)
from probe.formats.failures import MTPROTO_WEB_SERVER
from probe.signatures.ttl_distance import AT_HOME


@dataclass
class PayloadColumns:
    """Count the attempts at the protocol's own layer, and the echo pairs."""

    # MTProto, Noise, STUN, TURN, SIP and DNS
    payload_attempts: int = column(0, "Attempts that sent the protocol's own payload.", count(TARGET, "payload_tested"))
    payload_successes: int = column(
        0, "Payloads that got the answer that proves the protocol.", count(TARGET, "payload_tested", "passes_payload")
    )
    payload_failure: str | None = column(
        None, "Last failure of a payload, NULL if none failed.", last_failure("payload")
    )
    payload_resets: int = column(
        0, "Payloads that were reset.", count(TARGET, "payload_tested", "payload_failure_kind = 'reset'")
    )
    payload_timeouts: int = column(
        0, "Payloads that timed out.", count(TARGET, "payload_tested", "payload_failure_kind = 'timeout'")
    )
    payload_unreachables: int = column(
        0,
        "Payloads that ended with an ICMP error, port unreachable included.",
        count(TARGET, "payload_tested", "payload_failure_kind IN ('refused', 'unreachable')"),
    )
    payload_answered: int = column(
        0, "Payloads that got any answer to this request.", count(TARGET, "payload_tested", "payload_answered")
    )
    payload_web_answers: int = column(
        0,
        "Payloads that a web server answered, in the place of a server of the protocol.",
        count(TARGET, "payload_tested", f"payload_failure = '{MTPROTO_WEB_SERVER}'"),
    )
    payload_rewritten: int = column(
        0,
        "Payloads whose answer shows that the request was changed on the path.",
        count(TARGET, "payload_tested", "payload_rewritten"),
    )
    payload_unreadable: int = column(
        0,
        "Payloads that got no answer to this request, but other bytes from the same address and port.",
        count(TARGET, "payload_tested", "payload_failure_kind = 'timeout'", "payload_strays > 0"),
    )
    control_rewritten: int = column(
        0, "The control's payloads that were changed on the path.", count(CONTROL, "payload_rewritten")
    )
    payload_sealed: bool = column(False, "The payload is sent inside TLS.", "s.needs_tls")
    twin_passed: int = column(
        0,
        "Answers to another protocol at the same address and port, or to the same protocol inside TLS.",
        count("role = 'other_protocol'"),
    )
    # DTLS
    dtls_firefox_passed: int = column(
        0, "DTLS hellos in Firefox's form that got an answer.", count("role = 'dtls_firefox'", "payload_proven")
    )
    dtls_newer_passed: int = column(
        0, "DTLS hellos that offer version 1.3 and got an answer.", count("role = 'dtls_newer'", "payload_proven")
    )
    dtls_same_silent: int = column(
        0,
        "DTLS hellos in the form that failed, sent after another form passed, that timed out.",
        count("role = 'dtls_same'", "payload_failure_kind = 'timeout'"),
    )
    # SIP
    sip_unavailable: int = column(0, "Attempts whose first final answer was 480.", count(TARGET, "sip_code = 480"))
    sip_errors: int = column(0, "Attempts whose first final answer was 500.", count(TARGET, "sip_code = 500"))
    sip_contradicted: int = column(
        0,
        "Attempts in which another sender's final answer followed a 480 or 500.",
        count(TARGET, DOUBTFUL_BY_SIP, "sip_second_code > 0"),
    )
    sip_second_answer: str = column(
        "", "Status of the last such second answer.", last_text("sip_second_code", TARGET, "sip_second_code > 0")
    )
    sip_named: int = column(
        0, "Attempts whose first final answer names a product.", count(TARGET, ANSWERED_BY_SIP, "sip_server <> ''")
    )
    control_sip_answer: str = column(
        "", "Status of the control's last final answer.", last_text("sip_code", "role = 'timely'", ANSWERED_BY_SIP)
    )
    control_sip_named: int = column(
        0,
        "The control's attempts whose final answer names a product.",
        count("role = 'timely'", ANSWERED_BY_SIP, "sip_server <> ''"),
    )
    control_sip_doubtful: int = column(
        0, "The control's attempts whose first final answer was 480 or 500.", count(CONTROL, DOUBTFUL_BY_SIP)
    )
    sip_answered_at_home: int = column(
        0,
        f"Requests of SIP with a TTL of {AT_HOME} or less that a device on the path answered.",
        count("role = 'sip_limited'", f"sip_answered_at BETWEEN 1 AND {AT_HOME}"),
    )
    sip_passed_home: int = column(
        0,
        f"Requests of SIP with a limited TTL of {AT_HOME} or more that got no answer.",
        count("role = 'sip_limited'", f"sip_passed_at >= {AT_HOME}"),
    )
    # a resolver that is the target itself
    answers_false: int = column(
        0, "Answers with a bogon, an unknown network or a forged first datagram.", or_zero("d.answers_false")
    )
    answers_bogons: int = column(
        0, "Answers with an address that no public service can have.", or_zero("d.answers_bogons")
    )
    answers_elsewhere: int = column(
        0, "Answers with addresses in no network of a trusted answer.", or_zero("d.answers_elsewhere")
    )
    answers_forged_first: int = column(
        0, "Answers whose first datagram is contradicted and forged.", or_zero("d.answers_forged_first")
    )
    answers_denied: int = column(0, "Answers that deny the name.", or_zero("d.answers_denied"))
    answers_refused: int = column(0, "Answers that refuse the query.", or_zero("d.answers_refused"))
    answers_broken: int = column(0, "Answers that report a server failure (SERVFAIL).", or_zero("d.answers_broken"))
    answers_trusted: int = column(
        0, "Addresses of the queried names from trusted sources.", or_zero("d.answers_trusted")
    )
    dns_intercepted: bool = column(False, "A non-resolver answers DNS queries over UDP.", "w.dns_intercepted")
    # UDP
    by_datagram: bool = column(False, "The endpoint uses UDP.", "s.by_datagram")
    datagrams_work: bool = column(
        False, "UDP passes here, even if only DNS does.", "w.udp_works AND NOT t.datagrams_lost"
    )
    dns_by_datagram: bool = column(False, "DNS over UDP to public resolvers works.", "w.udp_dns")
    udp_passed: int = column(0, "UDP flows of the measurement, except DNS, that got an answer.", "w.udp_passed")
    same_echoed: int = column(
        0,
        "Echo pair: copies of the failed datagram that the helper's echo returned.",
        count("role = 'same_echo'", "echo_echoed"),
    )
    same_silent: int = column(
        0,
        "Echo pair: repeated copies of the failed datagram that got no answer.",
        count("role = 'same_echo'", ECHO_SILENT),
    )
    other_echoed: int = column(
        0, "Echo pair: random datagrams that the helper's echo returned.", count("role = 'other_echo'", "echo_echoed")
    )
    other_silent: int = column(
        0, "Echo pair: repeated random datagrams that got no answer.", count("role = 'other_echo'", ECHO_SILENT)
    )
    same_changed: int = column(
        0, "Echo pair: copies that came back changed.", count("role = 'same_echo'", "echo_changed")
    )
    same_swapped: int = column(
        0,
        "Echo pair: copies that came back with exchanged ends more than once.",
        count("role = 'same_echo'", "echo_swapped >= 2"),
    )
    same_answered: int = column(
        0,
        "Echo pair: copies that got a SIP response in place of the echo.",
        count("role = 'same_echo'", "echo_answered"),
    )
    other_changed: int = column(
        0, "Echo pair: random datagrams that came back changed.", count("role = 'other_echo'", "echo_changed")
    )
    # mail
    mail_protocol: str = column(
        "",
        "The mail protocol, smtp or imap, empty for other endpoints.",
        "CASE WHEN s.needs_mail THEN s.proof ELSE '' END",
    )
    mail_attempts: int = column(0, "Attempts that began a mail dialogue.", count(TARGET, MAIL))
    mail_successes: int = column(
        0,
        "Mail dialogues that were greeted and, with STARTTLS, offered and granted TLS.",
        count(TARGET, MAIL, "passes_mail"),
    )
    mail_failure: str | None = column(
        None, "Last failure of a mail dialogue, NULL if none failed.", last_failure("mail", MAIL)
    )
    mail_unoffered: int = column(
        0,
        "Mail dialogues whose capabilities lack STARTTLS or show a mask in its place.",
        count(TARGET, MAIL, UNOFFERED),
    )
    mail_refused: int = column(
        0, "Mail dialogues in which the server refused STARTTLS.", count(TARGET, MAIL, "mail_refused")
    )
    mail_turned_away: int = column(
        0, "Mail dialogues in which the server refused the client.", count(TARGET, MAIL, "mail_turned_away")
    )
    mail_known_refusals: int = column(
        0,
        "Mail dialogues with a refusal in the clear whose text a middlebox is said to send.",
        count(TARGET, MAIL, "mail_known_refusal"),
    )
    mail_contradicted: int = column(
        0,
        "Mail dialogues with a refusal in the clear and then an acceptance of the same command.",
        count(TARGET, MAIL, "mail_contradicted"),
    )
    mail_injected: int = column(
        0, "Mail dialogues with plaintext after the server granted TLS.", count(TARGET, MAIL, "mail_injected")
    )
    mail_resets: int = column(
        0,
        "Mail dialogues that were reset without a refusal or a missing offer.",
        count(TARGET, MAIL, UNEXPLAINED, "mail_failure_kind = 'reset'"),
    )
    mail_timeouts: int = column(
        0,
        "Mail dialogues that timed out without a refusal or a missing offer. Those whose server acknowledged an empty"
        " line after the silence are left out.",
        count(TARGET, MAIL, UNEXPLAINED, "mail_failure_kind = 'timeout'", "stream_acked <> 1"),
    )
    mail_closes: int = column(
        0,
        "Mail dialogues that were closed without a refusal or a missing offer.",
        count(TARGET, MAIL, UNEXPLAINED, closed("mail")),
    )
    control_mail_unoffered: int = column(
        0,
        "The control's mail dialogues whose capabilities lack STARTTLS.",
        count(CONTROL, MAIL_PROTOCOL, "failure_kind <> 'local'", UNOFFERED),
    )
    control_mail_injected: int = column(
        0,
        "The control's mail dialogues with plaintext after TLS was granted.",
        count(CONTROL, MAIL_PROTOCOL, "failure_kind <> 'local'", "mail_injected"),
    )
