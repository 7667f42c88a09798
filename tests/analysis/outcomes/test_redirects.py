"""A web address works where it leads, or not at all: the hops of a chain are judged as its endpoints."""

from typing import Any

from probe.analysis.verdicts.verdicts import judge_measurement
from tests.support.measurements.lines import GENUINE, SECOND, Lines

FIRST, NEXT = "http://www.site.example:80/", "https://www.site.example:443/start?[scrubbed]"
ELSEWHERE = "http://notice.example:80/"
RESET = "connection_reset"


def chain(*hops: str) -> tuple[Lines, dict[str, list[str]]]:
    """An address whose first answer came and led on."""
    lines = Lines({"web": [FIRST]}, target="http://www.site.example/")
    lines.lookup("www.site.example", GENUINE)
    lines.encrypted("www.site.example", GENUINE)
    return lines, {"web": list(hops)}


def judged(lines: Lines, redirects: Any) -> dict[str, Any]:
    line = lines.line()
    line["test_keys"]["x_redirects"] = redirects
    (record,) = judge_measurement(line, file="a.jsonl", number=1)
    return record


def test_a_chain_that_works() -> None:
    lines, hops = chain(NEXT)
    lines.first(FIRST, GENUINE)
    lines.first(NEXT, GENUINE, service="web")
    record = judged(lines, hops)
    assert (record["state"], record["proof"]) == ("ok", "http")
    assert [endpoint["endpoint"] for endpoint in record["endpoints"]] == [FIRST, NEXT]


def test_the_address_is_blocked_where_the_hop_is() -> None:
    lines, hops = chain(NEXT)
    for url in (FIRST, NEXT):
        lines.control(url, GENUINE)
    lines.first(FIRST, GENUINE)
    lines.innocuous(NEXT, GENUINE)
    lines.twice(NEXT, GENUINE, f"tls:{RESET}", service="web")
    record = judged(lines, hops)
    assert (record["state"], record["mechanisms"]) == ("blocked", ["tls.reset.sni"])
    assert judged(lines, {})["state"] == "ok"  # the first answer alone would have said so


def test_a_hop_that_was_not_tried_leaves_nothing_certain() -> None:
    lines, hops = chain(NEXT)
    lines.first(FIRST, GENUINE)
    assert judged(lines, hops)["state"] == "insufficient"


def test_a_redirect_to_another_domain_here_alone_accuses_though_that_page_comes() -> None:
    lines, hops = chain(ELSEWHERE)
    lines.lookup("notice.example", SECOND)
    lines.encrypted("notice.example", SECOND)
    lines.control(FIRST, GENUINE)
    lines.first(FIRST, GENUINE, redirect="notice.example")
    lines.first(ELSEWHERE, SECOND, service="web")
    record = judged(lines, hops)
    assert (record["state"], record["mechanisms"]) == ("likely_blocked", ["http.redirect"])


def test_junk_in_the_place_of_hops_is_no_hop() -> None:
    lines, _ = chain()
    lines.first(FIRST, GENUINE)
    for junk in (None, [], "x", {"other": [NEXT]}, {"web": "x"}, {"web": [1, None]}):
        assert judged(lines, junk)["state"] == "ok"
