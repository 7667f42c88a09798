"""The rules about packets' own prints, which only a privileged probe sees: whose were the resets?"""

from probe.analysis.rules.rule import Rule, State

OUTLIVED = Rule(
    "tls_completes_though_reset",
    "tls_successes > 0 AND resets_outlived > 0 AND harmless_resets = 0 AND innocuous_passed > 0",
    State.OK,
    "The handshake completes; a reset that was not the server's came for this name too late, and did no harm.",
    "tls.reset.sni",
)
"""A reset that lost the race: no socket tells of it. Where harmless names draw one too it may be the server's way."""

BY_ANOTHER = Rule(
    "tls_reset_by_another",
    "tls_successes = 0 AND resets_unlike >= 2 AND name_resets >= 2 AND name_attempts >= 2"
    " AND innocuous_passed > 0 AND innocuous_failed = 0",
    State.LIKELY_BLOCKED,
    "The connection is reset when it carries this name, and a harmless one passes; the resets are not the packets of "
    "whoever had shaken hands. Nobody outside tried.",
    "tls.reset.sni",
)
"""What prints are worth alone. Not `blocked`: some servers have their resets sent by a box in front of them."""
