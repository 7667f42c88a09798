"""Turn the entries of one mail dialogue into columns: greeting, STARTTLS offered and granted, failure."""

from typing import Any

from probe.analysis.observations.lenient_json import failure, flag, number, table, text

Columns = dict[str, Any]

_REFUSED_COMMANDS = ("unknown_failure: smtp: ehlo refused", "unknown_failure: imap: capability refused")
_GREETED = 220  # SMTP's code (RFC 5321, 4.2). IMAP has none.


def mail_columns(entries: list[Columns]) -> Columns:
    """Return the columns of a transaction from all its entries in the list `mail`, {} without any."""
    if not entries:
        return {}
    clear = next((e for e in entries if _is(e, "greeting") and not flag(e.get("over_tls"))), {})
    starttls = next((e for e in entries if _is(e, "starttls")), {})
    in_clear = [entry for entry in entries if not flag(entry.get("over_tls"))]
    failures = [failure(entry.get("failure")) for entry in entries]
    return {
        "mail_attempts": 1,
        "mail_failure": next((found for found in failures if found is not None), None),
        "mail_protocol": text(entries[0].get("protocol")),
        "mail_offer": text(clear.get("starttls")) if failure(clear.get("failure")) is None else "",
        "mail_accepted": flag(starttls.get("accepted")),
        "mail_refused": _refused(starttls),
        "mail_turned_away": any(_turns_away(entry) for entry in entries if _is(entry, "greeting")),
        "mail_known_refusal": any(number(entry.get("known_refusal")) > 0 for entry in in_clear),
        "mail_contradicted": any(flag(entry.get("contradicted")) for entry in in_clear),
        "mail_injected": _has_bytes(table(starttls.get("x_injected"))),
    }


def _is(entry: Columns, operation: str) -> bool:
    return text(entry.get("operation")) == operation


def _has_bytes(data: Columns) -> bool:
    """Return True if bytes were received, written or not."""
    return bool(data.get("data")) or number(data.get("x_length")) > 0


def _refused(starttls: Columns) -> bool:
    """Return True if the server answered STARTTLS with a refusal."""
    answered = number(starttls.get("code")) > 0 or bool(text(starttls.get("answer")))
    return bool(starttls) and answered and not flag(starttls.get("accepted"))


def _turns_away(greeting: Columns) -> bool:
    """Return True if the server refuses the client: another SMTP code than 220, IMAP's BYE, or no to the command."""
    code, banner = number(greeting.get("banner_code")), text(greeting.get("banner"))
    failed = failure(greeting.get("failure"))
    refused = code not in {0, _GREETED} or banner.startswith("BYE")
    return failed is not None and (refused or failed.startswith(_REFUSED_COMMANDS))
