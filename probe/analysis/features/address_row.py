"""Define the feature row of one endpoint at one address."""

from dataclasses import dataclass

from probe.analysis.features.column import column


@dataclass
class AddressRow:
    """Count the attempts at one endpoint and address, the differentials and the control.

    The counts of a layer leave out attempts that failed because of this computer.
    """

    family_works: bool = column(False, "The address's family (IPv4 or IPv6) works here.")
    interrupted: bool = column(False, "The run was interrupted.")
    address_proven: bool = column(False, "The address is verified.")
    clear_text: bool = column(False, "The endpoint is `http://`.")
    by_name: bool = column(False, "The endpoint's host is a name and not an address.")
    line_lossy: bool = column(False, "Packets to neutral hosts were lost too.")
    slow_silence: bool = column(False, "The access line is slow, and each attempt that failed got no answer in time.")
    in_outage: bool = column(
        False, "No flow to the address got an answer since a check that did not reach a neutral host over its family."
    )
    network_unchecked: bool = column(False, "Attempts failed, and no check of the network is near in time to them.")
    network_lost: bool = column(
        False, "No neutral host of the address's family answered a check near in time to a failed attempt."
    )
    answer_unchecked: bool = column(
        False, "Any device can give the answer, and no check for a sign-in page is near in time to the attempts."
    )
    attempts: int = column(0, "Attempts with the target's own name or payload.")
    successes: int = column(0, "Attempts that passed every layer that the endpoint needs.")
    unfinished: int = column(0, "Attempts without failure that did not try the topmost layer.")
    local_faults: int = column(0, "Attempts that failed because of this computer.")
    # TCP and TLS
    tcp_attempts: int = column(0, "Attempts that tried a TCP connect.")
    tcp_successes: int = column(0, "TCP connects that succeeded.")
    tcp_failure: str | None = column(None, "Last failure of a TCP connect, NULL if none failed.")
    tcp_timeouts: int = column(0, "TCP connects that timed out.")
    tcp_refusals: int = column(0, "TCP connects that were refused.")
    tcp_resets: int = column(0, "TCP connects that were reset.")
    tcp_unreachables: int = column(0, "TCP connects that ended with an ICMP error.")
    tls_attempts: int = column(0, "Attempts that tried a TLS handshake.")
    tls_successes: int = column(0, "TLS handshakes with a certificate that is valid for the name.")
    tls_failure: str | None = column(None, "Last failure of a TLS handshake, NULL if none failed.")
    tls_resets: int = column(0, "TLS handshakes that were reset.")
    tls_timeouts: int = column(0, "TLS handshakes that timed out.")
    tls_closes: int = column(0, "TLS handshakes that were closed or failed in another way.")
    tls_certificates: int = column(0, "TLS handshakes whose certificate was refused.")
    # the refused certificate, over TCP or QUIC
    tls_trusted_by_machine: bool = column(False, "Only this computer's own roots trust the refused certificate.")
    tls_self_signed: bool = column(False, "The refused certificate is self-signed.")
    tls_issued_by_other: bool = column(False, "The refused certificate names an issuer other than itself.")
    tls_same_as_control: bool = column(False, "The control accepts the refused certificate, or one of the same issuer.")
    tls_other_at_control: bool = column(False, "The control got another certificate, which is valid.")
    tls_name_proven_elsewhere: int = column(0, "Other addresses with a certificate that is valid for the name here.")
    neutral_same_issuer: int = column(0, "Neutral hosts that show a certificate for the name of the same issuer.")
    # QUIC
    quic_attempts: int = column(0, "Attempts that tried a QUIC handshake.")
    quic_successes: int = column(0, "Confirmed QUIC handshakes with a certificate that is valid for the name.")
    quic_failure: str | None = column(None, "Last failure of a QUIC handshake, NULL if none failed.")
    quic_timeouts: int = column(0, "QUIC handshakes that timed out.")
    quic_closes: int = column(0, "QUIC handshakes that were closed or refused, by ICMP too.")
    quic_certificates: int = column(0, "QUIC handshakes whose certificate was refused.")
    # HTTP
    http_attempts: int = column(0, "Attempts that sent an HTTP request.")
    http_successes: int = column(0, "HTTP requests that got a status line.")
    http_failure: str | None = column(None, "Last failure of an HTTP request, NULL if none failed.")
    http_resets: int = column(0, "HTTP requests that were reset.")
    http_timeouts: int = column(0, "HTTP requests that timed out.")
    http_closes: int = column(0, "HTTP requests that were closed or failed in another way.")
    http_blockpages: int = column(0, "HTTP answers that are a known block page.")
    http_redirects: int = column(0, "HTTP answers that redirect to a domain that the control does not redirect to.")
    control_http_blockpages: int = column(0, "HTTP answers to the control that are a known block page.")
    http_pages_elsewhere: int = column(
        0, "HTTP answers that a neutral host gives to the name too and that the control does not get."
    )
    http_redirects_elsewhere: int = column(
        0, "HTTP redirects that a neutral host gives for the name too and that the control does not get."
    )
    # MTProto, Noise, STUN, TURN, SIP and DNS
    payload_attempts: int = column(0, "Attempts that sent the protocol's own payload.")
    payload_successes: int = column(0, "Payloads that got the answer that proves the protocol.")
    payload_failure: str | None = column(None, "Last failure of a payload, NULL if none failed.")
    payload_resets: int = column(0, "Payloads that were reset.")
    payload_timeouts: int = column(0, "Payloads that timed out.")
    payload_unreachables: int = column(0, "Payloads that ended with an ICMP error, port unreachable included.")
    payload_answered: int = column(0, "Payloads that got any answer to this request.")
    payload_rewritten: int = column(0, "Payloads whose answer shows that the request was changed on the path.")
    control_rewritten: int = column(0, "The control's payloads that were changed on the path.")
    payload_sealed: bool = column(False, "The payload is sent inside TLS.")
    twin_passed: int = column(
        0, "Answers to another protocol at the same address and port, or to the same protocol inside TLS."
    )
    # a resolver that is the target itself
    answers_false: int = column(0, "Answers with a bogon, an unknown network or a forged first datagram.")
    answers_bogons: int = column(0, "Answers with an address that no public service can have.")
    answers_elsewhere: int = column(0, "Answers with addresses in no network of a trusted answer.")
    answers_forged_first: int = column(0, "Answers whose first datagram is contradicted and forged.")
    answers_denied: int = column(0, "Answers that deny the name.")
    answers_refused: int = column(0, "Answers that refuse the query.")
    answers_broken: int = column(0, "Answers that report a server failure (SERVFAIL).")
    answers_trusted: int = column(0, "Addresses of the queried names from trusted sources.")
    dns_intercepted: bool = column(False, "A non-resolver answers DNS queries over UDP.")
    # UDP
    by_datagram: bool = column(False, "The endpoint uses UDP.")
    datagrams_work: bool = column(False, "UDP passes here, even if only DNS does.")
    dns_by_datagram: bool = column(False, "DNS over UDP to public resolvers works.")
    udp_passed: int = column(0, "UDP flows of the measurement, except DNS, that got an answer.")
    same_echoed: int = column(0, "Echo pair: copies of the failed datagram that the helper's echo returned.")
    same_silent: int = column(0, "Echo pair: repeated copies of the failed datagram that got no answer.")
    other_echoed: int = column(0, "Echo pair: random datagrams that the helper's echo returned.")
    other_silent: int = column(0, "Echo pair: repeated random datagrams that got no answer.")
    # mail
    mail_protocol: str = column("", "The mail protocol, smtp or imap, empty for other endpoints.")
    mail_attempts: int = column(0, "Attempts that began a mail dialogue.")
    mail_successes: int = column(0, "Mail dialogues that were greeted and, with STARTTLS, offered and granted TLS.")
    mail_failure: str | None = column(None, "Last failure of a mail dialogue, NULL if none failed.")
    mail_unoffered: int = column(0, "Mail dialogues whose capabilities lack STARTTLS or show a mask in its place.")
    mail_refused: int = column(0, "Mail dialogues in which the server refused STARTTLS.")
    mail_turned_away: int = column(0, "Mail dialogues in which the server greeted with a refusal.")
    mail_injected: int = column(0, "Mail dialogues with plaintext after the server granted TLS.")
    mail_resets: int = column(0, "Mail dialogues that were reset without a refusal or a missing offer.")
    mail_timeouts: int = column(0, "Mail dialogues that timed out without a refusal or a missing offer.")
    mail_closes: int = column(0, "Mail dialogues that were closed without a refusal or a missing offer.")
    control_mail_unoffered: int = column(0, "The control's mail dialogues whose capabilities lack STARTTLS.")
    control_mail_injected: int = column(0, "The control's mail dialogues with plaintext after TLS was granted.")
    # differentials by name
    name_attempts: int = column(0, "Attempts with the target's name at any verified address of the endpoint.")
    name_failures: int = column(0, "Attempts with the name that did not get what the endpoint needs.")
    name_resets: int = column(0, "Flows with the name that were reset, at neutral hosts too.")
    name_timeouts: int = column(0, "Flows with the name that timed out, at neutral hosts too.")
    name_closes: int = column(0, "Flows with the name that were closed, at neutral hosts too.")
    innocuous_passed: int = column(0, "Flows with an innocuous name to this address that were answered.")
    innocuous_failed: int = column(0, "Flows with an innocuous name that failed outside a residual window.")
    resets_unlike: int = column(0, "Reset attempts whose raw packets show another sender than the server.")
    resets_outlived: int = column(0, "Successful attempts in which a reset of another sender arrived too late.")
    harmless_resets: int = column(0, "Flows with an innocuous name that got a reset of another sender.")
    neutral_proven: bool = column(False, "A neutral host that got the name works under its own name.")
    neutral_passed: int = column(0, "Flows with the name to working neutral hosts that were answered.")
    neutral_unreachable: int = column(0, "Flows with the name to neutral hosts whose TCP connect failed.")
    neutral_resets: int = column(0, "Flows with the name to working neutral hosts that were reset.")
    neutral_timeouts: int = column(0, "Flows with the name to working neutral hosts that timed out.")
    neutral_closes: int = column(0, "Flows with the name to working neutral hosts that were closed without an alert.")
    nonexistent_failed: int = column(0, "Flows with a non-existent name that failed before an innocuous name passed.")
    nonexistent_neutral_failed: int = column(
        0, "Flows with a non-existent name to neutral hosts that failed before the host's own name passed."
    )
    browser_passed: int = column(0, "Browser hellos that got a valid certificate before our hello failed again.")
    browser_resets: int = column(0, "Browser hellos that were reset before one with an innocuous name was answered.")
    browser_timeouts: int = column(0, "Browser hellos that timed out before one with an innocuous name was answered.")
    other_size_passed: int = column(0, "Hellos of another length that were answered before our hello failed again.")
    ech_resets: int = column(
        0, "Hellos with ECH and any name that were reset, at a neutral host too. The same without ECH were answered."
    )
    ech_timeouts: int = column(
        0, "Hellos with ECH and any name that timed out, at a neutral host too. The same without ECH were answered."
    )
    ech_name_resets: int = column(
        0, "Hellos with ECH and the name that were reset, at a neutral host too. Either of the two alone was answered."
    )
    ech_name_timeouts: int = column(
        0, "Hellos with ECH and the name that timed out, at a neutral host too. Either of the two alone was answered."
    )
    random_silent: int = column(0, "Random bytes to neutral hosts at the same port that got no answer.")
    random_answered: int = column(0, "Random bytes to neutral hosts at the same port that got an answer or an end.")
    # control
    control_attempts: int = column(
        0, "The control's attempts that reached the topmost layer or failed, without outdated successes."
    )
    control_successes: int = column(
        0, "The control's attempts at the topmost layer that succeeded, near in time to the attempts here."
    )
    control_tcp_attempts: int = column(0, "The control's attempts that say something about TCP.")
    control_tcp_successes: int = column(0, "The control's attempts that say something about TCP and succeeded.")
    control_tls_attempts: int = column(0, "The control's attempts that say something about TLS.")
    control_tls_successes: int = column(0, "The control's attempts that say something about TLS and succeeded.")
