"""Test `probe ui` in Chromium: the whole journey, tabs, reloads, attacks from other pages, and accessibility."""

import http.server
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Locator, Page, expect

from probe.cli.run.consent_text import VERSION
from tests.browser.conftest import FLAGS
from tests.browser.test_page import AXE
from tests.real.packages import BROWSER, FILES
from tests.support.local_server import Visited

ROOT = Path(__file__).parent.parent.parent
PATIENCE = 120_000  # ms for a run that is replayed
STATUS = "Failed to load resource: the server responded with a status of 4"  # of a page that says what is wrong


@dataclass(kw_only=True)
class Offered(Visited):
    """Hold a running interface of a user."""

    home: Path
    process: "subprocess.Popen[str]"

    def page(self, context: BrowserContext) -> Page:
        """Return a page whose requests and errors are recorded."""
        self.watch(context)
        return context.new_page()

    def check_pages(self) -> None:
        """Check that pages were seen, that they requested no other address, and that they logged no unknown error."""
        assert self.requests, "no request was seen"
        self.check(expected=[STATUS])


def started(folder: Path, seconds: float, *, consent: bool = True) -> Offered:
    """Start the interface of a user whose runs are recordings: first of a censored network, then of a free one."""
    settings = folder / "config" / "censorprobe"
    settings.mkdir(parents=True)
    if consent:
        (settings / "consent").write_text(VERSION)
    folders = {f"XDG_{name.upper()}_HOME": str(folder / name) for name in ("config", "state", "data")}
    replay = {"PROBE_REPLAY": "great-firewall,clean", "PROBE_REPLAY_SECONDS": str(seconds)}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.replayed", "ui"],
        cwd=ROOT,
        env={**os.environ, **folders, **replay, "PROBE_RESULTS": str(folder / "results")},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    return Offered(process.stdout.readline().strip(), home=folder, process=process)


def ended(offered: Offered) -> str:
    """End the interface, and return what it printed on stderr."""
    with offered.process as process:
        process.terminate()
        return process.communicate(timeout=120)[1]


@pytest.fixture
def new(tmp_path: Path) -> Iterator[Offered]:
    offered = started(tmp_path, 0.1, consent=False)
    yield offered
    assert ended(offered) == ""
    offered.check_pages()


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[Offered]:
    """Return an interface whose runs take a minute."""
    offered = started(tmp_path, 5.0)
    yield offered
    err = ended(offered)
    assert err == "" or err.startswith("The run under way was stopped. What was measured is kept.\nsaved ")
    offered.check_pages()


@pytest.fixture(scope="module")
def measured(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Offered]:
    """Return an interface in which two runs were made."""
    offered = started(tmp_path_factory.mktemp("measured"), 0.0)
    with browser.new_context() as context:
        page = offered.page(context)
        for _ in range(2):
            page.goto(offered.address)
            page.get_by_role("button", name="Start the measurement").click()
            page.wait_for_url("**/result?**", timeout=PATIENCE)
    yield offered
    assert ended(offered) == ""
    offered.check_pages()


def begin(page: Page, address: str) -> None:
    """Open the interface, and start a run."""
    page.goto(address)
    page.get_by_role("button", name="Start the measurement").click()
    expect(page.get_by_role("heading", name="The measurement runs")).to_be_visible()


def answer(page: Page, name: str, given: str) -> None:
    page.locator(f"input[name={name}][value={given}]").check()


@pytest.mark.timeout(300)  # for two runs
def test_whole_journey(new: Offered, page: Page) -> None:
    shown = new.page(page.context)
    shown.goto(new.address)
    assert "token" not in shown.url  # the browser's history has the folder only
    assert shown.evaluate("document.cookie") == "" and shown.evaluate("document.referrer") == ""
    consent(shown)
    measure_and_read(shown)
    compare(shown)
    hand_over(shown, new.home)
    change_settings(shown, new.home)
    remove_everything(shown, new.home)


