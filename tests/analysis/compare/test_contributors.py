"""Test that statements about a country need several contributors on several networks, as far as records show them."""

import json
from collections.abc import Iterable, Sequence
from datetime import date, timedelta

import pytest

from probe.analysis.compare.axes import Question
from probe.analysis.compare.cells import Cell, compare
from probe.analysis.compare.compare import to_json
from probe.analysis.compare.contributors import (
    CONTRIBUTORS,
    MOST_DAYS,
    NETWORKS,
    TOKENS,
    DeviceDay,
    contributors,
    enough,
    failing_networks,
    sources_in,
)
from probe.analysis.compare.over_time.events import events
from probe.analysis.verdicts.verdict_row import VerdictRow, device_columns
from tests.support.measurements.verdict_rows import rows, store, table

START, DAYS = date(2026, 10, 1), range(24)
ANDROID, IOS, LINUX = "android", "ios", "linux"


def day(number: int) -> str:
    return (START + timedelta(days=number)).isoformat()


def device(state: str, networks: Sequence[str], days: Iterable[int] = DAYS, **columns: object) -> list[VerdictRow]:
    """Return a daily run of one device, which roams between the networks."""
    return [
        row
        for number in days
        for row in rows(1, state, day=day(number), probe_asn=networks[number % len(networks)], **columns)
    ]


def elsewhere() -> list[VerdictRow]:
    return [
        row for cc in ("DE", "FR", "PL") for asn in ("AS7", "AS8", "AS9") for row in device("ok", [asn], probe_cc=cc)
    ]


def iran(*groups: list[VerdictRow]) -> Cell:
    comparison = compare(table(*groups, elsewhere()), Question(by=("cc",)))
    return next(cell for cell in comparison.cells.values() if cell.vantage["cc"] == "IR")


def begins_to_fail(networks: Sequence[str], **columns: object) -> list[VerdictRow]:
    """Return the runs of a device for which a service works on eight days and is blocked then."""
    return device("ok", networks, range(8), **columns) + device("blocked", networks, range(8, 24), **columns)


THREE = ("AS1", "AS2", "AS3")
PLATFORMS = (ANDROID, IOS, LINUX)


def block(cc: str = "IR") -> list[VerdictRow]:
    """Return the runs of three devices, each on its own network."""
    at = zip(THREE, PLATFORMS, strict=True)
    return [row for asn, platform in at for row in begins_to_fail([asn], platform=platform, probe_cc=cc)]


BLOCK = block()


def test_three_contributors_on_three_networks_make_state_mark_and_event() -> None:
    cell = iran(BLOCK)
    assert (cell.state, cell.now and cell.now.contributors, cell.now and cell.now.failing) == ("blocked", 3, 3)
    assert cell.difference is not None and cell.difference.worse
    (event,) = events(table(BLOCK, elsewhere()), Question())
    assert (event.networks, event.onset) == (list(THREE), day(8))


@pytest.mark.parametrize("many", [1, 2])
def test_roaming_devices_with_a_filter_make_nothing(many: int) -> None:
    """Let one or two devices roam over five networks, on which no other device measures."""
    roaming = [
        row
        for platform in (ANDROID, IOS)[:many]
        for row in begins_to_fail([f"AS{n}" for n in range(1, 6)], platform=platform)
    ]
    cell = iran(roaming)
    assert (cell.state, cell.found) == ("insufficient", "blocked")
    assert cell.difference is None or not cell.difference.worse
    assert events(table(roaming, elsewhere()), Question()) == []


def test_updates_of_one_device_are_no_contributors() -> None:
    versions = [begins_to_fail([asn], software_version="1") for asn in THREE]
    later = [
        device("blocked", THREE, range(24, 48), software_version="2"),
        device("blocked", THREE, range(48, 72), software_version="3"),
    ]
    assert iran(*versions, *later).state == "insufficient"


def test_runs_that_the_app_begins_by_itself_are_of_the_same_device() -> None:
    names = ("ooniprobe-android", "ooniprobe-android-unattended", "ooniprobe-ios")
    found = [begins_to_fail(THREE, software_name=name) for name in names]
    assert iran(*found).state == "insufficient"


