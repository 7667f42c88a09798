"""Test the screens: consent, start, run, result, history, difference, handing over, settings and removal."""

import asyncio
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from probe.formats.origin import REAL
from probe.ui.interface_server import SCREENS
from tests.ui.made_up import FINDING, NOTE, MadeUp, Served, offered, recorded

RIGHT = {"question1": "yes", "question2": "no", "agree": "yes"}
ALL = {"app": "signal"}


async def ended(served: Served) -> None:
    """Wait until the run has ended."""
    assert served.interface.run is not None
    await asyncio.wait_for(served.interface.run.watching, 30)


async def test_nothing_starts_without_consent(tmp_path: Path) -> None:
    async with offered(MadeUp(tmp_path, consent=False)) as served:
        assert (await served.get("")).header("Location") == "welcome"
        refused = await served.post("run", ALL)
        assert refused.status == 409 and "you did not agree" in refused.text()
        assert served.interface.run is None and served.commands.wanted == []


@pytest.mark.parametrize(
    ("answers", "sentence"),
    [
        ({}, "Please answer this question."),
        (RIGHT | {"question1": "no"}, "It is seen."),
        (RIGHT | {"question2": "yes"}, "It is not sent."),
        (RIGHT | {"agree": "no"}, "you did not agree"),
        ({"question1": "yes", "question2": "no"}, "you did not agree"),
    ],
)
async def test_wrong_answer_is_explained_and_nothing_is_kept(
    tmp_path: Path, answers: dict[str, str], sentence: str
) -> None:
    async with offered(MadeUp(tmp_path, consent=False)) as served:
        page = await served.post("welcome", answers)
        assert page.status == 422 and sentence in page.text() and "Everything that can happen." in page.text()
        assert not served.commands.consent and not served.interface.has_consent()


async def test_right_answers_are_kept(tmp_path: Path) -> None:
    async with offered(MadeUp(tmp_path, consent=False)) as served:
        assert (await served.post("welcome", RIGHT)).header("Location") == "./"
        assert served.commands.consent
        assert "You agreed to this text." in (await served.get("welcome")).text()


@pytest.mark.parametrize("choice", ["public_helper", "token"])
@pytest.mark.parametrize(("given", "chosen"), [(None, None), ("no", False), ("yes", True), ("maybe", None)])
async def test_choice_is_kept_if_it_is_made(
    tmp_path: Path, choice: str, given: str | None, chosen: bool | None
) -> None:
    async with offered(MadeUp(tmp_path, consent=False)) as served:
        assert {"It helps.", "It is a code."} <= set(re.findall(r"It [a-z ]+\.", (await served.get("welcome")).text()))
        answers = RIGHT if given is None else {**RIGHT, choice: given}
        assert (await served.post("welcome", answers)).header("Location") == "./"
        assert served.commands.chosen.get(choice) is chosen


async def test_choice_is_not_kept_before_the_right_answers(tmp_path: Path) -> None:
    async with offered(MadeUp(tmp_path, consent=False)) as served:
        page = await served.post("welcome", {**RIGHT, "agree": "no", "token": "yes"})
        assert page.status == 422 and not served.commands.chosen
        assert 'name="token" value="yes" checked' in page.text()


async def test_choice_that_cannot_be_kept_is_named(tmp_path: Path) -> None:
    async with offered(MadeUp(tmp_path, consent=False, keeps_choices=False)) as served:
        page = await served.post("welcome", {**RIGHT, "token": "yes"})
        assert "not kept" in page.text() and served.commands.consent


async def test_settings_change_the_choice_about_tokens(tmp_path: Path) -> None:
    async with offered(MadeUp(tmp_path, chosen={"token": True})) as served:
        assert 'name="token" value="yes" aria-describedby="token-why" checked' in (await served.get("settings")).text()
        await served.post("settings", {"helper": "a"})
        assert not served.commands.chosen["token"]
        await served.post("settings", {"helper": "a", "token": "yes"})
        assert served.commands.chosen["token"]


async def test_chosen_apps_are_measured(tmp_path: Path) -> None:
    async with offered(MadeUp(tmp_path)) as served:
        begun = await served.post("run", {"app": "signal", "depth": "deep", "helper": " https://h.example "})
        assert (begun.status, begun.header("Location")) == (303, "running")
        await ended(served)
        (wanted,) = served.commands.wanted
        assert (list(wanted.names), wanted.depth, wanted.helper) == (["signal"], "deep", "https://h.example")


