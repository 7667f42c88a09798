"""Build synthetic measurements of mail dialogues by their outcome."""

from typing import Any

from probe.formats.entries import BinaryData, Entry, TCPConnect
from probe.formats.exchanges.mail import MailGreeting, MailStartTLS
from probe.formats.exchanges.tls import TLSHandshake
from probe.formats.transactions import TransactionRecord
from probe.targets.dialects import DIALECTS
from probe.targets.target import Endpoint, family_of, parse_endpoint
from tests.support.measurements.entries import complete
from tests.support.measurements.lines import Keys, Lines

ORDER = {
    "smtps": ("tcp", "tls", "inside"),
    "imaps": ("tcp", "tls", "inside"),
    "smtp+starttls": ("tcp", "greeting", "starttls", "tls", "inside"),
    "imap+starttls": ("tcp", "greeting", "starttls", "tls", "inside"),
}
NOT_OFFERED = "unknown_failure: smtp: starttls not offered"


class MailLines(Lines):
    """Build measurements whose mail endpoints have one of these outcomes.

    - "ok", or "STEP:FAILURE"
    - "missing", "masked": STARTTLS is not offered and is refused
    - "accepted": STARTTLS is masked and accepted, and the certificate is valid
    - "refused": STARTTLS is offered and refused
    - "turned away": the greeting is a refusal. "two greetings": the end of another one follows
    - "turned away in tls": the greeting inside TLS is a refusal
    - "injected": plaintext follows the answer that grants TLS
    - "ehlo refused", "ehlo known", "ehlo contradicted": EHLO or CAPABILITY is refused, in SMTP also with a known text,
      or an acceptance follows
    """

    def _reach(self, keys: Keys, url: str, ip: str, outcome: str, **more: Any) -> int:
        endpoint = parse_endpoint(url)
        if "mail" not in DIALECTS[endpoint.dialect].layers:
            return super()._reach(keys, url, ip, outcome, **more)
        if not more.get("check", True):  # the innocuous hello ends with the handshake
            return super()._reach(keys, url.replace(endpoint.scheme, "tls", 1), ip, outcome, **more, endpoint=url)
        about = {key: more.pop(key) for key in list(more) if key in TransactionRecord.model_fields}
        name = endpoint.host if endpoint.scheme in {"smtps", "imaps"} else ""
        about = {"service": self._role(url), "endpoint": url, "address": ip, "port": endpoint.port} | about
        record = keys.open(**{"family": family_of(ip), "sent_name": name} | about)
        failure: tuple[str | None, str | None] = (None, None)
        for entry in _entries(endpoint, ip, outcome):
            complete(entry, more)
            keys.keep(record, entry)
            if entry.failure is not None and failure[0] is None:
                failure = entry.OPERATION, entry.failure
        record.failed_operation, record.failure = failure
        return record.transaction_id


def _entries(endpoint: Endpoint, ip: str, outcome: str) -> list[Entry]:
    """Return the entries of the dialogue up to its end."""
    step, _, failed = outcome.partition(":")
    found: list[Entry] = []
    for name in ORDER[endpoint.scheme]:
        entry = _entry(endpoint, ip, name, outcome)
        entry.failure = failed if name == step else entry.failure
        found.append(entry)
        if name == "tls" and outcome == "accepted":
            break
        if entry.failure is not None and outcome != "accepted":
            break
    return found


def _entry(endpoint: Endpoint, ip: str, name: str, outcome: str) -> Entry:
    address = f"{ip}:{endpoint.port}"
    protocol: Any = endpoint.scheme[:4]
    if name == "tcp":
        return TCPConnect(ip=ip, port=endpoint.port)
    if name == "tls":
        return TLSHandshake(address=address, server_name=endpoint.host, x_verified_name=endpoint.host)
    if name == "starttls":
        return _starttls(MailStartTLS(address=address, protocol=protocol), outcome)
    greeting = MailGreeting(address=address, protocol=protocol, over_tls=name == "inside", capabilities=["SIZE"])
    if outcome == "turned away in tls":
        return _refused(greeting) if name == "inside" else greeting
    return _greeting(greeting, outcome) if name == "greeting" else greeting


def _greeting(entry: MailGreeting, outcome: str) -> MailGreeting:
    entry.banner_code, entry.banner = (220, "ready") if entry.protocol == "smtp" else (0, "OK ready")
    if outcome in {"turned away", "two greetings"}:
        _refused(entry).contradicted = outcome == "two greetings"
    elif outcome.startswith("ehlo "):
        refused = "ehlo refused 550" if entry.protocol == "smtp" else "capability refused NO"
        entry.failure = f"unknown_failure: {entry.protocol}: {refused}"
        entry.known_refusal = 550 if outcome == "ehlo known" else None
        entry.contradicted = outcome == "ehlo contradicted"
    elif outcome in {"missing", "masked", "accepted"}:
        entry.starttls = "missing" if outcome == "missing" else "masked"
    elif ":" not in outcome or not outcome.startswith("greeting"):
        entry.starttls = "offered"
    return entry


def _refused(entry: MailGreeting) -> MailGreeting:
    entry.banner_code, entry.banner = (554, "no") if entry.protocol == "smtp" else (0, "BYE no")
    entry.failure = f"unknown_failure: {entry.protocol}: greeting {entry.banner_code or 'BYE'}"
    return entry


def _starttls(entry: MailStartTLS, outcome: str) -> MailStartTLS:
    refused = outcome in {"missing", "masked", "refused"}
    entry.accepted = not (refused or outcome.startswith("starttls:"))
    if entry.protocol == "smtp" and not outcome.startswith("starttls:"):
        entry.code = 502 if refused else 220
    entry.answer = "" if outcome.startswith("starttls:") else "said"
    if outcome in {"missing", "masked", "accepted"}:
        entry.failure = f"unknown_failure: {entry.protocol}: starttls not offered"
    elif refused:
        entry.failure = f"unknown_failure: {entry.protocol}: starttls refused"
    if outcome == "injected":
        entry.x_injected = BinaryData.of(b"250 injected")
    return entry
