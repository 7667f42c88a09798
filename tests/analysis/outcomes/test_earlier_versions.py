"""Test measurements of earlier versions of our probe: what they lack accuses nothing, and the verdict says so.

The fixture has lab measurements of commit 378bd3ba of 2026-11-25, as they were written. No format version was released
between that day and now. Their scenarios expected an accusation.
"""

import gzip
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from probe.analysis.engines.sql_engine import SQLiteEngine
from probe.analysis.verdicts.verdicts import judge_measurement
from probe.formats.__main__ import FIXTURE
from probe.formats.plain_json import places_of_entries
from tests.analysis.rules.test_every_rule_fires import RECORDED
from tests.support.suites import DECIDING

EARLIER = FIXTURE.parent / "earlier" / "2026-11-25.jsonl.gz"
Line = dict[str, Any]


def lines_of(path: Path) -> list[Line]:
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]


MEASURED = {line["annotations"]["lab"]: line for line in lines_of(EARLIER)}


@pytest.fixture(scope="module")
def engine() -> Iterator[SQLiteEngine]:
    with SQLiteEngine() as made:
        yield made


def record_of(line: Line, service: str, engine: SQLiteEngine) -> dict[str, Any]:
    (found,) = [
        record for record in judge_measurement(line, file="x", number=1, engine=engine) if record["service"] == service
    ]
    return found


@pytest.mark.parametrize(
    ("scenario", "rule"), [("dns-nxdomain", "dns_resolver_denies"), ("dns-injection", "dns_race_forged_first")]
)
def test_evidence_of_its_time_accuses(scenario: str, rule: str, engine: SQLiteEngine) -> None:
    """Judge a resolver that answered in the preflight, while other resolvers gave the true address."""
    record = record_of(MEASURED[scenario], "telegram/web", engine)
    assert (record["state"], record["rule_id"]) == ("blocked", rule)


def _without_preflight_answer(keys: Line) -> None:
    keys["x_run"]["preflight"]["resolver"] = None


def _as_new_version(keys: Line) -> None:
    keys["x_run"]["checks"] = ["near_reaction"]


def _long_after_other_resolvers(keys: Line) -> None:
    """Let the system resolver deny the name when nothing shows any more that the line works."""
    for each in keys["x_transactions"]:
        if each["hostname"] == "web.telegram.org" and each["address"] == "system":
            each["t0"], each["t"] = each["t0"] + 60, each["t"] + 60


@pytest.mark.parametrize(
    ("without", "rule"),
    [
        (_long_after_other_resolvers, "name_comparison_unrecorded"),
        (_without_preflight_answer, "name_comparison_unrecorded"),
        (_as_new_version, "name_not_compared"),
    ],
)
def test_evidence_is_missed_if_taken_away(without: Callable[[Line], None], rule: str, engine: SQLiteEngine) -> None:
    line = json.loads(json.dumps(MEASURED["dns-nxdomain"]))
    without(line["test_keys"])
    record = record_of(line, "telegram/web", engine)
    assert (record["state"], record["rule_id"]) == ("impaired", rule)


@pytest.mark.parametrize(
    ("scenario", "service", "rule", "says"),
    [
        ("dns-injection-alone", "telegram/web", "name_comparison_unrecorded", "Earlier rules accused without"),
        ("dns-servfail", "telegram/web", "dns_comparison_unrecorded", "Earlier rules accused without"),
        ("dns-silence", "telegram/web", "dns_comparison_unrecorded", "Earlier rules accused without"),
        ("http-blockpage", "wechat/short_link", "http_page_is_elsewhere_once", "requested once, because"),
        ("http-redirect", "wechat/short_link", "http_redirected_once", "No second answer shows"),
    ],
)
def test_withdrawn_verdict_says_why(scenario: str, service: str, rule: str, says: str, engine: SQLiteEngine) -> None:
    record = record_of(MEASURED[scenario], service, engine)
    assert (record["state"], record["rule_id"]) == ("impaired", rule) and says in record["because"]


def _recordings() -> list[Path]:
    return [EARLIER, FIXTURE, *sorted(RECORDED / f"{name}.jsonl.gz" for name in DECIDING)]


def test_page_that_is_known_as_a_block_page_is_never_ok(engine: SQLiteEngine) -> None:
    """Look at every unencrypted endpoint: a listed block page, or the page that a neutral host sends for the name."""
    seen = 0
    for path in _recordings():
        for line in lines_of(path):
            false = set(_endpoints_with_false_pages(line["test_keys"]))
            if not false:
                continue
            seen += len(false)
            for record in judge_measurement(line, file=path.name, number=1, engine=engine):
                fine = {each["endpoint"] for each in record["endpoints"] if each["state"] == "ok"}
                assert not fine & false, (path.name, record["service"], fine & false)
    assert seen > 15


def _endpoints_with_false_pages(keys: Line) -> Iterator[str]:
    answers = _answers(keys)
    there = {} if not keys["x_control"] else _answers(keys["x_control"].get("test_keys") or {})
    for endpoint in {url for url, _ in answers if url.startswith("http://")}:
        tried = [*answers.get((endpoint, "first"), ()), *answers.get((endpoint, "confirm"), ())]
        listed = [page for page in tried if page.get("x_fingerprints")]
        neutral = _digests(answers.get((endpoint, "same_name_neutral_host"), ()))
        genuine = _digests(there.get((endpoint, "first"), ())) | _digests(answers.get((endpoint, "innocuous"), ()))
        unlike = bool(genuine) and answers.get((endpoint, "innocuous")) and not (neutral & genuine)
        if tried and (len(listed) == len(tried) or (unlike and _digests(tried) <= neutral)):
            yield endpoint


def _digests(pages: Iterable[Line]) -> set[str]:
    """Return the digests and titles of pages. A proxy may change a page and leave its title."""
    return {page[key] for page in pages for key in ("x_body_sha256", "x_title") if page.get(key)}


def _answers(keys: Line) -> dict[tuple[str, str], list[Line]]:
    """Return the answers to requests by endpoint and kind of transaction."""
    known = {each["transaction_id"]: each for each in keys.get("x_transactions") or ()}
    found: dict[tuple[str, str], list[Line]] = {}
    for entry in (entry for holder in places_of_entries(keys) for entry in holder.get("requests") or ()):
        each, response = known.get(entry["transaction_id"]), entry.get("response") or {}
        if each and response.get("code") and entry.get("failure") is None:
            found.setdefault((each["endpoint"], each["followup"] or each["kind"]), []).append(response)
    return found