def consent(page: Page) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text("What a measurement means for you")
    page.locator("summary").first.click()
    assert "8.8.8.8" in page.inner_text("main")
    answer(page, "question1", "no")
    answer(page, "question2", "no")
    answer(page, "agree", "yes")
    page.get_by_role("button", name="Continue").click()
    assert "can notice this tool, because it sends many names" in page.inner_text("main")
    answer(page, "question1", "yes")
    answer(page, "agree", "no")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("alert")).to_have_text("Nothing was sent, because you did not agree.")
    answer(page, "agree", "yes")
    page.get_by_role("button", name="Continue").click()


def measure_and_read(page: Page) -> None:
    assert page.get_by_role("checkbox").count() == 12
    page.get_by_label("Test helper outside this network").fill("nonsense")
    page.get_by_role("button", name="Start the measurement").click()
    expect(page.get_by_role("alert")).to_contain_text("is no URL of a test helper")
    page.get_by_label("Test helper outside this network").fill("")
    page.get_by_role("button", name="Start the measurement").click()
    expect(page.locator("#findings li")).not_to_have_count(0, timeout=PATIENCE)
    assert "of 12 done" in page.inner_text("#text")
    page.wait_for_url("**/result?**", timeout=PATIENCE)
    assert page.locator(".headline").inner_text().startswith("7 of 9 apps do not work: ")
    assert page.get_by_role("article").count() == 12


def compare(page: Page) -> None:
    page.get_by_role("link", name="Measure", exact=True).click()
    page.get_by_role("button", name="Start the measurement").click()
    page.wait_for_url("**/result?**", timeout=PATIENCE)
    page.get_by_role("link", name="Compare it with an earlier run").click()
    page.get_by_role("button", name="Compare the two chosen runs").click()
    row = page.get_by_role("row", name="WhatsApp")
    assert row.inner_text().split("\t")[1:] == ["BLOCKED", "WORKS"]
    assert page.get_by_role("row").count() == 11  # ten apps changed


def hand_over(page: Page, home: Path) -> None:
    page.get_by_role("link", name="Back to the earlier runs").click()
    page.locator("tbody a").last.click()
    page.get_by_role("link", name="Hand over this run").click()
    assert "The file was searched once more" in page.inner_text("main")
    assert not (home / "results" / "shared").exists()
    page.get_by_role("button", name="Write this file").click()
    assert "BLOCKED: Facebook and Messenger" in page.inner_text("pre")
    assert page.get_by_role("img", name="The text as a QR code").is_visible()
    (file,) = (home / "results" / "shared").iterdir()
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Save the file with the browser").click()
    assert waiting.value.suggested_filename == file.name
    assert Path(waiting.value.path()).read_bytes() == file.read_bytes()


def change_settings(page: Page, home: Path) -> None:
    page.get_by_role("link", name="Settings").click()
    page.get_by_label("Test helper for every run").fill("https://helper.example")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_have_text("The settings are saved.")
    saved = (home / "config" / "censorprobe" / "config.toml").read_text()
    assert saved.endswith('\ncontrol = "https://helper.example"\n')
    page.get_by_label("Language").select_option("fa")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("html[lang=fa][dir=rtl]")).to_be_visible()
    page.locator("#language").select_option("en")
    page.locator("main form button").click()
    expect(page.locator("html[lang=en]")).to_be_visible()
    page.get_by_text("cron", exact=False).first.click()
    assert f"--consent {VERSION}" in page.inner_text("details[open] pre")


