"""The rules about mail: SMTP and IMAP, over STARTTLS and over TLS from the first byte.

A list without STARTTLS accuses nobody by itself: many servers have none. It must be offered where nobody interferes.
"""

from probe.analysis.rules.name_differential import closing, down, opening
from probe.analysis.rules.rule import Rule, State

_FAILED = "mail_successes = 0"
_CONTROL = "control_successes > 0 AND control_mail_unoffered = 0"


def _of(protocol: str, name: str) -> dict[str, Rule]:
    """The rules that name one protocol's mechanism."""
    mine = f"mail_protocol = '{protocol}'"
    return {
        "injected": Rule(
            f"{protocol}_plaintext_before_tls",
            f"{mine} AND mail_successes > 0 AND mail_injected > 0 AND control_mail_injected = 0",
            State.OK,
            f"{name} works; something sent plaintext behind the server's go-ahead for TLS, and nobody believed it.",
            protocol,
        ),
        "stripped": Rule(
            f"{protocol}_starttls_stripped",
            f"{mine} AND {_FAILED} AND mail_unoffered >= 2 AND {_CONTROL}",
            State.BLOCKED,
            f"{name}'s list of abilities lacks STARTTLS here, twice; the server offers it to the test helper.",
            f"{protocol}.starttls_stripped",
        ),
        "refused": Rule(
            f"{protocol}_starttls_refused_here",
            f"{mine} AND {_FAILED} AND mail_refused >= 2 AND {_CONTROL}",
            State.LIKELY_BLOCKED,
            f"{name} offers STARTTLS and refuses it here, twice; the test helper gets it.",
            f"{protocol}.starttls_stripped",
        ),
        "fails": Rule(
            f"{protocol}_fails_here",
            f"{mine} AND {_FAILED} AND (mail_resets >= 2 OR mail_timeouts >= 2 OR mail_closes >= 2) AND {_CONTROL}",
            State.LIKELY_BLOCKED,
            f"The connection is made, and {name} fails on it here, twice in the same way; the test helper succeeds.",
            protocol,
        ),
    }


_SMTP, _IMAP = _of("smtp", "SMTP"), _of("imap", "IMAP")

MAIL_RULES = (
    _SMTP["injected"],
    _IMAP["injected"],
    Rule("mail_answered", "mail_successes > 0", State.OK, "The mail server greets, and offers and grants TLS."),
    *opening("mail", "the mail server's own protocol"),
    _SMTP["stripped"],
    _IMAP["stripped"],
    Rule(
        "mail_starttls_offered_to_nobody",
        f"{_FAILED} AND mail_unoffered > 0 AND control_mail_unoffered > 0 AND control_successes = 0",
        State.DOWN,
        "The server does not offer STARTTLS here, and does not offer it to the test helper.",
    ),
    Rule(
        "mail_starttls_not_offered",
        f"{_FAILED} AND mail_unoffered > 0 AND control_attempts = 0",
        State.IMPAIRED,
        "STARTTLS is not offered here, and nobody outside looked whether the server has it at all.",
    ),
    down("mail", "The mail server's own protocol"),
    Rule(
        "mail_turned_away",
        f"{_FAILED} AND mail_turned_away > 0",
        State.IMPAIRED,
        "The server turns this client away in its own protocol, as many do to whole networks.",
    ),
    _SMTP["refused"],
    _IMAP["refused"],
    _SMTP["fails"],
    _IMAP["fails"],
    *closing("mail", "The mail server's own protocol"),
)
