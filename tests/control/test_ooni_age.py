"""Test how old a success of OONI's helper may be. Its answers carry no age, and a cache on the way may keep them."""

import asyncio
import time
from typing import Any

import pytest

from probe.analysis.verdicts.verdicts import judge_measurement
from probe.control import ooni
from probe.control.attempt_times import age_in_cache, since
from probe.control.merged_answers import add_attempts
from probe.control.ooni import OONIHelper
from probe.formats import failures as f
from probe.steps.tls.certificate_checks import load_roots
from tests.control.test_ooni import HOST, WEB, helper, session, target
from tests.support.measurements.lines import GENUINE, Lines
from tests.support.ooni.helper import SimulatedHelper, serving_helper

DOWN = {f"{GENUINE}:443": "connection_refused_error"}


async def verdict(found: SimulatedHelper, *, down_after_first: bool, waits: float = 0.0) -> dict[str, Any]:
    """Return the verdict on an endpoint that fails here, `waits` seconds after the helper's first answer.

    The helper is asked again for it after the failure, as in a run. It is down for the helper then, or works.
    """
    async with serving_helper(found) as url:
        one = OONIHelper(url, session(), load_roots())
        zero = time.monotonic()
        control = since(zero, await one.ask(target(WEB), {HOST: [GENUINE]}))
        if down_after_first:
            found.tcp |= DOWN
        again = since(zero - waits, await one.ask(target(WEB), {HOST: [GENUINE]}, fresh=[WEB]))
    control["fresh"] = {"endpoints": [WEB], "failure": add_attempts(control, again)}
    lines = Lines({"web": [WEB]})
    lines.lookup(HOST, GENUINE)
    lines.encrypted(HOST, GENUINE)
    lines.first(WEB, GENUINE, f"tcp:{f.REFUSED}", t0=waits - 2.0, t=waits - 1.9)
    lines.confirm(WEB, GENUINE, f"tcp:{f.REFUSED}", t0=waits - 1.0, t=waits - 0.9)
    line = lines.line()
    line["test_keys"]["x_control"] = control
    (record,) = judge_measurement(line, file="a.jsonl", number=1)
    return record


async def test_server_that_went_down_after_the_first_answer_is_down() -> None:
    record = await verdict(helper(), down_after_first=True, waits=30.0)
    assert (record["state"], record["rule_id"]) == ("down", "fails_everywhere")


async def test_server_that_works_for_the_second_answer_is_accused() -> None:
    assert (await verdict(helper(), down_after_first=False, waits=30.0))["state"] == "likely_blocked"


@pytest.mark.parametrize("obeys", [True, False], ids=["obeys no-cache", "ignores it"])
async def test_cache_on_the_way_has_no_answer_to_the_second_question(
    obeys: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not obeys:
        monkeypatch.setattr(ooni, "NOT_FROM_CACHE", {})
    record = await verdict(helper(cached={}), down_after_first=True, waits=30.0)
    assert record["state"] == "down"


async def test_answer_that_says_that_it_is_old_does_not_accuse() -> None:
    record = await verdict(helper(age="40"), down_after_first=False, waits=30.0)
    assert (record["state"], record["rule_id"]) == ("impaired", "no_control")


async def test_question_is_sent_to_no_web_server_with_its_fragment() -> None:
    found = helper()
    async with serving_helper(found) as url:
        one = OONIHelper(url, session(), load_roots())
        await asyncio.gather(one.ask(target(WEB), {HOST: [GENUINE]}), one.ask(target(WEB), {HOST: [GENUINE]}))
    sent = [body["http_request"] for body in found.asked if HOST in body["http_request"]]
    assert len(set(sent)) == 2 and {text.partition("#")[0] for text in sent} == {WEB}


@pytest.mark.parametrize(
    ("header", "seconds"), [("", 0.0), ("0", 0.0), ("40", 40.0), ("soon", 60.0), ("-1", 60.0), ("9" * 40, 60.0)]
)
def test_age_of_an_answer_in_a_cache_is_read(header: str, seconds: float) -> None:
    assert age_in_cache(header) == seconds
