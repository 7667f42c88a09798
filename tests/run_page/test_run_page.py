"""Test the page as HTML: its policy, hostile texts, sizes, languages and styles."""

import base64
import hashlib
import re
from gettext import NullTranslations
from html.parser import HTMLParser
from typing import Any

import pytest

from probe.messages import catalogue
from probe.run_page.run_facts import ShownAttempt
from probe.run_page.run_page import LONGEST_TEXT, page_style, run_page
from tests.analysis.verdicts.test_apps import TARGETS, record
from tests.support.measurements.recorded_runs import recorded_run, run_of

EVIL = '</title><script>alert(1)</script><img src=x onerror="alert(1)"> {{7*7}} \'"& \u202e\x1b[31m\x07 \u2066end'
ESCAPED = "\\u202e\\u001b[31m\\u0007 \\u2066end"
OWN_TAGS = {
    *("html", "head", "meta", "title", "link", "style", "body", "header", "main", "footer", "section", "article"),
    *(
        "h1",
        "h2",
        "h3",
        "h4",
        "p",
        "strong",
        "span",
        "bdi",
        "dl",
        "div",
        "dt",
        "dd",
        "ul",
        "li",
        "figure",
        "figcaption",
    ),
    *("details", "summary", "svg", "g", "line", "circle", "path", "text"),
}


class Tags(HTMLParser):
    """Hold the elements of a page with their attributes, its texts, and the elements that were left open."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def page_of(records: list[dict[str, Any]], targets: Any = TARGETS, attempts: Any = ()) -> str:
    return run_page(run_of(records, dict(targets), attempts))


@pytest.fixture(scope="module")
def recorded() -> str:
    return run_page(recorded_run("great-firewall"))


def test_policy_allows_own_style_only(recorded: str) -> None:
    policies = [attrs["content"] or "" for _, attrs in Tags(recorded).tags if "http-equiv" in attrs]
    style = base64.b64encode(hashlib.sha256(page_style().encode()).digest()).decode()
    assert policies == [
        f"default-src 'none'; style-src 'sha256-{style}'; img-src data:; base-uri 'none'; form-action 'none'"
    ]
    assert f"<style>{page_style()}</style>" in recorded


def test_page_has_no_script_and_no_address(recorded: str) -> None:
    tags = Tags(recorded).tags
    assert {tag for tag, _ in tags} <= OWN_TAGS
    assert [attrs["href"] for _, attrs in tags if "href" in attrs] == ["data:,"]
    assert not [name for _, attrs in tags for name in attrs if name.startswith("on") or name in {"style", "src"}]
    assert "url(" not in page_style() and "@import" not in page_style()


def test_every_picture_has_a_text(recorded: str) -> None:
    pictures = [attrs for tag, attrs in Tags(recorded).tags if tag == "svg"]
    assert len(pictures) > 20
    assert all(attrs.get("role") == "img" and attrs.get("aria-label") for attrs in pictures)


def hostile_page() -> str:
    """Return a page with markup and control characters in each text of its measurements."""
    fields = ("target", "because", "rule_id", "probe_cc", "probe_asn", "measurement_file", "measurement_start_time")
    evil: dict[str, Any] = dict.fromkeys(fields, EVIL) | {"service": f"{EVIL}/x", "mechanisms": [EVIL]}
    one = record("chat", "blocked") | evil | {"hop": {"ttl": 3, "address": EVIL, "asn": 1}}
    invalid = record("x", None) | evil | {"target": "other", "valid": False, "invalid_reason": EVIL}
    transaction = dict.fromkeys(("kind", "followup", "sent_name", "address", "failure", "failed_operation"), EVIL)
    run = run_of([one, invalid], {EVIL: {"title": EVIL}}, [ShownAttempt(EVIL, 1.0, transaction)])
    run.network = run.software = EVIL
    return run_page(run)


@pytest.mark.parametrize(
    ("scenario", "sentence"),
    [
        ("port-443-reset", "This network cuts off all encrypted web connections (port 443)"),
        ("international-cut", "Nothing outside the country answers"),
        ("quic-blocked", "This network blocks the web protocol QUIC."),
        ("udp-less-line", "UDP does not pass in this network"),
    ],
)
def test_page_says_what_the_network_does(scenario: str, sentence: str) -> None:
    assert sentence in " ".join(Tags(run_page(recorded_run(scenario))).words)


def test_hostile_texts_stay_text() -> None:
    page = hostile_page()
    found = Tags(page)
    assert {tag for tag, _ in found.tags} <= OWN_TAGS
    assert not re.search(r"[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069]", page)
    shown = " ".join(found.words)
    assert shown.count(ESCAPED) > 8 and "{{7*7}}" in shown and "49" not in shown
    labels = [attrs["aria-label"] or "" for _, attrs in found.tags if "aria-label" in attrs]
    assert len(labels) == 2


def test_long_texts_are_cut_off() -> None:
    page = page_of([record("chat", "blocked", because="x" * 100_000, mechanisms=["y" * 100_000])])
    assert "x" * LONGEST_TEXT + "…" in page and "x" * (LONGEST_TEXT + 1) not in page
    assert len(page) < 40_000


def test_names_are_isolated() -> None:
    title = "\u0648\u0627\u062a\u0633\u0627\u0628"
    page = page_of([record("chat", "ok")], {"whatsapp": {"title": title}})
    assert f"<bdi>{title}</bdi></h3>" in page and "<bdi>whatsapp/chat</bdi>" in page


def test_page_of_10_000_services_is_small() -> None:
    many = [record(f"s{n % 100}", "blocked", target=f"app{n // 100}") for n in range(9_900)]
    same = [record(f"s{n}", "ok") for n in range(100, 10_000)]
    assert len(page_of(many)) < 20_000_000
    assert len(page_of(same)) < 200_000


@pytest.mark.parametrize(("code", "shown"), [("en", 'lang="en" dir="ltr"'), ("fa", 'lang="fa" dir="rtl"')])
def test_page_names_its_language(monkeypatch: pytest.MonkeyPatch, code: str, shown: str) -> None:
    class Other(NullTranslations):
        """A catalogue of another language without sentences."""

        def info(self) -> dict[str, str]:
            return {"language": code}

    monkeypatch.setattr(catalogue, "_translations", Other())
    assert f"<html {shown}>" in page_of([record("chat", "ok")])


def test_language_without_catalogue_is_english() -> None:
    assert catalogue.language() == "en"
