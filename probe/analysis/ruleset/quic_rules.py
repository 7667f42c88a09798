"""Define the rules about QUIC handshakes, and collect the rules of the QUIC table."""

from probe.analysis.phenomena.captured_flows import completes
from probe.analysis.phenomena.datagram_sizes import TOO_LONG_FOR_QUIC
from probe.analysis.phenomena.missing_checks import sizes_untested
from probe.analysis.phenomena.refused_certificates import FOREIGN_IN_QUIC
from probe.analysis.rules.inconclusive import fails_everywhere, unexplained, unfinished
from probe.analysis.rules.layer import QUIC
from probe.analysis.rules.name_blocking import QUIC_FAILS_AGAIN, QUIC_FOLLOWS_NAME
from probe.analysis.rules.rule import Rule, State
from probe.messages import mark

QUIC_RULES = (
    Rule(
        "quic_completes",
        "quic_successes > 0",
        State.OK,
        because="The server confirms the handshake, and its certificate is valid for the name.",
        plain=mark("{service} can be reached over the web protocol QUIC, and its server proved its identity."),
    ),
    *completes("quic"),
    *FOREIGN_IN_QUIC,
    *unfinished(QUIC),
    *QUIC_FOLLOWS_NAME,
    fails_everywhere(QUIC),
    TOO_LONG_FOR_QUIC,
    sizes_untested("quic"),
    *QUIC_FAILS_AGAIN,
    *unexplained(QUIC),
)
