"""Define the rules about TLS handshakes, and collect the rules of the TLS table."""

from probe.analysis.phenomena.captured_flows import RESET_BY_ANOTHER, completes
from probe.analysis.phenomena.connection_spacing import TLS_SOON_AFTER_ANOTHER
from probe.analysis.phenomena.other_hellos import BROWSER_HELLO_FAILS, DEPENDS_ON_HELLO, HELLO_WITH_ECH_FAILS
from probe.analysis.phenomena.policing import NOT_REPEATED_ALONE, PASSES_ALONE
from probe.analysis.phenomena.random_resets import TLS_NAME_RESET_EACH_TIME, among_random_resets
from probe.analysis.phenomena.refused_certificates import FOREIGN_IN_TLS, REFUSED_CERTIFICATE
from probe.analysis.rules.inconclusive import UNCONFIRMED, fails_everywhere, unexplained, unfinished
from probe.analysis.rules.layer import TLS
from probe.analysis.rules.name_blocking import INNOCUOUS_PASSES, TLS_FAILS_AGAIN, TLS_FOLLOWS_NAME
from probe.analysis.rules.rule import Rule, State
from probe.analysis.rules.slow_answers import SILENT_BESIDE_SLOW_ANSWERS
from probe.messages import mark

# `tls_completes_though_reset`: no socket reports such a reset. If innocuous names draw one too, the server may send it.
# `tls_reset_by_another` is not `blocked`: in front of some servers a separate device sends their resets.
TLS_RULES = (
    *PASSES_ALONE,
    *HELLO_WITH_ECH_FAILS,
    *BROWSER_HELLO_FAILS,
    Rule(
        "tls_completes_though_reset",
        "tls_successes > 0 AND resets_outlived > 0 AND harmless_resets = 0 AND innocuous_passed > 0",
        State.OK,
        mechanism="tls.reset.sni",
        way="reset",
        because=(
            "The handshake completes, and a reset from another sender than the server arrived too late for this name "
            "to do harm."
        ),
        plain=mark("{service} can be reached. A device in this network tried to cut off the connection, too late."),
    ),
    Rule(
        "tls_completes",
        "tls_successes > 0",
        State.OK,
        because="The handshake completes, and the certificate is valid for the name.",
        plain=mark("{service} can be reached, and its server proved its identity."),
    ),
    *completes("tls"),
    *FOREIGN_IN_TLS,
    *unfinished(TLS),
    SILENT_BESIDE_SLOW_ANSWERS,
    *NOT_REPEATED_ALONE,
    among_random_resets(TLS),
    TLS_NAME_RESET_EACH_TIME,
    TLS_SOON_AFTER_ANOTHER,
    *DEPENDS_ON_HELLO,
    Rule(
        "tls_same_hello_passes_later",
        "tls_successes = 0 AND (same_hello_passed > 0 OR (innocuous_failed > 0 AND other_hello_passed > 0)) AND "
        "neutral_resets + neutral_timeouts + neutral_closes = 0 AND control_tls_successes > 0",
        State.IMPAIRED,
        because=(
            "The handshake failed, the name passed later at the same address, and it passes at neutral hosts. A server "
            "that refuses the first connections of a client does that."
        ),
        plain=UNCONFIRMED.plain,
    ),
    *TLS_FOLLOWS_NAME,
    fails_everywhere(TLS),
    REFUSED_CERTIFICATE,
    *TLS_FAILS_AGAIN,
    Rule(
        "tls_reset_by_another",
        f"tls_successes = 0 AND resets_unlike >= 2 AND name_resets >= 2 AND name_attempts >= 2 AND {INNOCUOUS_PASSES}",
        State.LIKELY_BLOCKED,
        mechanism="tls.reset.sni",
        way="reset",
        because=(
            "The connection is reset when it carries this name, and an innocuous name passes. The resets come from "
            "another sender than the server, and no control exists."
        ),
        plain=mark(
            "Connections that name {host} are cut off, and other names pass. A device in this network sends the "
            "cut-off signal. Access to {service} is probably blocked."
        ),
    ),
    RESET_BY_ANOTHER,
    *unexplained(TLS),
)