def test_ids_of_one_network_are_devices_and_those_of_several_are_not() -> None:
    same = [begins_to_fail([asn], probe_id=f"id {asn}") for asn in THREE]
    assert iran(*same).state == "insufficient"
    several = [begins_to_fail(["AS1"], probe_id=f"id {number}") for number in range(3)]
    assert iran(*several, begins_to_fail(["AS2"], probe_id="other")).state == "blocked"
    assert iran(*several).state == "insufficient"  # a school has many devices behind one filter


def test_device_with_many_runs_does_not_outvote_others() -> None:
    """Let a filtered device measure every day, and five others in each network every fifth day."""
    often = [
        row for number in range(4) for row in begins_to_fail(THREE, platform=ANDROID, software_version=str(number))
    ]
    seldom = [
        row
        for asn in THREE
        for platform in (IOS, LINUX, "windows", "macos", "bsd")
        for row in device("ok", [asn], range(0, 24, 5), platform=platform)
    ]
    assert iran(often, seldom).state == "ok"


def test_block_on_some_networks_names_how_many() -> None:
    cell = iran(BLOCK, *(device("ok", [asn], platform=IOS) for asn in ("AS4", "AS5")))
    assert cell.now is not None
    assert (cell.state, cell.now.failing, cell.now.networks) == ("blocked", 3, 5)
    assert {network.asn for network in cell.networks if network.found == "blocked"} == set(THREE)


def test_block_on_one_network_stays_visible_there() -> None:
    """Let one of three networks block. The country is not accused, its cell and its network name the network."""
    groups = begins_to_fail(["AS1"]), device("ok", ["AS2"]), device("ok", ["AS3"])
    cell = iran(*groups)
    assert cell.now is not None and (cell.state, cell.now.failing, cell.now.networks) == ("ok", 1, 3)
    comparison = compare(table(*groups), Question())
    assert {cell.vantage["asn"]: cell.state for cell in comparison.cells.values()} == {
        "AS1": "blocked",
        "AS2": "ok",
        "AS3": "ok",
    }


def test_service_that_begins_to_fail_everywhere_is_no_event() -> None:
    others = [row for cc in ("DE", "FR", "PL") for row in block(cc)]
    assert events(table(BLOCK, others), Question()) == []
    assert len(events(table(BLOCK, elsewhere()), Question())) == 1


def test_json_has_contributors() -> None:
    written = [
        json.loads(line) for line in to_json(compare(table(BLOCK, elsewhere()), Question(by=("cc",)))).splitlines()
    ]
    (cell,) = [one for one in written if one["vantage"]["cc"] == "IR"]
    assert (cell["now"]["contributors"], cell["now"]["enough"]) == (3, True)


def token(number: int, month: str = "2026-10") -> str:
    return f"{month}-{number:032x}"


def days_of(number: int, networks: Sequence[str], month: str = "2026-10", kind: str = "probe") -> list[DeviceDay]:
    """Return four failing days of a device with a token, in each network, or of a kind without one if `number` is 0."""
    known = token(number, month) if number else ""
    return [
        DeviceDay(("IR", asn), (kind, "1"), known, f"{month}-{day:02}", True) for asn in networks for day in range(1, 5)
    ]


def count(*groups: list[DeviceDay]) -> int:
    return contributors(sources_in(one for group in groups for one in group))


def test_equal_tokens_are_one_device_on_many_networks() -> None:
    many = [f"AS{number}" for number in range(12)]
    assert count(days_of(1, many)) == 1
    assert count(days_of(0, many)) == 3  # nothing shows that a kind on so many networks is one device
    roaming = [begins_to_fail([f"AS{n}" for n in range(1, 7)], probe_id=token(number)) for number in (1, 2)]
    assert iran(*roaming).state == "insufficient"


def test_tokens_of_one_kind_are_devices() -> None:
    """Let all devices have one program, platform and version, so that only tokens distinguish them."""
    apart = [begins_to_fail([asn], probe_id=token(number)) for number, asn in enumerate(THREE, 1)]
    cell = iran(*apart)
    assert (cell.state, cell.now and cell.now.contributors) == ("blocked", 3)
    without = [begins_to_fail([asn]) for asn in THREE]
    assert iran(*without).state == "insufficient"


def test_tokens_of_two_months_may_be_one_device() -> None:
    months = ("2026-09", "2026-10", "2026-11")
    assert count(*(days_of(number, THREE, month) for number, month in enumerate(months, 1))) == 1
    assert count(*(days_of(number, THREE, month) for number in (1, 2) for month in months)) == 2