def remove_everything(page: Page, home: Path) -> None:
    page.get_by_role("link", name="Show what would be removed").click()
    page.get_by_role("button", name="Remove all of this now").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was removed.")
    assert list(home.rglob("*.jsonl*"))
    page.get_by_label("I am sure.").check()
    page.get_by_role("button", name="Remove all of this now").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Everything was removed")
    assert [path for path in home.rglob("*") if path.is_file()] == []
    page.get_by_role("link", name="Measure", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("What a measurement means for you")


@pytest.mark.timeout(300)  # for a run that is slow on purpose
def test_run_is_shown_again_after_reload_in_other_tabs_and_after_the_browser_was_killed(
    slow: Offered, browser: Browser, page: Page
) -> None:
    first = slow.page(page.context)
    begin(first, slow.address)
    expect(first.locator("#findings li")).not_to_have_count(0, timeout=PATIENCE)
    before = first.locator("#findings li").all_inner_texts()
    first.reload()
    assert first.locator("#findings li").all_inner_texts()[: len(before)] == before
    second = page.context.new_page()
    second.goto(slow.address)
    second.get_by_role("link", name="Run under way").click()
    for each in (first, second):
        expect(each.locator("#findings li")).to_have_count(len(before) + 2, timeout=PATIENCE)
    second.get_by_role("link", name="Measure", exact=True).click()
    second.get_by_role("button", name="Start the measurement").click()
    expect(second.get_by_role("alert")).to_contain_text("A run is under way.")
    killed_and_reopened(slow, browser, len(before))


def killed_and_reopened(slow: Offered, browser: Browser, found: int) -> None:
    """Kill a browser of its own that follows the run, and see the run in another one."""
    own = browser.browser_type.launch(executable_path=FILES[BROWSER], args=FLAGS)
    page = own.new_page()
    page.goto(slow.address)
    page.get_by_role("link", name="Run under way").click()
    processes = own.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    os.kill(next(one["id"] for one in processes if one["type"] == "browser"), signal.SIGKILL)
    with pytest.raises(Error):
        page.goto("about:blank")
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(slow.address)
        page.get_by_role("link", name="Run under way").click()
        assert page.locator("#findings li").count() >= found
        page.get_by_role("button", name="Stop, and keep what is measured").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("The run was stopped", timeout=PATIENCE)
        page.get_by_role("link", name="Show the result").click()
        assert page.get_by_role("article").count() >= found


def test_run_without_script_is_followed_by_loading_again(slow: Offered, browser: Browser) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = slow.page(context)
        begin(page, slow.address)
        expect(page.locator("#findings li")).not_to_have_count(0, timeout=PATIENCE)  # the page loads itself again
        page.get_by_role("button", name="Stop, and keep what is measured").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("The run was stopped", timeout=PATIENCE)


def test_end_of_the_program_is_said_on_the_page(slow: Offered, page: Page) -> None:
    shown = slow.page(page.context)
    begin(shown, slow.address)
    expect(shown.locator("#findings li")).not_to_have_count(0, timeout=PATIENCE)
    shown.get_by_role("button", name="End this program").click()
    assert "what was measured is kept" in shown.inner_text("main")
    assert slow.process.wait(60) == 0
    assert list(slow.home.rglob("*.jsonl*"))


@pytest.mark.parametrize("token", ["", "?token=", f"?token={'x' * 43}"])
def test_wrong_token_is_refused(measured: Offered, browser: Browser, token: str) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        shown = page.goto(f"{measured.origin}/{token}")
        assert shown is not None and shown.status == 401
        assert "Open the address that probe ui printed." in page.inner_text("main")


def test_other_name_of_this_computer_is_refused(measured: Offered, page: Page) -> None:
    """Open the page under a name that Chromium resolves to 127.0.0.1, as after DNS rebinding."""
    shown = page.goto(measured.address.replace("127.0.0.1", "attacker.localhost"))
    assert shown is not None and shown.status == 421
    assert page.context.cookies() == []


class Elsewhere(http.server.BaseHTTPRequestHandler):
    """Serve a page at another port that sends a form to the interface, and note what arrives here."""

    target = ""
    seen: list[str] = []  # noqa: RUF012

    def do_GET(self) -> None:
        type(self).seen.append(str(self.headers))
        form = f'<form method="post" action="{self.target}"><input name="sure" value="yes"><button>Go</button></form>'
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(f"<!DOCTYPE html><title>Elsewhere</title>{form}".encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing."""


@pytest.mark.parametrize("host", ["127.0.0.1", "attacker.localhost"])
def test_form_of_another_page_changes_nothing_and_sees_no_cookie(measured: Offered, page: Page, host: str) -> None:
    """Send the form that removes everything from another port, which is the same site, and from another site."""
    page.goto(measured.address)
    assert len(page.context.cookies(page.url)) == 1
    Elsewhere.target, Elsewhere.seen = page.url + "remove", []
    with http.server.HTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page.goto(f"http://{host}:{server.server_port}/")
        with page.expect_navigation() as waiting:
            page.get_by_role("button", name="Go").click()
        server.shutdown()
    assert waiting.value is not None and waiting.value.status == 403
    assert "Another website sent this request." in page.inner_text("main")
    assert list(measured.home.rglob("*.jsonl*"))
    assert Elsewhere.seen and not any("censorprobe" in headers for headers in Elsewhere.seen)


def test_page_of_another_site_cannot_read(measured: Offered, page: Page) -> None:
    page.goto(measured.address)
    folder = page.url
    page.route("http://attacker.example/", lambda route: route.fulfill(body="<title>other</title>"))
    page.goto("http://attacker.example/")
    read = "url => fetch(url, {credentials: 'include'}).then(answer => answer.text()).catch(error => error.name)"
    assert page.evaluate(read, f"{folder}history") == "TypeError"


def test_inline_script_is_blocked(measured: Offered, page: Page) -> None:
    page.goto(measured.address)
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text))
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=alert(1)>')")
    page.wait_for_timeout(300)
    assert sum("Content Security Policy" in text for text in refused) >= 1


def screens(page: Page, address: str) -> Iterator[str]:
    page.goto(address)
    yield "start"
    folder = page.url
    for name in ("welcome", "history", "settings", "remove", "nothing"):
        page.goto(folder + name)
        yield name
    page.goto(folder + "history")
    follow(page, page.get_by_role("button", name="Compare the two chosen runs"))
    yield "difference"
    page.goto(folder + "history")
    follow(page, page.locator("tbody a").last)
    yield "result"
    follow(page, page.get_by_role("link", name="Hand over this run"))
    yield "share"
    follow(page, page.get_by_role("button", name="Write this file"))
    yield "shared"


def follow(page: Page, link: Locator) -> None:
    """Click on a link or button, and wait until the next screen has its style sheet."""
    with page.expect_navigation(wait_until="load"):
        link.click()


@pytest.mark.timeout(600)  # for ten screens
@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_screens_fit_and_axe_finds_no_problem(measured: Offered, browser: Browser, width: int, scheme: Any) -> None:
    with browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme) as context:
        page = measured.page(context)
        for name in screens(page, measured.address):
            check_fit_and_axe(page, width, name)


def check_fit_and_axe(page: Page, width: int, name: str) -> None:
    for summary in page.locator("summary").all()[:4]:
        summary.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width, name
    page.evaluate(AXE)
    found = page.evaluate("axe.run()")
    assert [(name, one["id"], one["nodes"][0]["html"][:200]) for one in found["violations"]] == []
    assert len(found["passes"]) > 10, name  # the page was rendered


@pytest.mark.timeout(300)  # for two runs
@pytest.mark.parametrize("width", [390, 1440])
def test_running_and_stopped_screens_fit_and_axe_finds_no_problem(slow: Offered, browser: Browser, width: int) -> None:
    for scheme in ("light", "dark"):
        with browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme) as context:
            page = slow.page(context)
            begin(page, slow.address)
            expect(page.locator("#findings li")).not_to_have_count(0, timeout=PATIENCE)
            check_fit_and_axe(page, width, "running")
            page.get_by_role("button", name="Stop, and keep what is measured").click()
            expect(page.get_by_role("heading", level=1)).to_have_text("The run was stopped", timeout=PATIENCE)
            check_fit_and_axe(page, width, "stopped")


def test_keyboard_reaches_everything(measured: Offered, page: Page) -> None:
    shown = measured.page(page.context)
    shown.goto(measured.address)
    shown.keyboard.press("Tab")
    assert shown.evaluate("document.activeElement.textContent") == "To the content"
    shown.keyboard.press("Enter")
    shown.keyboard.press("Tab")
    assert shown.evaluate("document.activeElement.name") == "app"
    names = set()
    for _ in range(20):
        shown.keyboard.press("Tab")
        names.add(shown.evaluate("document.activeElement.name || document.activeElement.textContent"))
    assert {"depth", "helper", "Start the measurement", "End this program"} <= names


def test_welcome_explains_to_screen_readers_why_an_answer_is_wrong(new: Offered, page: Page) -> None:
    shown = new.page(page.context)
    shown.goto(new.address)
    shown.get_by_role("button", name="Continue").click()
    group = shown.get_by_role("group", name="Can a person who watches your connection notice this tool?")
    expect(group.get_by_role("radio").first).to_have_accessible_description("Please answer this question.")
