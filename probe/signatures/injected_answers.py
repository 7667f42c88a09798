"""List the answers that a middlebox is said to send in the place of a server of calls or mail.

The paper on Geedge's Tiangou Secure Gateway (USENIX Security 2026, https://geedge.report/) describes a gateway with
these actions. We know it from notes on the paper. No rule depends on the product: servers send the same answers.
"""

SIP_STATUS = {480: "Temporarily Unavailable", 500: "Server Internal Error"}
"""Reason phrases of final answers of SIP, by status (RFC 3261, sections 21.4.18 and 21.5.1)."""

_USUAL_OF_SIP = frozenset({200, 401, 407})


def is_unusual_in_sip(status: int) -> bool:
    """Return whether a final status of SIP is worth a second request. A middlebox may send any refusal.

    Most servers accept an unknown caller's OPTIONS, or ask for a password.
    """
    return status >= 200 and status not in _USUAL_OF_SIP


MAIL_REPLIES = {550: "Mail was identified as spam.", 551: "User not local; please try <forward-path>"}
"""Replies of SMTP, by code. The text of 551 is that of RFC 5321, section 4.2.2, with its placeholder as it stands."""
