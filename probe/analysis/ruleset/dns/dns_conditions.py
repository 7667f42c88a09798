"""Define the conditions that several DNS rules share. Columns are those of `NameRow`."""

UNVERIFIED = "dns_answers > 0 AND dns_genuine = 0"
"""The system resolver gave addresses, and none of them is verified."""

TRUE_ANSWER = "(dns_proven_here > 0 OR dns_proven_authenticated > 0)"
"""Another source gave an address that a certificate proves."""

TRUSTED = "dns_authenticated + dns_from_control > 0"
"""An encrypted resolver or the control's resolver gave an address."""

SUSPECT = (
    "(dns_foreign > 0 OR dns_bogon > 0 OR dns_blockpage > 0 OR dns_elsewhere > 0 OR dns_refuted_at_control > 0"
    " OR dns_forged_first > 0 OR dns_forged_public > 0 OR dns_dark_forged > 0)"
)
"""Something positive speaks against the answer. That it could not be verified is not enough."""

FROM_RESOLVER = "dns_public_genuine > 0 AND dns_public_forged + dns_dark_forged = 0 AND NOT dns_intercepted"
"""The system resolver itself gives the answer, because other resolvers, asked the same way, are not forged."""

ON_PATH = "dns_public_forged + dns_dark_forged > 0 AND NOT dns_intercepted"
"""The answer is forged between here and any resolver."""

BOGON = "(dns_forged_bogon OR (dns_bogon > 0 AND dns_bogon = dns_answers))"
"""The false addresses are such as no public service can have."""