def test_device_with_a_token_each_month_does_not_outvote_others() -> None:
    """Let a filtered device measure daily over the end of a month, and another one on two days."""
    daily = [
        DeviceDay(("IR", "AS1"), ("probe", "1"), token(1, day[:7]), day, True)
        for number in range(14)
        for day in [(date(2026, 10, 25) + timedelta(days=number)).isoformat()]
    ]
    seldom = [DeviceDay(("IR", "AS1"), ("probe", "2"), "", f"2026-10-{day}", False) for day in (26, 27)]
    assert failing_networks(sources_in(daily + seldom)) == set()
    assert failing_networks(sources_in(daily + seldom[:1])) == {("IR", "AS1")}


def test_tokens_of_one_network_make_no_statement() -> None:
    school = [begins_to_fail(["AS1"], probe_id=token(number)) for number in range(1, 9)]
    assert iran(*school).state == "insufficient"
    assert events(table(*school, elsewhere()), Question()) == []
    assert count(*(days_of(number, ["AS1"]) for number in range(1, 9))) == TOKENS
    beside = begins_to_fail(["AS2"], probe_id=token(9))
    assert iran(*school, beside).state == "blocked"


def test_contributors_since_the_change_count_for_the_state_now() -> None:
    """Let three devices see the begin of a block, and two others its newest days."""
    early = [begins_to_fail([asn], probe_id=token(n)) for n, asn in enumerate(("AS1", "AS2", "AS1"), 1)]
    late = [
        device("blocked", [asn], range(31, 48), probe_id=token(n, "2026-11")) for n, asn in enumerate(("AS1", "AS2"))
    ]
    cell = iran(*early, *late)
    assert (cell.state, cell.now and cell.now.contributors) == ("blocked", 3)
    works = [device("ok", [asn], range(24), probe_id=token(n)) for n, asn in enumerate(("AS1", "AS2", "AS1"), 1)]
    assert iran(*works, *late).state == "insufficient"


def test_kind_that_no_token_can_be_is_a_further_device() -> None:
    two = [*days_of(1, ["AS1"]), *days_of(2, ["AS2"])]
    assert count(two, days_of(0, ["AS3"])) == 3  # it measured beside both
    later = [day._replace(day=f"2026-10-2{day.day[-1]}") for day in days_of(0, ["AS3"])]
    assert count(two, later) == 2  # the user of one of them may have withdrawn the token


def test_update_of_a_device_with_a_token_is_no_second_vote() -> None:
    updated = [*days_of(1, ["AS1"], kind="old"), *days_of(1, ["AS1"], kind="new")]
    (source,) = sources_in(updated)
    assert (source.days, source.weight) == (4, MOST_DAYS)


def test_token_of_a_record_is_its_id() -> None:
    known, other = token(7), "x" * 40
    for annotations, theirs, expected in (
        ({"contributor_token": known}, None, known),
        ({"contributor_token": known}, other, other),
        ({"contributor_token": "free text"}, None, ""),
        ({"contributor_token": 3}, None, ""),
        (None, None, ""),
    ):
        assert device_columns({"annotations": annotations, "probe_id": theirs})["probe_id"] == expected


def test_store_has_platform_and_id(tmp_path: object) -> None:
    verdicts = store(tmp_path, rows(1, platform=IOS, probe_id="a"), rows(1))  # type: ignore[arg-type]
    assert sorted(verdicts.select("SELECT platform, probe_id FROM verdicts")) == [("", ""), ("ios", "a")]


def test_limits_stand_above_two_devices_and_one_network() -> None:
    two = [
        DeviceDay(("IR", asn), (platform, "1"), "", day(n), True)
        for asn in THREE
        for platform in "ab"
        for n in range(9)
    ]
    assert (contributors(sources_in(two)), enough(sources_in(two))) == (2, False)
    assert (CONTRIBUTORS, NETWORKS) == (3, 2)


@pytest.mark.parametrize(("many", "devices"), [(5, 1), (6, 2), (10, 2), (11, 3)])
def test_one_kind_on_many_networks_is_several_devices(many: int, devices: int) -> None:
    """Count devices in a country in which all users have the same version on the same platform."""
    at = [
        DeviceDay(("IR", f"AS{n}"), ("probe linux", "1"), "", day(number), True)
        for n in range(many)
        for number in (0, 1)
    ]
    found = sources_in(at)
    assert contributors(found) == devices
    assert enough(found) == (devices >= CONTRIBUTORS)
