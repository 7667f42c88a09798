"""The entries of one mail dialogue → columns: greeted, STARTTLS offered, granted, and how it failed."""

from typing import Any

from probe.analysis.observations.lenient_json import failure, flag, number, table, text

Columns = dict[str, Any]

_GREETED = 220  # SMTP's code (RFC 5321, 4.2); IMAP has none


def mail_columns(entries: list[Columns]) -> Columns:
    """The columns of a transaction, out of all its entries of the list `mail`; none where there are none."""
    if not entries:
        return {}
    clear = next((e for e in entries if _is(e, "greeting") and not flag(e.get("over_tls"))), {})
    asked = next((e for e in entries if _is(e, "starttls")), {})
    failures = [failure(entry.get("failure")) for entry in entries]
    return {
        "mail_attempts": 1,
        "mail_failure": next((said for said in failures if said is not None), None),
        "mail_protocol": text(entries[0].get("protocol")),
        "mail_offer": text(clear.get("starttls")) if failure(clear.get("failure")) is None else "",
        "mail_accepted": flag(asked.get("accepted")),
        "mail_refused": _refused(asked),
        "mail_turned_away": any(_turns_away(entry) for entry in entries if _is(entry, "greeting")),
        "mail_injected": bool(table(asked.get("x_injected")).get("data")),
    }


def _is(entry: Columns, operation: str) -> bool:
    return text(entry.get("operation")) == operation


def _refused(asked: Columns) -> bool:
    """Whether the server, in its own protocol, said no to STARTTLS."""
    answered = number(asked.get("code")) > 0 or bool(text(asked.get("answer")))
    return bool(asked) and answered and not flag(asked.get("accepted"))


def _turns_away(greeting: Columns) -> bool:
    """Whether the server, in its own protocol, wants nothing to do with the client."""
    code, banner = number(greeting.get("banner_code")), text(greeting.get("banner"))
    return failure(greeting.get("failure")) is not None and (code not in {0, _GREETED} or banner.startswith("BYE"))
