"""Test where the cause of a verdict is, and that only the user's own side is filtered locally."""

import pytest

from probe.analysis.rules.rule import LOCAL_PLACES, CausePlace, Rule, State
from probe.analysis.ruleset.tables import RULES
from probe.analysis.verdicts.cause_places import cause_place_of

HERE = "AS64500"
OWN, OTHER = {"ttl": 4, "asn": 64500}, {"ttl": 6, "asn": 64511}


def rule(state: State, place: CausePlace | None = None) -> Rule:
    return Rule("some", "TRUE", state, "", "", cause_place=place)


@pytest.mark.parametrize(
    ("state", "place", "hop", "network", "expected"),
    [
        (State.OK, None, None, HERE, None),
        (State.INSUFFICIENT, None, OWN, HERE, None),
        (State.BLOCKED, None, None, HERE, "unknown"),
        (State.BLOCKED, None, {"ttl": 4, "asn": None}, HERE, "unknown"),
        (State.BLOCKED, None, OWN, HERE, "access_provider"),
        (State.BLOCKED, None, OTHER, HERE, "beyond"),
        (State.BLOCKED, None, OTHER, "", "unknown"),
        (State.BLOCKED, None, OTHER, "AS0", "unknown"),
        (State.LIKELY_BLOCKED, None, OWN, HERE, "access_provider"),
        (State.IMPAIRED, None, None, HERE, "unknown"),
        (State.IMPAIRED, CausePlace.SERVICE, OWN, HERE, "service"),
        (State.DOWN, None, None, HERE, "service"),
        (State.FILTERED_LOCALLY, CausePlace.HOME_NETWORK, OTHER, HERE, "home_network"),
    ],
)
def test_evidence_gives_place(
    state: State, place: CausePlace | None, hop: dict[str, int] | None, network: str, expected: str | None
) -> None:
    assert cause_place_of(rule(state, place), state, hop, network) == expected


def test_only_rules_about_the_users_own_side_filter_locally() -> None:
    """Leave out rules that show the part which decides."""
    for one in RULES.values():
        if not one.defers:
            assert (one.state == State.FILTERED_LOCALLY) == (one.cause_place in LOCAL_PLACES), one.key
