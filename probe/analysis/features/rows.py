"""The wide rows that rules read: one per name, per address and per service; no column is ever NULL but `*_failure`."""

from dataclasses import dataclass


@dataclass
class NameRow:
    """What is known about how an endpoint's host name resolved. Counts are of addresses unless said otherwise."""

    dns_needed: bool = False  # the host is a name, not an address
    dns_attempts: int = 0  # questions to the system's resolver
    dns_local_faults: int = 0
    interrupted: bool = False
    line_drops: bool = False  # packets get lost all over the line, so that silence proves nothing
    dns_failure: str | None = None
    dns_failure_kind: str = ""
    dns_answers: int = 0  # from the system's resolver, of families that work here
    dns_family_absent: bool = False  # it gave addresses, and all of them of a family that does not work here
    dns_genuine: int = 0  # of these: proven by a certificate, or given by a trusted source too
    dns_bogon: int = 0
    dns_blockpage: int = 0  # of these: showed a known block page
    dns_foreign: int = 0  # of these: answered TLS with a certificate that is not the name's
    dns_elsewhere: int = 0  # of these: in a network (AS) that no trusted answer is in, and tried
    dns_refuted_at_control: int = 0  # of these: the control could not prove them either, and no neighbour is trusted
    dns_neighbours: int = 0  # of these: in the network (AS) of a trusted answer
    dns_reached: int = 0  # of these: an endpoint of the name was answered there, whoever by
    dns_trusted_reached: int = 0  # addresses that trusted sources gave instead, and where one was answered here
    dns_authenticated: int = 0  # addresses that DoT or DoH gave
    dns_from_control: int = 0  # addresses that the control's own resolver gave
    dns_proven_here: int = 0  # addresses from others than the system, proven by a certificate here
    dns_proven_authenticated: int = 0  # addresses that DoT or DoH gave and a certificate proved at the control
    dns_forged_first: int = (
        0  # questions to the system's resolver whose first datagram was forged, a different one later
    )
    dns_forged_public: int = 0  # the same, questions to public resolvers
    dns_forged_late: int = 0  # questions to anyone that drew a forged datagram and did no harm
    dns_doubled: int = 0  # questions whose answer came twice, by different ways: copied on the path
    dns_forged_bogon: bool = False  # the forged datagrams hold a bogon
    dns_forged_denial: bool = False  # the forged datagrams deny the name
    dns_family_spared: bool = False  # the system's answers of another family are genuine, and one worked here
    dns_public_genuine: int = 0  # questions to public resolvers over UDP that got a genuine answer
    dns_public_forged: int = 0  # the same that got one with nothing genuine in it
    dns_unlike: int = 0  # answers in the system's resolver's name, of another TTL or other flags than its normal ones
    dns_too_fast: int = 0  # answers in public resolvers' name, in less than half the time of a TCP connect to them
    dns_intercepted: bool = False  # an address that runs no resolver answers harmless questions too
    dns_dark_silent: bool = False  # it was asked one, and does not
    dns_dark_forged: int = 0  # forged answers from such addresses, unless they answer everybody
    dns_dark_genuine: int = 0  # genuine answers from there
    dns_other_names_resolved: int = (
        0  # other names that the system's resolver knew, the harmless one of preflight included
    )
    dns_others_lost: int = 0  # of the line's own: another question for the name drew nothing, so datagrams get lost
    dns_others_denied: int = 0  # DoT, DoH or control: the name has no such record
    control_attempts: int = 0  # lookups at the control
    control_successes: int = 0


