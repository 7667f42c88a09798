"""Define the pages that only a forger can send from two places: the service's address and a neutral host."""

from dataclasses import dataclass

from probe.analysis.phenomena.phenomenon import Phenomenon, RowPart
from probe.analysis.rules.rule import Rule, State
from probe.analysis.sql.column import column
from probe.analysis.sql.link_counts import or_zero
from probe.analysis.sql.statement import Statement
from probe.analysis.sql.subject import KEY, SUBJECT, same_subject
from probe.messages import mark

_ERROR = 400  # statuses from here on are errors. Many servers send the same page with one of them to unknown names.
_INNOCUOUS = "SELECT 1 FROM linked i WHERE i.m = k.m AND i.role = 'innocuous' AND i.http_answered"


def _only_elsewhere(name: str, column: str, what: str, same: str, among: str = "TRUE") -> Statement:
    return Statement(
        name,
        f"{what} that a working neutral host gives to the name and that the control does not get. A proxy in the"
        " network that reads the Host header gets the real answer, too, and may get or make a newer one. An"
        " innocuous name was answered too, and otherwise. What it gets at any server may be a provider's notice.",
        (*SUBJECT, column),
        f"SELECT DISTINCT k.m, k.endpoint, k.address, k.{column} FROM linked k WHERE k.role = 'neutral'"
        f" AND k.at_working AND k.http_answered AND k.{column} <> '' AND {among} AND k.is_http AND NOT k.is_literal"
        f" AND NOT EXISTS (SELECT 1 FROM linked c WHERE {same_subject('c', 'k')} AND c.role = 'control'"
        f" AND c.http_answered AND ({same.format('c')}))"
        f" AND EXISTS ({_INNOCUOUS} AND i.endpoint = k.endpoint)"
        f" AND NOT EXISTS ({_INNOCUOUS} AND ({same.format('i')}))",
    )


_SAME_PAGE = "{0}.http_page = k.http_page OR ({0}.http_title <> '' AND {0}.http_title = k.http_title)"

_UNKNOWN_NAME = (
    "SELECT 1 FROM linked u WHERE u.m = k.m AND u.endpoint = k.endpoint AND u.role = 'nonexistent_neutral'"
    f" AND u.http_answered AND ({_SAME_PAGE.format('u')})"
)
PAGES = _only_elsewhere(
    "forged_page", "http_page", "Pages", _SAME_PAGE, f"(k.http_code < {_ERROR} OR NOT EXISTS ({_UNKNOWN_NAME}))"
)

REDIRECTS = _only_elsewhere(
    "forged_redirect",
    "http_redirect_host",
    "Redirects to other sites",
    "{0}.http_redirect_host = k.http_redirect_host",
    "k.redirects_elsewhere",
)

_ATTEMPTS = (
    "SELECT k.m, k.endpoint, k.address, k.family, p.m AS page, r.m AS redirect"
    f" FROM linked k LEFT JOIN forged_page p ON {same_subject('p', 'k')} AND p.http_page = k.http_page"
    f" LEFT JOIN forged_redirect r ON {same_subject('r', 'k')} AND r.http_redirect_host = k.http_redirect_host"
    " WHERE k.role = 'target' AND k.http_answered AND EXISTS (SELECT 1 FROM linked c WHERE"
    f" {same_subject('c', 'k')} AND c.role = 'timely' AND c.http_answered)"
)
"""The answers to attempts, and which of them are such pages and redirects. Only a forger can send the same page from
there. Without an answer to the control they cannot be distinguished from a web server's default page."""

_OVER_FAMILY = "OVER (PARTITION BY m, endpoint, family)"

ANSWERS = Statement(
    "forged_answer",
    "How many such pages and redirects an address sent, if all attempts over its family got them. A provider's notice"
    " comes once, or to some requests only. So two answers accuse, and a single one leaves the cause open.",
    SUBJECT,
    f"SELECT {KEY}, count(page) FILTER (WHERE attempts >= 2) AS pages,"
    " count(redirect) FILTER (WHERE attempts >= 2) AS redirects, count(page) FILTER (WHERE attempts = 1) AS pages_once"
    f" FROM (SELECT {KEY}, page, redirect, count(*) {_OVER_FAMILY} AS attempts,"
    f" count(page) {_OVER_FAMILY} AS all_pages, count(redirect) {_OVER_FAMILY} AS all_redirects FROM ({_ATTEMPTS}) t) t"
    f" WHERE attempts IN (all_pages, all_redirects) GROUP BY {KEY}",
)


@dataclass
class ForgedPageColumns:
    """Count the answers to all attempts that a neutral host sends too."""

    http_pages_elsewhere: int = column(
        0,
        "HTTP answers to all attempts that a neutral host sends too. The control and innocuous names get others.",
        or_zero("a.pages"),
    )
    http_redirects_elsewhere: int = column(
        0,
        "HTTP redirects of all attempts that a neutral host sends too. The control and innocuous names get others.",
        or_zero("a.redirects"),
    )
    http_pages_elsewhere_once: int = column(
        0,
        "The same of pages, if the address's family had one attempt.",
        or_zero("a.pages_once"),
    )


_FOR_NAME_ELSEWHERE = "http_successes > 0 AND control_successes > 0"

REDIRECT_IS_ELSEWHERE_TOO = Rule(
    "http_redirect_is_elsewhere_too",
    f"clear_text AND by_name AND http_redirects_elsewhere > 0 AND {_FOR_NAME_ELSEWHERE}",
    State.BLOCKED,
    mechanism="http.redirect",
    because=(
        "A neutral host that receives the name redirects to the same place, and the test helper gets another answer."
    ),
    plain=mark(
        "Unencrypted web requests for {host} are redirected, even at an unrelated server. Outside this network "
        "they are not. Access to {service} is blocked."
    ),
)

PAGE_IS_ELSEWHERE_TOO = Rule(
    "http_page_is_elsewhere_too",
    f"clear_text AND by_name AND http_pages_elsewhere > 0 AND {_FOR_NAME_ELSEWHERE}",
    State.BLOCKED,
    mechanism="http.blockpage",
    because="A neutral host that receives the name sends the same page, and the test helper gets another answer.",
    plain=mark(
        "Unencrypted web requests for {host} get a false page, even from an unrelated server. Outside this network "
        "they get another. Access to {service} is blocked."
    ),
)

PAGE_IS_ELSEWHERE_ONCE = Rule(
    "http_page_is_elsewhere_once",
    f"successes > 0 AND clear_text AND by_name AND http_pages_elsewhere_once > 0 AND {_FOR_NAME_ELSEWHERE}",
    State.IMPAIRED,
    because=(
        "A neutral host that receives the name sends the same page, and the test helper gets another answer. The page "
        "was requested once, because the run ended or an earlier version of our probe made it. So it may be a notice "
        "of the Internet provider."
    ),
    plain=mark(
        "An unencrypted web request for {host} got a false page, even from an unrelated server. The page was seen "
        "once, so it may be a notice of the Internet provider. Run the test again."
    ),
)
"""The page is known to be false. So it is no success, although a server answered."""

FORGED_PAGES = Phenomenon(
    "forged_pages",
    "The same false page or redirect comes from the service's address and from a neutral host.",
    address=RowPart(ForgedPageColumns, {"a": "forged_answer"}, (PAGES, REDIRECTS, ANSWERS)),
)