async def test_bad_choices_are_refused_in_words(tmp_path: Path) -> None:
    async with offered(MadeUp(tmp_path)) as served:
        assert "Choose at least one app." in (await served.post("run", {"app": "unknown"})).text()
        assert "There is no such file." in (await served.post("run", {**ALL, "helper": "bad"})).text()
        assert served.interface.run is None


async def test_second_start_is_refused_while_one_runs(tmp_path: Path) -> None:
    async with offered(MadeUp(tmp_path, seconds=30)) as served:
        await served.post("run", ALL)
        second = await served.post("run", ALL)
        assert second.status == 409 and "A run is under way." in second.text()
        assert len(served.commands.wanted) == 1
        assert "A run is under way." in (await served.post("remove", {"sure": "yes"})).text()
        assert served.commands.removed == []


async def test_running_page_has_all_findings_so_far(tmp_path: Path) -> None:
    async with offered(MadeUp(tmp_path, seconds=30)) as served:
        await served.post("run", ALL)
        run = served.interface.run
        assert run is not None
        while run.progress["done"] == 0:
            await run.changed(10)
        page = (await served.get("running")).text()
        assert "&lt;b&gt;A&lt;/b&gt;: blocked" in page and "network: AS64500" in page and "1 of 2 done" in page
        assert 'data-after="2"' in page and 'http-equiv="refresh"' in page  # the second is for browsers without script
        await served.post("stop", {})
        await ended(served)
        page = (await served.get("running")).text()
        assert "The run was stopped" in page and "What was measured before that is kept." in page
        assert 'href="result?run=great-firewall.jsonl"' in page and "&lt;b&gt;A&lt;/b&gt;: blocked" in page


async def test_complete_run_leads_to_its_result(tmp_path: Path) -> None:
    async with offered(MadeUp(tmp_path)) as served:
        await served.post("run", ALL)
        await ended(served)
        assert (await served.get("running")).header("Location") == "result?run=great-firewall.jsonl"


async def test_failed_run_says_why(tmp_path: Path) -> None:
    refused: dict[str, object] = {"event": "refused", "text": "A VPN carries the traffic."}
    async with offered(MadeUp(tmp_path, code=4, events=[refused])) as served:
        await served.post("run", ALL)
        await ended(served)
        page = (await served.get("running")).text()
        assert "This network cannot be measured now." in page and "A VPN carries the traffic." in page


async def test_events_come_from_where_the_page_ends(tmp_path: Path) -> None:
    async with offered(MadeUp(tmp_path)) as served:
        await served.post("run", ALL)
        await ended(served)
        whole = (await served.get("events?after=0")).text()
        assert [line for line in whole.splitlines() if line.startswith(("event", "id"))] == [
            *("event: item", "id: 1", "event: item", "id: 2", "event: progress", "event: end")
        ]
        items = [json.loads(line[6:]) for line in whole.splitlines() if line.startswith("data: ")]
        assert items[0] == {"kind": "note", "state": "", "text": NOTE["text"]}
        assert items[1] == {"kind": "finding", "state": "blocked", "text": FINDING["text"]}
        assert "id: 1" not in (await served.get("events?after=1")).text()
        again = (await served.get("events?after=0", Last_Event_ID="2")).text()
        assert "event: item" not in again and "event: end" in again
        assert "event: item" in (await served.get("events?after=-1")).text()


async def test_result_is_that_of_the_run_page(tmp_path: Path) -> None:
    async with offered(MadeUp(tmp_path)) as served:
        page = (await served.get("result?run=great-firewall.jsonl")).text()
        assert "7 of 9 apps do not work" in page and 'class="card blocked"' in page and 'class="rows"' in page
        assert page.count("<main") == page.count("<h1>") == 1


@pytest.mark.parametrize("name", ["", "../clean.jsonl", "/etc/passwd", "other.jsonl"])
async def test_other_files_are_not_shown(tmp_path: Path, name: str) -> None:
    async with offered(MadeUp(tmp_path)) as served:
        for screen in ("result", "share", "publish"):
            answer = await served.get(f"{screen}?run={name}")
            assert answer.status == 409 and "no longer in the results folder" in answer.text()


