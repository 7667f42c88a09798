"""Test that resets which strike at random accuse nothing, and that real blocks are found beside them."""

from typing import Any

import pytest

from probe.analysis.features.rows import AddressRow
from probe.analysis.phenomena.random_resets import resets_needed
from probe.analysis.rules.rule import ACCUSING
from probe.analysis.ruleset.tables import tables_for
from probe.analysis.verdicts.verdicts import judge_measurement
from tests.analysis.outcomes.test_packet_loss import measurements_of
from tests.support.measurements.feature_rows import decide
from tests.support.measurements.lines import GENUINE, SECOND, Lines
from tests.support.measurements.mail_dialogues import MailLines
from tests.support.measurements.pipeline_tables import shared_engine
from tests.support.measurements.witnesses import WITNESSES

HOST = "web.telegram.org"
URL = f"https://{HOST}:443/"
RANDOM = {"flows": 40, "resets": 4, "networks": 4, "owners": 3}
"""One flow in ten is reset. Six in a row are no chance then."""


def web(url: str = URL, *, random: dict[str, int] | None = RANDOM) -> Lines:
    lines = MailLines({"web": [url]})
    lines.run["innocuous_resets"] = random
    lines.lookup(HOST, GENUINE)
    lines.encrypted(HOST, GENUINE)
    return lines


def reset_twice(lines: Lines, url: str = URL, layer: str = "tls") -> Lines:
    """Add what a censor of the name causes: the name is reset twice, and an innocuous one passes."""
    lines.innocuous(url, GENUINE)
    lines.twice(url, GENUINE, f"{layer}:connection_reset")
    lines.control(url, GENUINE)
    return lines


def concluded(lines: Lines) -> tuple[str, list[str], str]:
    (record,) = judge_measurement(lines.line(), file="a.jsonl", number=1)
    return record["state"], record["mechanisms"], record["rule_id"]


def with_hellos(lines: Lines, last: str = "tls:connection_reset") -> Lines:
    """Add further flows with the name, so that there are six. The last one has this outcome."""
    lines.neutral(URL, "tls:connection_reset")
    lines.neutral(URL, "tls:connection_reset")
    lines.other_hello("browser_hello", URL, GENUINE, "tls:connection_reset", engine="boringssl")
    lines.other_hello("other_size_hello", URL, GENUINE, last, hello=300)
    return lines


def test_two_resets_of_a_name_are_chance_only_where_resets_strike_at_random() -> None:
    assert concluded(reset_twice(web(random=None))) == ("blocked", ["tls.reset.sni"], "failure_follows_name")
    assert concluded(reset_twice(web())) == ("impaired", [], "reset_among_random_resets")


def test_reset_at_a_neutral_host_too_may_be_chance() -> None:
    lines = reset_twice(web())
    lines.neutral(URL, "tls:connection_reset")
    assert concluded(lines)[0] == "impaired"


@pytest.mark.parametrize(
    "seen",
    [
        {"networks": 1},  # a server or a device in one network
        {"owners": 1},  # a server that refuses the first connections of a client, at all of its addresses
        {"resets": 0},
        {"flows": -1},
        {"flows": "many"},
    ],
)
def test_other_resets_of_innocuous_names_leave_the_accusation(seen: dict[str, Any]) -> None:
    assert concluded(reset_twice(web(random=RANDOM | seen)))[0] == "blocked"


def test_name_that_is_reset_more_often_than_chance_explains_is_found() -> None:
    lines = with_hellos(reset_twice(web()))
    expected = "likely_blocked", ["tls.reset.sni"], "tls_reset_follows_name_among_random_resets"
    assert concluded(lines) == expected
    lines.other_name(URL, GENUINE, "tls:connection_reset")  # by chance
    assert concluded(lines) == expected


def test_name_that_passes_once_is_not_accused() -> None:
    assert concluded(with_hellos(reset_twice(web()), last="ok"))[0] not in ACCUSING


def test_name_that_passes_at_another_address_is_not_accused() -> None:
    lines = with_hellos(reset_twice(web()))
    lines.lookup(HOST, SECOND)
    lines.encrypted(HOST, SECOND)
    lines.first(URL, SECOND)
    assert concluded(lines)[0] not in ACCUSING


def test_address_that_resets_every_name_is_found() -> None:
    lines = web()
    for _ in range(4):
        lines.innocuous(URL, GENUINE, "tls:connection_reset")
    lines.twice(URL, GENUINE, "tls:connection_reset")
    lines.control(URL, GENUINE)
    assert concluded(lines) == ("likely_blocked", ["tls.reset.other"], "fails_again_for_any_name")
    lines.other_name(URL, GENUINE)
    assert concluded(lines)[0] == "impaired"


