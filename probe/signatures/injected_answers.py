"""List the answers that a middlebox is said to send in the place of a server of calls or mail.

The paper on Geedge's Tiangou Secure Gateway (USENIX Security 2026, https://geedge.report/) describes a gateway with
these actions. We know it from notes on the paper. No rule depends on the product: servers send the same answers.
"""

SIP_STATUS = {480: "Temporarily Unavailable", 500: "Server Internal Error"}
"""Reason phrases of final answers of SIP, by status (RFC 3261, sections 21.4.18 and 21.5.1)."""

MAIL_REPLIES = {550: "Mail was identified as spam.", 551: "User not local; please try <forward-path>"}
"""Replies of SMTP, by code. The text of 551 is that of RFC 5321, section 4.2.2, with its placeholder as it stands."""
