"""Test that the redirects of a web address are evaluated as its endpoints."""

from typing import Any

from probe.analysis.verdicts.verdicts import judge_measurement
from tests.support.measurements.lines import GENUINE, SECOND, Lines

FIRST, NEXT = "http://www.site.example:80/", "https://www.site.example:443/start?[scrubbed]"
ELSEWHERE = "http://notice.example:80/"
RESET = "connection_reset"


def chain(*redirects: str) -> tuple[Lines, dict[str, list[str]]]:
    lines = Lines({"web": [FIRST]}, target="http://www.site.example/")
    lines.lookup("www.site.example", GENUINE)
    lines.encrypted("www.site.example", GENUINE)
    return lines, {"web": list(redirects)}


def judged(lines: Lines, redirects: Any) -> dict[str, Any]:
    line = lines.line()
    line["test_keys"]["x_redirects"] = redirects
    (record,) = judge_measurement(line, file="a.jsonl", number=1)
    return record


def test_working_redirect_is_ok() -> None:
    lines, redirects = chain(NEXT)
    lines.first(FIRST, GENUINE)
    lines.first(NEXT, GENUINE, service="web")
    record = judged(lines, redirects)
    assert (record["state"], record["proof"]) == ("ok", "http")
    assert [endpoint["endpoint"] for endpoint in record["endpoints"]] == [FIRST, NEXT]


def test_blocked_redirect_makes_the_address_blocked() -> None:
    lines, redirects = chain(NEXT)
    for url in (FIRST, NEXT):
        lines.control(url, GENUINE)
    lines.first(FIRST, GENUINE)
    lines.innocuous(NEXT, GENUINE)
    lines.twice(NEXT, GENUINE, f"tls:{RESET}", service="web")
    record = judged(lines, redirects)
    assert (record["state"], record["mechanisms"]) == ("blocked", ["tls.reset.sni"])
    assert judged(lines, {})["state"] == "ok"  # the first answer alone is fine


def test_untried_redirect_is_insufficient() -> None:
    lines, redirects = chain(NEXT)
    lines.first(FIRST, GENUINE)
    assert judged(lines, redirects)["state"] == "insufficient"


def test_redirect_to_another_domain_here_only_is_likely_blocked() -> None:
    lines, redirects = chain(ELSEWHERE)
    lines.lookup("notice.example", SECOND)
    lines.encrypted("notice.example", SECOND)
    lines.control(FIRST, GENUINE)
    lines.first(FIRST, GENUINE, redirect="notice.example")
    lines.confirm(FIRST, GENUINE, redirect="notice.example")
    lines.first(ELSEWHERE, SECOND, service="web")
    record = judged(lines, redirects)
    assert (record["state"], record["mechanisms"]) == ("likely_blocked", ["http.redirect"])


def test_junk_in_redirects_is_ignored() -> None:
    lines, _ = chain()
    lines.first(FIRST, GENUINE)
    for junk in (None, [], "x", {"other": [NEXT]}, {"web": "x"}, {"web": [1, None]}):
        assert judged(lines, junk)["state"] == "ok"
