"""Compare pages and later flows: answers that only a forger can send from two places, and failures before a success."""

from probe.analysis.pipeline.addresses.subjects import SUBJECT, same_subject
from probe.analysis.pipeline.statement import Statement

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
PAGES = _only_elsewhere("forged_page", "http_page", "Pages", _SAME_PAGE)
REDIRECTS = _only_elsewhere(
    "forged_redirect",
    "http_redirect_host",
    "Redirects to other sites",
    "{0}.http_redirect_host = k.http_redirect_host",
    "k.redirects_elsewhere",
)

ATTEMPTS = Statement(
    "forged_attempt",
    "The answers to attempts, and which of them are such pages and redirects. Only a forger can send the same page from"
    " there. Without an answer to the control they cannot be distinguished from a web server's default page.",
    (*SUBJECT, "n"),
    "SELECT k.m, k.endpoint, k.address, k.family, k.n, p.http_page IS NOT NULL AS page,"
    " r.http_redirect_host IS NOT NULL AS redirect"
    f" FROM linked k LEFT JOIN forged_page p ON {same_subject('p', 'k')} AND p.http_page = k.http_page"
    f" LEFT JOIN forged_redirect r ON {same_subject('r', 'k')} AND r.http_redirect_host = k.http_redirect_host"
    " WHERE k.role = 'target' AND k.http_answered AND EXISTS (SELECT 1 FROM linked c WHERE"
    f" {same_subject('c', 'k')} AND c.role = 'timely' AND c.http_answered)",
)

PAGE_COUNTS = Statement(
    "forged_answer",
    "How many such pages and redirects an address sent, if all attempts over its family got them, twice at least. A"
    " provider's notice comes once, or to some requests only.",
    SUBJECT,
    "SELECT t.m, t.endpoint, t.address, count(*) FILTER (WHERE t.page) AS pages,"
    " count(*) FILTER (WHERE t.redirect) AS redirects FROM forged_attempt t"
    " JOIN (SELECT m, endpoint, family FROM forged_attempt GROUP BY m, endpoint, family"
    " HAVING count(*) >= 2 AND (count(*) = count(*) FILTER (WHERE page) OR count(*) = count(*) FILTER (WHERE redirect))"
    ") s ON s.m = t.m AND s.endpoint = t.endpoint AND s.family = t.family GROUP BY t.m, t.endpoint, t.address",
)

PASSED_LATER = Statement(
    "passed_later",
    "Flows with a non-existent name that failed before a flow with a known name to the same address and port passed."
    " The later success excludes residual censorship (P8).",
    (*SUBJECT, "role", "n"),
    "SELECT DISTINCT k.m, k.endpoint, k.address, k.role, k.n FROM linked k"
    f" JOIN linked p ON {same_subject('p', 'k')} AND p.flow_address = k.flow_address AND p.port = k.port"
    " WHERE k.role IN ('nonexistent_here', 'nonexistent_neutral') AND NOT k.name_answered AND k.name_failure_kind <> ''"
    " AND k.failure_kind <> 'local' AND p.t0 >= k.t0 AND p.name_answered AND"
    " ((k.role = 'nonexistent_here' AND p.role = 'innocuous')"
    " OR (k.role = 'nonexistent_neutral' AND p.role = 'own_neutral' AND p.at_working))",
)

FORGED_ANSWER_STATEMENTS = (PAGES, REDIRECTS, ATTEMPTS, PAGE_COUNTS, PASSED_LATER)
