"""Test the picture of the interfering hop."""

from typing import Any

import pytest

from probe.run_page.path_picture import MOST_HOPS, paths_of


def path(ttl: int, **more: Any) -> dict[str, Any]:
    (made,) = paths_of([{"service": "a/b", "hop": {"ttl": ttl, "address": None, "asn": None, **more}}])
    return made


@pytest.mark.parametrize(
    ("ttl", "labels"),
    [
        (1, ["You", "1", "…", "Server"]),
        (4, ["You", "1", "2", "3", "4", "…", "Server"]),
        (12, ["You", "1", "…", "11", "12", "…", "Server"]),
    ],
)
def test_mark_is_before_the_router_of_the_hop(ttl: int, labels: list[str]) -> None:
    made = path(ttl)
    assert [point["label"] for point in made["points"]] == labels
    places = {point["label"]: point["x"] for point in made["points"]}
    before = places["You"] if ttl == 1 else places[str(ttl - 1)]
    assert before < made["mark"] < places[str(ttl)]


def test_sentences_name_the_routers() -> None:
    assert path(4)["where"] == "The connections are interfered with between router 3 and router 4."
    assert path(1)["where"] == "The connections are interfered with between this device and router 1."
    assert path(4)["router"] == ""
    assert path(4, address="10.9.4.1")["router"] == "Router 4 has the address 10.9.4.1."
    assert path(4, address="10.9.4.1", asn=64500)["router"] == "Router 4 has the address 10.9.4.1 in network AS64500."


def test_services_of_one_hop_share_a_picture() -> None:
    some = [{"service": f"a/{n}", "hop": {"ttl": ttl, "address": None, "asn": None}} for n, ttl in enumerate((4, 4, 7))]
    assert [made["services"] for made in paths_of(some)] == [["a/0", "a/1"], ["a/2"]]


@pytest.mark.parametrize("hop", [None, {}, {"ttl": 0}, {"ttl": -1}, {"ttl": 10**30}, {"ttl": True}, {"ttl": "4"}, [4]])
def test_strange_hop_has_no_picture(hop: Any) -> None:
    assert paths_of([{"service": "a/b", "hop": hop}]) == []


def test_pictures_are_limited() -> None:
    assert len(paths_of([{"service": "a/b", "hop": {"ttl": ttl}} for ttl in range(1, 200)])) == MOST_HOPS
