"""Test that no router near the user is recorded."""

from probe.privacy.near_routers import writable_hops

PATH = [
    (1, "192.168.1.1"),
    (2, "10.20.0.1"),
    (3, "100.64.3.1"),
    (4, "81.2.69.142"),  # the first public one: perhaps the home router's own outside
    (5, "89.160.20.112"),  # the second: serves a quarter of a town
    (6, "89.160.20.7"),  # its neighbour in the rack
    (7, "4.69.140.1"),
    (8, "216.160.83.56"),
]


def test_private_near_and_neighbouring_routers_are_left_out() -> None:
    assert writable_hops(PATH) == {7: "4.69.140.1", 8: "216.160.83.56"}


def test_order_of_finding_does_not_matter() -> None:
    assert writable_hops(reversed(PATH)) == writable_hops(PATH)


def test_near_routers_are_left_out_over_ipv6() -> None:
    path = [
        (1, "2a02:810d:1::1"),
        (2, "2a02:810d:f000:1::1"),
        (3, "2a02:810d:1:77::9"),
        (4, "2001:7f8::1a27:5051:c09d"),
    ]
    assert writable_hops(path) == {4: "2001:7f8::1a27:5051:c09d"}
    assert writable_hops(
        [(1, "fe80::1"), (2, "fd00::1"), (3, "2a02:810d::1"), (4, "2a02:2000::1"), (5, "2620:0:ccc::2")]
    ) == {5: "2620:0:ccc::2"}


def test_withheld_network_leaves_out_every_router() -> None:
    assert writable_hops(PATH, network_withheld=True) == {}