@dataclass
class AddressRow:
    """One endpoint at one address: the target's attempts, the differentials, the control."""

    family_works: bool = False
    interrupted: bool = False
    address_proven: bool = False
    clear_text: bool = False  # http://
    by_name: bool = False  # the endpoint's host is a name
    line_lossy: bool = False
    attempts: int = 0
    successes: int = 0  # attempts that passed every layer that the endpoint needs
    unfinished: int = 0  # in which nothing failed, and the topmost layer was never tried
    local_faults: int = 0
    tcp_attempts: int = 0
    tcp_successes: int = 0
    tcp_failure: str | None = None
    tcp_timeouts: int = 0
    tcp_refusals: int = 0
    tcp_resets: int = 0
    tcp_unreachables: int = 0
    tls_attempts: int = 0
    tls_successes: int = 0
    tls_failure: str | None = None
    tls_resets: int = 0
    tls_timeouts: int = 0
    tls_closes: int = 0
    tls_certificates: int = 0
    tls_trusted_by_machine: bool = False
    tls_self_signed: bool = False
    tls_issued_by_other: bool = False  # the leaf names an issuer that is not itself
    tls_same_as_control: bool = False  # the control got the very same certificate
    tls_other_at_control: bool = False  # the control got a valid one, and it is another
    tls_name_proven_elsewhere: int = 0  # certificates valid for the name from other addresses, here
    neutral_same_issuer: int = 0  # a neutral host, asked for the name, shows a certificate of the same forger
    quic_attempts: int = 0
    quic_successes: int = 0
    quic_failure: str | None = None
    quic_timeouts: int = 0
    quic_closes: int = 0  # and refusals, also by ICMP
    quic_certificates: int = 0  # what was shown stands in the columns of TLS
    http_attempts: int = 0
    http_successes: int = 0
    http_failure: str | None = None
    http_resets: int = 0
    http_timeouts: int = 0
    http_closes: int = 0
    http_blockpages: int = 0
    http_redirects: int = 0  # answers that point to another domain
    control_http_blockpages: int = 0
    http_pages_elsewhere: int = (
        0  # answers that a neutral host, asked for the name, gives too, and the control's do not
    )
    http_redirects_elsewhere: int = 0  # the same of where they point to
    payload_attempts: int = 0  # MTProto, Noise, STUN, TURN, SIP
    payload_successes: int = 0
    payload_failure: str | None = None
    payload_resets: int = 0
    payload_timeouts: int = 0
    payload_unreachables: int = 0  # an ICMP error came back, "nobody listens there" included
    payload_answered: int = 0  # answers to ours, whatever they say
    payload_rewritten: int = 0  # answers that show that ours was changed on its way
    control_rewritten: int = 0
    payload_sealed: bool = False  # it travels inside TLS, where nobody on the path can read it
    twin_passed: int = 0  # another protocol at the same address and port got its answer, or the same inside TLS
    answers_false: int = 0  # of a resolver that is the target itself: answers with one of the next three
    answers_bogons: int = 0
    answers_elsewhere: int = 0  # in networks that no trusted answer is in
    answers_forged_first: int = 0
    answers_denied: int = 0
    answers_refused: int = 0
    answers_broken: int = 0
    answers_trusted: int = 0  # addresses that others vouch for
    dns_intercepted: bool = False  # an address that runs no resolver answers questions over UDP
    by_datagram: bool = False  # over UDP
    datagrams_work: bool = False  # this network lets UDP pass, be it DNS alone
    dns_by_datagram: bool = False  # DNS over UDP works
    udp_passed: int = 0  # flows over UDP, DNS aside, that got an answer anywhere in the line
    same_echoed: int = 0  # the endpoint's own datagram, sent to the helper's echo at the same port, came back
    same_silent: int = 0  # it was sent there more than once and drew nothing
    other_echoed: int = 0  # the same for a datagram that is of no protocol
    other_silent: int = 0
    mail_protocol: str = ""  # smtp or imap
    mail_attempts: int = 0
    mail_successes: int = 0  # greeted, and where TLS has to be asked for: offered and granted
    mail_failure: str | None = None
    mail_unoffered: int = 0  # the list in the clear lacks STARTTLS, or has a mask in its place
    mail_refused: int = 0  # the server said no to STARTTLS
    mail_turned_away: int = 0  # the server greeted with a refusal
    mail_injected: int = 0  # plaintext came behind the go-ahead for TLS
    mail_resets: int = 0  # these three: without the answers above
    mail_timeouts: int = 0
    mail_closes: int = 0
    control_mail_unoffered: int = 0
    control_mail_injected: int = 0
    name_attempts: int = 0  # attempts with the name at any proven address of the endpoint
    name_failures: int = 0  # of these: that did not get what the endpoint needs
    name_resets: int = 0  # failures at the layer that carries the name, there and at neutral hosts
    name_timeouts: int = 0
    name_closes: int = 0
    innocuous_passed: int = 0
    innocuous_failed: int = 0  # outside a possible residual window only
    resets_unlike: int = 0  # attempts that were reset, and not by whoever had shaken hands; where packets are seen
    resets_outlived: int = 0  # attempts that came to their end though such a reset came
    harmless_resets: int = 0  # harmless flows that drew such a reset
    neutral_proven: bool = False  # that neutral host works under its own name
    neutral_passed: int = 0
    neutral_unreachable: int = 0  # could not even be connected to
    neutral_resets: int = 0
    neutral_timeouts: int = 0
    neutral_closes: int = 0
    nonexistent_failed: int = 0  # a name that nobody has died there, and a harmless one passed afterwards
    nonexistent_neutral_failed: int = 0  # it died at a neutral host, which answered to its own name afterwards
    browser_passed: int = 0  # the name in a browser's hello came to its certificate; in ours it died again afterwards
    browser_resets: int = 0  # the name in a browser's hello was reset, and a harmless one in such passed afterwards
    browser_timeouts: int = 0
    other_size_passed: int = 0  # the name in a hello like ours, longer or shorter, was answered; likewise
    random_silent: int = 0  # bytes of no protocol drew nothing from a neutral host at the same port
    random_answered: int = 0
    control_attempts: int = 0  # that tell of the topmost layer
    control_successes: int = 0
    control_tcp_attempts: int = 0  # that tell of this layer, whether they went on or not
    control_tcp_successes: int = 0
    control_tls_attempts: int = 0
    control_tls_successes: int = 0


@dataclass
class EndpointRow:
    """What was said of an endpoint's name and of its addresses; addresses that nothing proves are left out."""

    name_accused: bool = False
    name_fine: bool = False  # it resolved, or nobody looked and the addresses that people go to speak for themselves
    working: int = 0  # addresses where everything works
    blocked: int = 0  # of the name and the addresses together, from here on
    likely_blocked: int = 0
    degraded: int = 0
    impaired: int = 0
    down: int = 0
    insufficient: int = 0


@dataclass
class ServiceRow:
    """How many of a service's endpoints got which state; those of a family absent here are left out."""

    any_suffices: bool = False  # works_if = "any"
    endpoints: int = 0
    absent: int = 0  # left out: their family does not work here, or no datagram passes
    absent_datagrams: int = 0  # of these: because no datagram passes
    bugs: int = 0  # bugs of ours that touched this service
    retired: bool = False
    unread: bool = False  # a line of OONI's, of a nettest that nothing here judges
    control_successes: int = 0
    blocked: int = 0
    likely_blocked: int = 0
    degraded: int = 0
    impaired: int = 0
    down: int = 0
    insufficient: int = 0
    ok: int = 0


WideRow = NameRow | AddressRow | EndpointRow | ServiceRow