@pytest.mark.parametrize("name", ["", "../config.toml", "0123456789abcdef.censorprobe.zst", "/etc/passwd"])
async def test_only_shared_files_are_given(tmp_path: Path, name: str) -> None:
    async with offered(MadeUp(tmp_path)) as served:
        assert (await served.get(f"file?name={name}")).status == 409


async def test_shared_file_is_given_as_a_download(tmp_path: Path) -> None:
    file = tmp_path / "shared" / "0123456789abcdef.censorprobe.zst"
    file.parent.mkdir()
    file.write_bytes(b"packed")
    async with offered(MadeUp(tmp_path)) as served:
        answer = await served.get(f"file?name={file.name}")
        assert (answer.status, answer.body) == (200, b"packed")
        assert answer.header("Content-Disposition") == f'attachment; filename="{file.name}"'


async def test_history_counts_what_it_leaves_out(tmp_path: Path) -> None:
    commands = MadeUp(tmp_path, names=tuple(f"run{number}" for number in range(12)))
    async with offered(commands) as served:
        page = (await served.get("history")).text()
        assert page.count('name="before"') == 10 and "Show 2 older runs too" in page and "1 unusable line" in page
        assert (await served.get("history?most=12")).text().count('name="before"') == 12
    async with offered(MadeUp(tmp_path, names=())) as served:
        assert "There are no runs yet." in (await served.get("history")).text()


async def test_difference_names_the_apps_that_changed(tmp_path: Path) -> None:
    async with offered(MadeUp(tmp_path)) as served:
        page = (await served.get("difference?before=clean.jsonl&after=great-firewall.jsonl")).text()
        telegram = page[page.index("<bdi>Telegram") :]
        assert telegram.index(">WORKS<") < telegram.index(">LIKELY BLOCKED<")
        assert "WeChat" not in page and "different networks" not in page
        same = await served.get("difference?before=clean.jsonl&after=clean.jsonl")
        assert same.status == 409 and "Choose two different runs." in same.text()


async def test_hand_over_shows_what_leaves_before_it_writes(tmp_path: Path) -> None:
    async with offered(MadeUp(tmp_path)) as served:
        shown = (await served.get("share?run=clean.jsonl")).text()
        assert "<code>probe_asn</code>" in shown and "removed" in shown
        refused = await served.post("share", {"run": "clean.jsonl", "key": "x"})
        assert refused.status == 409 and "no key" in refused.text()
        written = (await served.post("share", {"run": "clean.jsonl"})).text()
        assert "one &lt;two&gt;\nthree" in written and 'd="M4 4h1v1h-1zM5 5h1v1h-1z"' in written


AGREED = {"run": "clean.jsonl", "key": "key of clean", "agree": "yes"}


async def test_publishing_shows_what_becomes_public_and_asks(tmp_path: Path) -> None:
    async with offered(MadeUp(tmp_path)) as served:
        shown = (await served.get("publish?run=clean.jsonl")).text()
        assert "<code>all</code> is public" in shown and "<code>probe_asn</code>" in shown and "removed" in shown
        assert 'name="key" value="key of clean"' in shown and 'name="agree" value="yes">' in shown
        for answer in ({}, {"agree": "no"}, {"agree": "maybe"}):
            asked = {name: value for name, value in AGREED.items() if name != "agree"} | answer
            refused = await served.post("publish", asked)
            assert refused.status == 409 and "you did not agree" in refused.text() and "is public" in refused.text()
        assert served.commands.published == [] and served.interface.publication is None


async def test_published_run_has_its_outcome_on_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe.ui.publishing.WAITED_FOR", 0.01)
    async with offered(MadeUp(tmp_path)) as served:
        assert (await served.get("published")).header("Location") == "history"
        begun = await served.post("publish", AGREED)
        assert (begun.status, begun.header("Location")) == (303, "published")
        page = (await served.get("published")).text()
        assert "being sent" in page and 'http-equiv="refresh"' in page and "sent: 1" not in page
        served.commands.sends.set()
        assert served.interface.publication is not None
        await served.interface.publication.sending
        page = (await served.get("published")).text()
        assert "sent: 1" in page and "&lt;b&gt;not all&lt;/b&gt;" in page and "signal  sent  20261124" in page
        assert 'href="result?run=clean.jsonl"' in page and 'http-equiv="refresh"' not in page
        assert served.commands.published == ["clean"]


