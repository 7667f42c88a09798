"""Define the DTLS hellos in the form of one program that get no answer, while those in another form do."""

from dataclasses import dataclass

from probe.analysis.phenomena.phenomenon import Phenomenon, RowPart
from probe.analysis.rules.rule import Rule, State
from probe.analysis.sql.column import column
from probe.analysis.sql.link_counts import count
from probe.analysis.sql.linked_roles import AT_ENDPOINT, followed
from probe.messages import mark

_ROLES = tuple(
    followed(role, AT_ENDPOINT, followup, "f.payload_kind = 'dtls'", f"f.dtls_hello = '{form}'")
    for role, followup, form in (
        ("dtls_firefox", "firefox_dtls_hello", "firefox"),
        ("dtls_newer", "dtls13_hello", "dtls13"),
        ("dtls_same", "same_dtls_hello_again", "openssl"),
    )
)


@dataclass
class DtlsFormColumns:
    """Count DTLS hellos in other forms that passed, and those in the same form that then failed again."""

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


# The probe's hello is silent before and after another form is answered, and that form is answered twice.
SILENT_IN_ONE_FORM = Rule(
    "dtls_silent_in_one_form",
    "payload_successes = 0 AND payload_timeouts >= 2 AND dtls_same_silent > 0 AND (dtls_firefox_passed >= 2 OR "
    "dtls_newer_passed >= 2) AND control_successes > 0 AND NOT line_lossy",
    State.DEGRADED,
    mechanism="dtls.timeout.fingerprint",
    way="timeout",
    because=(
        "The DTLS hello in OpenSSL's form gets no answer here, before and after a hello in Firefox's form is "
        "answered. The second form is answered twice, and the test helper gets an answer to the first form."
    ),
    plain=mark(
        "Encrypted calls (DTLS) to {host} get no answer if they begin as in one program. They get an "
        "answer if they begin as in a browser. Some programs cannot make calls with {service} here."
    ),
)

DTLS_FORMS = Phenomenon(
    "dtls_forms",
    "DTLS hellos in the form of one program get no answer.",
    roles=_ROLES,
    address=RowPart(DtlsFormColumns),
    mechanisms={
        "dtls.timeout.fingerprint": (
            "DTLS hellos in the form of one program get no answer, and those in another form do."
        )
    },
)
