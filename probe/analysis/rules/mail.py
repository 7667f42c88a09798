"""Define the rules about SMTP and IMAP, with STARTTLS and with TLS from the first byte."""

from probe.analysis.rules.resets import random_resets
from probe.analysis.rules.rule import Rule, State
from probe.messages import mark

_FAILED = "mail_successes = 0"
_CONTROL = "control_successes > 0 AND control_mail_unoffered = 0"

# A list without STARTTLS accuses nothing by itself, because many servers have none. The control must be offered it.
MAIL_RULES = (
    Rule(
        "smtp_plaintext_before_tls",
        "mail_protocol = 'smtp' AND mail_successes > 0 AND mail_injected > 0 AND control_mail_injected = 0",
        State.OK,
        mechanism="smtp",
        because="SMTP works, and plaintext was injected after the server granted TLS and was ignored.",
        plain=mark(
            "Sending mail through {host} works. A device in this network added text to the connection, without effect."
        ),
    ),
    Rule(
        "imap_plaintext_before_tls",
        "mail_protocol = 'imap' AND mail_successes > 0 AND mail_injected > 0 AND control_mail_injected = 0",
        State.OK,
        mechanism="imap",
        because="IMAP works, and plaintext was injected after the server granted TLS and was ignored.",
        plain=mark(
            "Reading mail through {host} works. A device in this network added text to the connection, without effect."
        ),
    ),
    Rule(
        "mail_answered",
        "mail_successes > 0",
        State.OK,
        because="The mail server greets, and offers and grants TLS.",
        plain=mark("{service} can be reached, with encryption."),
    ),
    Rule(
        "mail_local_fault",
        "local_faults > 0 AND mail_attempts = 0",
        State.INSUFFICIENT,
        untested=True,
        because="The run was interrupted, or this computer failed, before the mail dialogue was tried.",
        plain=mark(
            "{service} was not tested, because this computer was too busy or the run was stopped. Run the test again."
        ),
    ),
    Rule(
        "mail_not_reached",
        "mail_attempts = 0",
        State.INSUFFICIENT,
        untested=True,
        because=(
            "The measurement did not get as far as the mail dialogue, because an earlier step failed or it was not "
            "requested."
        ),
        plain=mark("The test of {service} ended before its last step. Nothing can be concluded from it."),
    ),
    Rule(
        "mail_interrupted",
        "interrupted AND mail_attempts < 2",
        State.INSUFFICIENT,
        untested=True,
        because="The run was interrupted before a failure of the mail dialogue could be confirmed.",
        plain=mark("The run was stopped before a failed test of {service} could be repeated. Run the test again."),
    ),
    Rule(
        "mail_reset_among_random_resets",
        random_resets.may_be_chance("mail"),
        State.IMPAIRED,
        because=random_resets.BECAUSE,
        plain=random_resets.PLAIN,
    ),
    Rule(
        "smtp_starttls_stripped",
        f"mail_protocol = 'smtp' AND {_FAILED} AND mail_unoffered >= 2 AND {_CONTROL}",
        State.BLOCKED,
        mechanism="smtp.starttls_stripped",
        because="The SMTP capabilities lack STARTTLS here, twice, and the server offers it to the test helper.",
        plain=mark(
            "Sending mail through {host} cannot be encrypted here: the server's offer of encryption is removed. "
            "Outside this network the server offers it. Access to {service} is blocked."
        ),
    ),
    Rule(
        "imap_starttls_stripped",
        f"mail_protocol = 'imap' AND {_FAILED} AND mail_unoffered >= 2 AND {_CONTROL}",
        State.BLOCKED,
        mechanism="imap.starttls_stripped",
        because="The IMAP capabilities lack STARTTLS here, twice, and the server offers it to the test helper.",
        plain=mark(
            "Reading mail through {host} cannot be encrypted here: the server's offer of encryption is removed. "
            "Outside this network the server offers it. Access to {service} is blocked."
        ),
    ),
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
    Rule(
        "mail_fails_everywhere",
        "mail_successes = 0 AND control_attempts > 0 AND control_successes = 0",
        State.DOWN,
        because="The mail dialogue fails here, and fails from the test helper too.",
        plain=mark(
            "The test of {service} failed here, and it failed from a test helper outside this network too. There is no "
            "sign of blocking."
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
        "mail_turned_away",
        f"{_FAILED} AND mail_turned_away > 0",
        State.IMPAIRED,
        because="The server rejects this client in its own protocol, as many servers do to whole networks.",
        plain=mark(
            "The mail server of {service} refuses connections from this network, as many mail servers do. The cause is "
            "unclear."
        ),
    ),
    Rule(
        "smtp_starttls_refused_here",
        f"mail_protocol = 'smtp' AND {_FAILED} AND mail_refused >= 2 AND {_CONTROL}",
        State.LIKELY_BLOCKED,
        mechanism="smtp.starttls_stripped",
        because="The SMTP server offers STARTTLS and refuses it here, twice, and the test helper gets it.",
        plain=mark(
            "Sending mail through {host} cannot be encrypted here: encryption is offered and then refused. Outside "
            "this network it works. Access to {service} is probably blocked."
        ),
    ),
    Rule(
        "imap_starttls_refused_here",
        f"mail_protocol = 'imap' AND {_FAILED} AND mail_refused >= 2 AND {_CONTROL}",
        State.LIKELY_BLOCKED,
        mechanism="imap.starttls_stripped",
        because="The IMAP server offers STARTTLS and refuses it here, twice, and the test helper gets it.",
        plain=mark(
            "Reading mail through {host} cannot be encrypted here: encryption is offered and then refused. Outside "
            "this network it works. Access to {service} is probably blocked."
        ),
    ),
    Rule(
        "smtp_fails_here",
        f"mail_protocol = 'smtp' AND {_FAILED} AND (mail_resets >= 2 OR mail_timeouts >= 2 OR mail_closes >= 2) "
        f"AND {_CONTROL}",
        State.LIKELY_BLOCKED,
        mechanism="smtp",
        because="The connection is made, SMTP fails on it here, twice in the same way, and the test helper succeeds.",
        plain=mark(
            "Sending mail through {host} fails here: the connection opens and then fails, twice in the same way. "
            "Outside this network it works. Access to {service} is probably blocked."
        ),
    ),
    Rule(
        "imap_fails_here",
        f"mail_protocol = 'imap' AND {_FAILED} AND (mail_resets >= 2 OR mail_timeouts >= 2 OR mail_closes >= 2) "
        f"AND {_CONTROL}",
        State.LIKELY_BLOCKED,
        mechanism="imap",
        because="The connection is made, IMAP fails on it here, twice in the same way, and the test helper succeeds.",
        plain=mark(
            "Reading mail through {host} fails here: the connection opens and then fails, twice in the same way. "
            "Outside this network it works. Access to {service} is probably blocked."
        ),
    ),
    Rule(
        "mail_unconfirmed",
        "mail_failure IS NOT NULL AND control_successes > 0",
        State.IMPAIRED,
        because=(
            "The mail dialogue failed here and not at the test helper, but not often or not uniformly enough to "
            "conclude more."
        ),
        plain=mark(
            "The test of {service} failed here and not from a test helper outside this network. The failures are too "
            "few or too different to name a cause. Run the test again."
        ),
    ),
    Rule(
        "mail_no_control",
        "mail_failure IS NOT NULL",
        State.IMPAIRED,
        because="The mail dialogue fails here, and no test helper tried the same endpoint.",
        plain=mark(
            "The test of {service} failed here. No test helper outside this network tried it, so the cause is unclear."
        ),
    ),
    Rule(
        "mail_undecided",
        "TRUE",
        State.INSUFFICIENT,
        because="No rule covers the result of the mail dialogue.",
        plain=mark("The test of {service} gave a result that no rule covers. Nothing can be concluded from it."),
    ),
)