async def test_nothing_else_begins_while_a_run_is_published(tmp_path: Path) -> None:
    async with offered(MadeUp(tmp_path)) as served:
        await served.post("publish", AGREED)
        for name, fields in (("publish", AGREED), ("run", ALL), ("remove", {"sure": "yes"})):
            refused = await served.post(name, fields)
            assert refused.status == 409 and "A run is being published." in refused.text(), name
        assert served.commands.published == ["clean"] and not served.commands.wanted and not served.commands.removed


async def test_no_run_is_published_while_one_is_measured(tmp_path: Path) -> None:
    async with offered(MadeUp(tmp_path, seconds=30)) as served:
        await served.post("run", ALL)
        refused = await served.post("publish", AGREED)
        assert refused.status == 409 and "A run is under way." in refused.text() and served.commands.published == []


async def test_refusal_of_the_command_stands_on_the_page(tmp_path: Path) -> None:
    async with offered(MadeUp(tmp_path)) as served:
        assert (await served.post("publish", AGREED | {"key": "x"})).status == 303
        page = await served.get("published")
        assert page.status == 409 and "another key" in page.text() and 'http-equiv="refresh"' not in page.text()


async def test_run_of_a_real_network_can_be_published_and_one_of_the_lab_cannot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offers = ('href="share?run=clean.jsonl"', 'href="publish?run=clean.jsonl"')
    async with offered(MadeUp(tmp_path)) as served:
        page = (await served.get("result?run=clean.jsonl")).text()
        assert not any(offer in page for offer in offers)
        monkeypatch.setattr(MadeUp, "run_facts", lambda self, run: replace(recorded(run.stem), origin=REAL))
        page = (await served.get("result?run=clean.jsonl")).text()
        assert all(offer in page for offer in offers)


async def test_settings_are_changed_or_refused(tmp_path: Path) -> None:
    async with offered(MadeUp(tmp_path)) as served:
        assert "https://helper.example" in (await served.get("settings")).text()
        refused = await served.post("settings", {"helper": "bad", "results": "/tmp/x"})
        assert "no helper" in refused.text() and 'value="/tmp/x"' in refused.text()
        assert (await served.post("settings", {"helper": " a ", "results": ""})).header("Location") == "settings?saved"
        assert served.commands.changed == [("a", "", "")]


async def test_removal_needs_a_second_confirmation(tmp_path: Path) -> None:
    async with offered(MadeUp(tmp_path)) as served:
        assert str(tmp_path / "two") in (await served.get("remove")).text()
        assert (await served.post("remove", {})).status == 409
        assert served.commands.removed == []
        done = await served.post("remove", {"sure": "yes"})
        assert "Removed 2 files and folders." in done.text()
        assert served.commands.removed == [tmp_path / "one", tmp_path / "two"]
        assert (await served.get("")).header("Location") == "welcome"


async def test_button_ends_the_program(tmp_path: Path) -> None:
    async with offered(MadeUp(tmp_path)) as served:
        assert "This program has ended" in (await served.post("end", {})).text()
        await asyncio.wait_for(served.interface.ended.wait(), 10)


async def test_bug_is_reported_without_its_text(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    commands = MadeUp(tmp_path)
    commands.apps = lambda: 1 // 0  # type: ignore[assignment, method-assign, return-value]
    async with offered(commands) as served:
        answer = await served.get("")
        assert answer.status == 500 and "This is a bug in probe." in answer.text()
    assert capfd.readouterr().err.startswith("probe: a bug in probe: ZeroDivisionError")


async def test_pages_name_language_and_direction(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe.ui.screens.language", lambda: "fa")
    async with offered(MadeUp(tmp_path)) as served:
        for name in sorted(
            set(SCREENS) - {"screens.css", "running.js", "events", "running", "file", "difference", "published"}
        ):
            page = await served.get(f"{name}?run=clean.jsonl")
            assert '<html lang="fa" dir="rtl">' in page.text(), name
