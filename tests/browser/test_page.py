"""Test the HTML page in Chromium from file://: requests, keyboard, small and dark screens, large data."""

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
from playwright.sync_api import Browser, Page, expect

from probe.analysis.verdicts.verdict_row import VerdictRow
from tests.analysis.compare.test_events import bad, fine
from tests.support.browser import Seen, made
from tests.support.measurements.store_world import page_of
from tests.support.measurements.verdict_rows import PLAIN, large_store, rows

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
SERIOUS = {"serious", "critical"}
ENDPOINTS = json.dumps(
    [
        {
            "endpoint": "https://web.telegram.org:443/",
            "state": "blocked",
            "mechanisms": ["tls.reset.sni"],
            "proof": "tcp",
            "rule_id": "failure_follows_name",
            "transactions": [3, 7],
        }
    ]
)


def world() -> list[VerdictRow]:
    """Return rows of two countries. One of them blocks one of three services from the eleventh day on."""
    there = {"probe_cc": "DE", "probe_asn": "AS3320", "network": ""}
    here = {"service": "telegram/web", "endpoints": ENDPOINTS, "because": "The reset follows the name."}
    chat = {"service": "signal/chat", "target": "signal"}
    calls = {"service": "signal/calls", "target": "signal"}
    return [
        *(fine(5, range(10), **here) + bad(30, range(10, 20), **here) + fine(6, range(20), **there)),
        *(fine(2, range(20), **chat) + fine(2, range(20), **chat, **there) + rows(1, "down", **calls)),
    ]


def cell(page: Page, service: str, vantage: str) -> Any:
    return page.locator(f'td[aria-label^="{service}, {vantage}"]')


def test_page_opens_without_requests(open_page: Seen) -> None:
    page = open_page.show(made(world()))
    assert page.title() == "What is blocked, how and where"
    shown = " ".join(cell(page, "telegram/web", "IR Iran AS64500").inner_text().split())
    assert shown == "BLOCKED 300/300, since 2026-10-11, fails 72-100 % tls.reset.sni"
    assert cell(page, "signal/calls", "DE Germany AS3320").inner_text() == "not measured"
    assert "Deutsche Telekom" in page.locator("thead").first.inner_text()


def test_request_is_blocked_and_noticed(page: Page, tmp_path: Path) -> None:
    """Check that the policy blocks a request, and that the listener of the other tests records it."""
    seen = Seen(page, tmp_path)
    page.on("console", lambda message: seen.errors.append(message.text))
    seen.show(made(world()).replace("<header>", '<header><img src="http://127.0.0.1:9/x.png"><script>open()</script>'))
    refused = [error for error in seen.errors if "Content Security Policy" in error]
    assert len(refused) == 2


def test_click_on_cell_shows_evidence(open_page: Seen) -> None:
    page = open_page.show(made(world()))
    assert page.locator("#detail").is_hidden()
    cell(page, "telegram/web", "IR Iran AS64500").click()
    text = page.locator("#detail").inner_text()
    for part in (
        *("telegram/web at IR Iran AS64500", "BLOCKED 300/300, since 2026-10-11"),
        *("The reset follows the name.", "service_ok"),
        *("https://web.telegram.org:443/", "failure_follows_name", "3, 7", "a.jsonl, line", "350 at most"),
    ):
        assert part in text, part


def test_invalid_run_shows_reason(open_page: Seen) -> None:
    page = open_page.show(made(rows(1, "", valid=False, invalid_reason="vpn", because="A VPN carries the traffic.")))
    page.locator("#grid td").click()
    text = page.locator("#detail").inner_text()
    assert "1 not counted: VPN" in text and "A VPN carries the traffic." in text and "not valid" in text


def test_filters_reduce_cells(open_page: Seen) -> None:
    page = open_page.show(made(world()))
    columns, services = page.locator("#grid thead th[scope=col]"), page.locator("#grid tbody th")
    assert (columns.count(), services.count()) == (3, 3)
    filters = page.locator("#filters")
    filters.get_by_label("Country").select_option("DE")
    assert columns.count() == 2
    filters.get_by_label("Country").select_option("")
    filters.get_by_label("Mechanism").select_option("tls.reset.sni")
    assert services.all_inner_texts() == ["telegram/web"]
    filters.get_by_label("Mechanism").select_option("")
    filters.get_by_label("Target").select_option("signal")
    assert services.all_inner_texts() == ["signal/calls", "signal/chat"]
    filters.get_by_label("Network").select_option("AS3320")
    assert "2 of 3 services, 1 of 2 vantage points" in page.locator("#shown").inner_text()


def test_keyboard_reaches_all_cells(open_page: Seen) -> None:
    page = open_page.show(made(world()))
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('#grid td')"):
            break
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    assert page.locator("#detail-title").inner_text() == page.evaluate("document.activeElement.textContent")
    assert page.locator("#detail-title").inner_text().startswith("telegram/web at DE Germany AS3320")
    page.keyboard.press("Escape")
    assert page.locator("#detail").is_hidden()
    assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith(
        "telegram/web, DE Germany AS3320"
    )


def test_list_has_every_cell(open_page: Seen) -> None:
    page = open_page.show(made(world()))
    page.locator("#list summary").click()
    expect(page.locator("#list-table tbody tr")).to_have_count(6)
    assert "a.jsonl:" in page.locator("#list-table").inner_text()


EVIL = (
    "</noscript></script><img src=x onerror=\"console.log('owned')\"><script>console.log('owned')</script>"
    "{{7*7}}'\"&lt;\u2028"
)


