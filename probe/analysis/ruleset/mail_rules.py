"""Define the rules about SMTP and IMAP, with STARTTLS and with TLS from the first byte."""

from probe.analysis.phenomena.random_resets import among_random_resets
from probe.analysis.rules.inconclusive import fails_everywhere, unexplained, unfinished
from probe.analysis.rules.layer import MAIL
from probe.analysis.rules.rule import CausePlace, Kind, Rule, State
from probe.messages import mark

_FAILED = "mail_successes = 0"
_CONTROL = "control_successes > 0 AND control_mail_unoffered = 0"

_PLAINTEXT_BEFORE_TLS = Kind(
    "mail_plaintext_before_tls",
    State.OK,
    because="{protocol} works, and plaintext was injected after the server granted TLS and was ignored.",
    plain=mark("Mail through {host} works. A device in this network added text to the connection, without effect."),
)
_STRIPPED = Kind(
    "starttls_stripped",
    State.BLOCKED,
    because="The {protocol} capabilities lack STARTTLS here, twice, and the server offers it to the test helper.",
    plain=mark(
        "Mail through {host} cannot be encrypted here: the server's offer of encryption is removed. Outside this "
        "network the server offers it. Access to {service} is blocked."
    ),
)
_STARTTLS_REFUSED = Kind(
    "starttls_refused_here",
    State.LIKELY_BLOCKED,
    because="The {protocol} server offers STARTTLS and refuses it here, twice, and the test helper gets it.",
    plain=mark(
        "Mail through {host} cannot be encrypted here: encryption is offered and then refused. Outside this network it "
        "works. Access to {service} is probably blocked."
    ),
)
_FAILS_HERE = Kind(
    "mail_fails_here",
    State.LIKELY_BLOCKED,
    because=(
        "The connection is made, {protocol} fails on it here, twice in the same way, and the test helper succeeds."
    ),
    plain=mark(
        "Mail through {host} fails here: the connection opens and then fails, twice in the same way. Outside this "
        "network it works. Access to {service} is probably blocked."
    ),
)


def _of_both(kind: Kind, when: str, mechanism: str) -> tuple[Rule, ...]:
    """Return the rules of a kind for SMTP and for IMAP."""
    return tuple(
        kind.rule(
            f"mail_protocol = '{protocol}' AND {when}",
            layer=protocol,
            mechanism=mechanism.format(protocol=protocol),
            because={"protocol": protocol.upper()},
        )
        for protocol in ("smtp", "imap")
    )


# A list without STARTTLS accuses nothing by itself, because many servers have none. The control must be offered it.
MAIL_RULES = (
    *_of_both(
        _PLAINTEXT_BEFORE_TLS, "mail_successes > 0 AND mail_injected > 0 AND control_mail_injected = 0", "{protocol}"
    ),
    Rule(
        "mail_answered",
        "mail_successes > 0",
        State.OK,
        because="The mail server greets, and offers and grants TLS.",
        plain=mark("{service} can be reached, with encryption."),
    ),
    *unfinished(MAIL),
    among_random_resets(MAIL),
    *_of_both(_STRIPPED, f"{_FAILED} AND mail_unoffered >= 2 AND {_CONTROL}", "{protocol}.starttls_stripped"),
    Rule(
        "mail_starttls_offered_to_nobody",
        f"{_FAILED} AND mail_unoffered > 0 AND control_mail_unoffered > 0 AND control_successes = 0",
        State.DOWN,
        because="The server offers STARTTLS neither here nor to the test helper.",
        plain=mark(
            "The mail server of {service} offers no encryption, here or outside this network. There is no sign of "
            "blocking."
        ),
    ),
    Rule(
        "mail_starttls_not_offered",
        f"{_FAILED} AND mail_unoffered > 0 AND control_attempts = 0",
        State.IMPAIRED,
        because="STARTTLS is not offered here, and no test helper looked whether the server has it.",
        plain=mark(
            "The mail server of {service} offers no encryption here. No test helper outside this network tried it, so "
            "the cause is unclear."
        ),
    ),
    fails_everywhere(MAIL),
    Rule(
        "smtp_greeting_contradicted",
        f"mail_protocol = 'smtp' AND {_FAILED} AND mail_two_greetings >= 2 AND {_CONTROL}",
        State.BLOCKED,
        mechanism="smtp.injection",
        because=(
            "A greeting refuses the SMTP client here, twice, and the end of another greeting follows it: two devices "
            "greeted one connection. The test helper is accepted."
        ),
        plain=mark(
            "A device in this network refuses connections for mail in the name of {host}. The server's own greeting "
            "arrives too late. Access to {service} is blocked."
        ),
    ),
    Rule(
        "smtp_refusal_contradicted",
        f"mail_protocol = 'smtp' AND {_FAILED} AND mail_contradicted >= 2 AND {_CONTROL}",
        State.BLOCKED,
        mechanism="smtp.injection",
        because=(
            "An SMTP command is refused with 550 or 551 here, twice, and then accepted: two devices answered one "
            "command. The test helper is accepted."
        ),
        plain=mark(
            "A device in this network refuses mail in the name of {host}. The server accepts it, but its answer "
            "arrives too late. Access to {service} is blocked."
        ),
    ),
    Rule(
        "smtp_refusal_known",
        f"mail_protocol = 'smtp' AND {_FAILED} AND mail_known_refusals >= 2 AND {_CONTROL}",
        State.LIKELY_BLOCKED,
        mechanism="smtp.injection",
        because=(
            "An SMTP command before any mail is refused here, twice, and the test helper is accepted. The refusal has "
            "the exact text that a censorship product is said to send."
        ),
        plain=mark(
            "Sending mail through {host} is refused here, before any mail was sent, with words that a blocking device "
            "is said to use. Outside this network the server accepts. Access to {service} is probably blocked."
        ),
    ),
    Rule(
        "mail_service_refuses_here",
        f"{_FAILED} AND mail_refused_in_tls >= 2 AND {_CONTROL}",
        State.IMPAIRED,
        cause_place=CausePlace.SERVICE,
        because=(
            "The greeting inside TLS, where only the server can speak, refuses this client, twice. The test helper is "
            "accepted."
        ),
        plain=mark(
            "The mail server of {service} itself refuses connections from here, and not from a test helper outside "
            "this network. Many mail servers refuse whole networks, or new clients for some minutes. This is no "
            "interference on the way."
        ),
    ),
    Rule(
        "mail_turned_away",
        f"{_FAILED} AND mail_turned_away > 0",
        State.IMPAIRED,
        because="The server rejects this client in its own protocol, as many servers do to whole networks.",
        plain=mark(
            "The mail server of {service} refuses connections from this network, as many mail servers do. The cause is "
            "unclear."
        ),
    ),
    *_of_both(_STARTTLS_REFUSED, f"{_FAILED} AND mail_refused >= 2 AND {_CONTROL}", "{protocol}.starttls_stripped"),
    *_of_both(
        _FAILS_HERE,
        f"{_FAILED} AND (mail_resets >= 2 OR mail_timeouts >= 2 OR mail_closes >= 2) AND {_CONTROL}",
        "{protocol}",
    ),
    *unexplained(MAIL),
)
