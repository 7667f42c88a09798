"""Define the refusals of HTTP (403, 451 and 503) that the control does not get: by the service, or on the way."""

from dataclasses import dataclass

from probe.analysis.phenomena.phenomenon import Phenomenon, RowPart
from probe.analysis.rules.rule import CausePlace, Kind, Rule, State
from probe.analysis.sql.column import column
from probe.analysis.sql.link_counts import TARGET, count, or_zero
from probe.analysis.sql.statement import Statement
from probe.analysis.sql.subject import SUBJECT, same_subject
from probe.messages import mark
from probe.signatures.http_refusals import FORBIDDEN, LEGAL_REASONS, REFUSING, UNAVAILABLE

_REFUSING = ", ".join(map(str, sorted(REFUSING)))


def _exists(role: str, *conditions: str) -> str:
    about = " AND ".join(("i.http_answered", *conditions))
    return (
        f"EXISTS (SELECT 1 FROM linked i WHERE i.m = k.m AND i.endpoint = k.endpoint AND i.role = '{role}' AND {about})"
    )


_SAME = "i.http_code = k.http_code"

BARE_REFUSALS = Statement(
    "forged_refusal",
    "Refusals without a page that a working neutral host gives to the name. A non-existent name gets another status"
    " there, an innocuous name another one at the service, and the control no refusal.",
    (*SUBJECT, "http_code"),
    "SELECT DISTINCT k.m, k.endpoint, k.address, k.http_code FROM linked k WHERE k.role = 'neutral' AND k.at_working"
    f" AND k.http_answered AND k.http_page = '' AND k.http_code IN ({_REFUSING}) AND k.is_http AND NOT k.is_literal"
    f" AND {_exists('nonexistent_neutral', 'i.flow_address = k.flow_address')}"
    f" AND NOT {_exists('nonexistent_neutral', _SAME)}"
    f" AND {_exists('innocuous')} AND NOT {_exists('innocuous', _SAME)}",
)

BARE_REFUSAL_COUNTS = Statement(
    "forged_refusal_count",
    "How many attempts at an address got such a refusal.",
    SUBJECT,
    "SELECT k.m, k.endpoint, k.address, count(*) AS refusals FROM linked k"
    f" JOIN forged_refusal r ON {same_subject('r', 'k')} AND r.http_code = k.http_code"
    " WHERE k.role = 'target' AND k.http_answered AND k.http_page = '' GROUP BY k.m, k.endpoint, k.address",
)


def _refusals(status: int) -> str:
    return count(TARGET, "http_tested", "http_answered", f"http_code = {status}", "fingerprints = 0")


@dataclass
class RefusedPageColumns:
    """Count the refusals of HTTP here, those that a neutral host sends too, and what the control gets."""

    http_forbidden: int = column(0, "HTTP answers with the status 403.", _refusals(FORBIDDEN))
    http_legal_reasons: int = column(0, "HTTP answers with the status 451.", _refusals(LEGAL_REASONS))
    http_unavailable: int = column(0, "HTTP answers with the status 503.", _refusals(UNAVAILABLE))
    http_refusals_elsewhere: int = column(
        0,
        "Refusals of HTTP without a page that a neutral host gives to the name too. Other names get other answers.",
        or_zero("b.refusals"),
    )
    control_http_pages: int = column(
        0,
        "The control's HTTP requests that got no error, near in time to the attempts.",
        count("role = 'timely'", "http_answered", "http_code BETWEEN 200 AND 399"),
    )
    control_http_errors: int = column(
        0,
        "The control's HTTP requests that got a status of 400 or more.",
        count("role = 'timely'", "http_answered", "http_code >= 400"),
    )


_ONLY_HERE = (
    "successes > 0 AND http_attempts >= 2 AND control_successes > 0 AND control_http_pages > 0"
    " AND control_http_errors = 0"
)
"""One refusal may be an accident of the service."""

_BY_SERVICE = Kind(
    "service_refuses_here",
    State.IMPAIRED,
    cause_place=CausePlace.SERVICE,
    because=(
        "The verified server answers with {status} here, twice, inside an encrypted connection that no device on the "
        "way can change. The test helper gets a page without an error."
    ),
    plain=mark(
        "{service} itself refuses access here: its server answers “{answer}”. Outside this network it sends a page. "
        "It may refuse your country, your network or programs like this one. This is no interference on the way."
    ),
)

SERVICE_REFUSES_HERE = tuple(
    _BY_SERVICE.rule(
        f"NOT clear_text AND {column} = http_attempts AND {_ONLY_HERE}",
        way=way,
        because={"status": str(status)},
        plain={"answer": answer},
    )
    for way, status, column, answer in (
        ("forbidden", FORBIDDEN, "http_forbidden", mark("access denied (403)")),
        ("legal_reasons", LEGAL_REASONS, "http_legal_reasons", mark("not available for legal reasons (451)")),
        ("unavailable", UNAVAILABLE, "http_unavailable", mark("not available (503)")),
    )
)

REFUSAL_IS_ELSEWHERE_TOO = Rule(
    "http_refusal_is_elsewhere_too",
    f"clear_text AND by_name AND http_refusals_elsewhere = http_attempts AND {_ONLY_HERE}",
    State.LIKELY_BLOCKED,  # a proxy that reads the Host header may pass on a refusal by the service
    mechanism="http.error",
    because=(
        "A neutral host that receives the name refuses it with the same status, which other names do not get. The test "
        "helper gets a page."
    ),
    plain=mark(
        "Unencrypted web requests for {host} are refused, even by an unrelated server, which refuses no other name. "
        "Outside this network they get a page. Access to {service} is probably blocked."
    ),
)

REFUSED_IN_THE_CLEAR = Rule(
    "http_refused_here",
    f"clear_text AND http_forbidden + http_legal_reasons + http_unavailable = http_attempts AND {_ONLY_HERE}",
    State.IMPAIRED,
    because=(
        "Unencrypted requests are refused here (403, 451 or 503), twice, and the test helper gets a page. Nothing "
        "shows whether the server or a device on the way sent the answer."
    ),
    plain=mark(
        "Unencrypted web requests to {service} are refused here, and not outside this network. The service may refuse "
        "your country, or a device on the way answers in its name. The cause is unclear."
    ),
)

REFUSED_PAGES = Phenomenon(
    "refused_pages",
    "HTTP requests are refused here, and not from the control.",
    address=RowPart(RefusedPageColumns, {"b": "forged_refusal_count"}, (BARE_REFUSALS, BARE_REFUSAL_COUNTS)),
)