def test_script_in_any_field_stays_text(open_page: Seen) -> None:
    """Put markup into every text field, since texts from results files are untrusted."""
    evil = {column.name: EVIL for column in fields(PLAIN) if column.type is str}
    keep = {"day": "2026-11-24", "measurement_start_time": "2026-11-24T13:05:00Z", "state": "blocked"}
    keep |= {"lab": "", "synthetic": ""}  # artificial measurements are left out
    endpoint = json.dumps([dict.fromkeys(("endpoint", "state", "proof", "rule_id"), EVIL) | {"mechanisms": [EVIL]}])
    one = replace(PLAIN, **{**evil, **keep, "invalid_reason": "", "endpoints": endpoint})
    invalid = replace(one, line_hash="2", service=EVIL + "2", valid=False, invalid_reason=EVIL)
    page = open_page.show(made([one, invalid]))
    page.locator("#grid td").first.click()
    page.locator("#list summary").click()
    assert EVIL.split("\u2028")[0] in page.locator("#grid tbody th").first.text_content()  # type: ignore[operator]
    assert EVIL.split("\u2028")[0] in page.locator("#detail-body").text_content()  # type: ignore[operator]
    assert page.locator("img").count() == 0
    assert page.locator("script").count() == 2


def test_phone_shows_the_evidence_in_whole(browser: Browser, tmp_path: Path) -> None:
    with browser.new_context(viewport={"width": 390, "height": 844}) as context:
        page = Seen(context.new_page(), tmp_path).show(made(world()))
        cell(page, "telegram/web", "IR Iran AS64500").click()
        evidence = page.get_by_role("region", name="Evidence by endpoint")
        assert evidence.evaluate("(box) => box.scrollWidth - box.clientWidth") <= 0
        assert (
            evidence.locator("td").first.evaluate("(cell) => getComputedStyle(cell, '::before').content") == '"state"'
        )


@pytest.mark.parametrize(
    ("width", "scheme", "media"), [(1280, "light", "screen"), (390, "light", "screen"), (1280, "dark", "screen")]
)
def test_axe_finds_no_serious_problem(browser: Browser, tmp_path: Path, width: int, scheme: Any, media: Any) -> None:
    states = [rows(6, state, service=f"s/{state}") for state in ("likely_blocked", "degraded", "impaired", "ok")]
    html = made(world(), *states, *[rows(1, state, service=f"few/{state}") for state in ("ok", "degraded", "impaired")])
    with browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme) as context:
        page = Seen(context.new_page(), tmp_path).show(html)
        page.locator("#grid td").first.click()
        page.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")
        for picture in page.locator(".picture, #map-picture").all():  # they are drawn when they are first seen
            picture.scroll_into_view_if_needed()
            expect(picture.locator("svg").first).to_be_visible()
        page.evaluate(AXE)
        found = page.evaluate("axe.run()")
        grave = [violation for violation in found["violations"] if violation["impact"] in SERIOUS]
        assert not [(violation["id"], violation["nodes"][0]["html"][:200]) for violation in grave]
        assert len(found["passes"]) > 20  # the page was rendered
        assert page.evaluate("document.documentElement.scrollWidth") <= width  # no horizontal scrolling on a phone


def test_every_state_has_own_letter(open_page: Seen) -> None:
    """Check the letters of the states in a table of many columns."""
    states = ("blocked", "likely_blocked", "degraded", "impaired", "down", "ok")
    many = [rows(5, state, service=f"s/{state}", probe_asn=f"AS{number}") for state in states for number in range(7)]
    page = open_page.show(made(*many, rows(1, "ok", service="s/few", probe_asn="AS1")))
    letters = {page.locator(f"#grid td.{state}:not(.few)").first.inner_text() for state in states}
    assert len(letters) == len(states)
    assert page.locator("#grid td.few").inner_text() == "(✓)"
    assert page.locator("#grid td.gap").first.inner_text() == "·"


def test_table_is_there_without_script(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(made(world()), encoding="utf-8")
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto((tmp_path / "page.html").as_uri())
        text = page.locator("noscript table").inner_text()
    assert "Southern Asia" in text and "IR Iran AS64500" in text
    assert "telegram/web" in text and "BLOCKED 300/300, since 2026-10-11" in text


def test_print_has_words_and_no_controls(open_page: Seen) -> None:
    page = open_page.show(made(world(), *(rows(5, probe_asn=f"AS{number}") for number in range(40))))
    cell(page, "telegram/web", "IR Iran AS64500").click()
    page.emulate_media(media="print")
    picture, detail = page.locator("#grid").bounding_box(), page.locator("#detail").bounding_box()
    assert picture is not None and detail is not None
    assert detail["y"] >= picture["y"] + picture["height"]  # below it without overlap
    assert page.locator("#filters").is_hidden()
    assert cell(page, "telegram/web", "IR Iran AS64500").is_visible()
    assert page.pdf()[:5] == b"%PDF-"


def test_500_vantage_points_and_40_services_stay_fast(open_page: Seen) -> None:
    html = made(large_store())
    assert len(html) < 3_000_000  # Measured: 1.9 MB.
    page = open_page.show(html)
    assert page.locator("#grid td").count() == 20_000
    assert int(page.evaluate("document.documentElement.dataset.ready")) < 5000  # ms. Measured: 0.4 s.
    took = page.evaluate(
        "() => { const start = performance.now(), select = document.querySelectorAll('#filters select')[1];"
        " select.value = 't3'; select.dispatchEvent(new Event('change')); document.body.offsetHeight;"
        " return performance.now() - start; }"
    )
    assert page.locator("#grid tbody tr").count() == 4
    assert took < 2000


def test_stores_stand_beside_networks(open_page: Seen) -> None:
    page = open_page.show(page_of())
    signal = page.locator("#stores tbody tr").first.locator("td").all_inner_texts()
    assert [" ".join(text.split()) for text in signal][:3] == ["2 of 8", "absent blocked in 1", "absent works in 1"]
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") == 390