def test_failure_from_the_helper_too_stays_down() -> None:
    lines = web()
    lines.twice(URL, GENUINE, "tls:connection_reset")
    lines.control(URL, GENUINE, "tls:connection_reset")
    assert concluded(lines)[0] == "down"


def test_silence_is_judged_as_elsewhere() -> None:
    lines = web()
    lines.innocuous(URL, GENUINE)
    lines.twice(URL, GENUINE, "tls:generic_timeout_error")
    lines.control(URL, GENUINE)
    assert concluded(lines)[1] == ["tls.timeout.sni"]


def test_connections_that_are_closed_are_judged_as_elsewhere() -> None:
    lines = web()
    lines.innocuous(URL, GENUINE)
    lines.twice(URL, GENUINE, "tls:eof_error")
    lines.control(URL, GENUINE)
    assert concluded(lines)[2] == "failure_follows_name"


@pytest.mark.parametrize("changed", [{"name_flows_passed": 1}, {"name_flows_reset": 5}, {"resets_needed": 0}])
def test_name_is_reset_each_time_only_if_none_of_enough_flows_passes(changed: dict[str, int]) -> None:
    rule_id = "tls_reset_follows_name_among_random_resets"
    rows = [AddressRow(**WITNESSES["tls"][rule_id] | more) for more in ({}, changed)]
    holds, other = decide(shared_engine(), rows, tables_for(AddressRow))
    assert holds["tls"] == rule_id and other["tls"] != rule_id


@pytest.mark.parametrize(
    ("url", "layer"),
    [
        (f"http://{HOST}:80/", "http"),
        (f"https://{HOST}:443/", "http"),
        ("mtproto://149.154.167.51:443", "payload"),
        (f"sip://{HOST}:5060;transport=tcp", "payload"),
        (f"smtp+starttls://{HOST}:587", "greeting"),
    ],
)
def test_resets_in_other_protocols_may_be_chance(url: str, layer: str) -> None:
    ip = GENUINE if HOST in url else "149.154.167.51"
    for random, accused in ((None, True), (RANDOM, False)):
        lines = web(url, random=random)
        if layer == "http":
            lines.innocuous(url, ip)
        lines.twice(url, ip, f"{layer}:connection_reset")
        lines.control(url, ip)
        assert (concluded(lines)[0] in ACCUSING) is accused, url


def test_recorded_block_of_names_is_found_beside_random_resets() -> None:
    """Find it in a measurement with the flows of a real run, as well as without random resets."""
    for measurement in measurements_of("sni-reset"):
        measurement["test_keys"]["x_run"]["innocuous_resets"] = RANDOM
        for record in judge_measurement(measurement, file="a.jsonl", number=1):
            blocked = record["service"] in {"telegram/web", "whatsapp/web", "whatsapp/registration"}
            assert record["state"] == ("likely_blocked" if blocked else "ok"), record["service"]


# -- how many resets in a row are no chance ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flows", "resets", "needed"),
    [(40, 4, 6), (40, 8, 8), (40, 12, 10), (40, 20, 18), (6, 2, 40), (5, 5, 40)],
)
def test_more_resets_in_a_row_are_needed_the_more_are_random(flows: int, resets: int, needed: int) -> None:
    run = {"innocuous_resets": RANDOM | {"flows": flows, "resets": resets}}
    assert resets_needed(run) == needed


def test_older_measurement_has_no_random_resets() -> None:
    assert resets_needed({}) == 0


# -- rules that hold for an address that works -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "changed", "holds"),
    [
        ("tls_policed_side_by_side", {"crowded_silent": 0, "crowded_forged_resets": 2}, False),
        ("tls_policed_side_by_side", {"crowded_silent": 2}, True),
        ("tls_name_in_browsers_hello_fails:tls:reset", {"browser_resets": 5}, False),
        ("tls_name_in_browsers_hello_fails:tls:reset", {"browser_resets": 6}, True),
        ("tls_any_hello_with_ech_fails:tls:reset", {"ech_resets": 5}, False),
        ("tls_any_hello_with_ech_fails:tls:reset", {"ech_resets": 6}, True),
        ("tls_name_in_hello_with_ech_fails:tls:reset", {"ech_name_resets": 5}, False),
        ("tls_name_in_hello_with_ech_fails:tls:reset", {"ech_name_resets": 6}, True),
    ],
)
def test_interference_beside_a_success_needs_more_resets(key: str, changed: dict[str, int], holds: bool) -> None:
    witness = WITNESSES["tls"][key] | changed
    rows = [AddressRow(**witness | {"resets_needed": needed}) for needed in (0, 6)]
    elsewhere, here = decide(shared_engine(), rows, tables_for(AddressRow))
    assert elsewhere["tls"] == key and (here["tls"] == key) is holds
