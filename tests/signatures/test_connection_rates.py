"""Test whether a server's limit of connections in some seconds explains connections that were cut off."""

import pytest

from probe.signatures.connection_rates import TimedConnection, may_be_limited

HERE, BESIDE, FAR = "192.0.2.1", "192.0.2.2", "198.51.100.1"


def connections(*told: str) -> list[TimedConnection]:
    """Return connections, each as `seconds address result`. The result is "own" or "other" for a cut-off attempt."""
    found = []
    for one in told:
        begun, address, result = one.split()
        cut_off = result in {"own", "other"}
        found.append(
            TimedConnection(address, float(begun), float(begun) + 0.05, result == "answered", cut_off, result == "own")
        )
    return found


FAILED = (f"0.0 {HERE} answered", f"0.1 {HERE} own", f"0.8 {HERE} own")


@pytest.mark.parametrize(
    "told",
    [
        FAILED,
        (*FAILED, f"0.9 {HERE} cut"),
        (*FAILED, f"9.0 {HERE} answered"),  # much later
        (f"0.0 {BESIDE} answered", f"0.1 {HERE} own", f"0.8 {HERE} own"),
        (f"0.0 {FAR} answered", f"0.1 {HERE} own", f"0.8 {HERE} own"),
        (*FAILED, f"0.9 {HERE} answered"),  # the window may have ended between the two
    ],
)
def test_limit_explains_failures_soon_after_an_answer(told: tuple[str, ...]) -> None:
    assert may_be_limited(HERE, connections(*told))


@pytest.mark.parametrize(
    "told",
    [
        (),
        (f"0.0 {HERE} own", f"0.8 {HERE} own"),  # nothing was answered before
        (*FAILED, f"9.0 {HERE} own"),  # after a rest
        (*FAILED, f"8.8 {HERE} answered", f"17.0 {HERE} other"),  # another attempt after a rest
        (*FAILED, f"0.9 {HERE} answered", f"1.0 {HERE} answered"),  # two others directly afterwards
        (f"0.0 {HERE} answered", f"0.1 {HERE} own", f"0.5 {HERE} answered", f"0.6 {HERE} answered", f"1.4 {HERE} own"),
        # Connections to the network follow each other sooner than these two to the address.
        (
            f"0.0 {BESIDE} answered",
            f"0.01 {HERE} own",
            f"0.79 {BESIDE} answered",
            f"0.8 {HERE} own",
            f"0.9 {HERE} answered",
            f"1.0 {HERE} answered",
        ),
        # Those to another network count for a limit of all servers, also those before.
        (f"0.0 {FAR} answered", f"0.0 {FAR} answered", f"0.1 {HERE} own", f"0.8 {HERE} own"),
    ],
)
def test_no_limit_explains_failures_where_others_pass_as_soon(told: tuple[str, ...]) -> None:
    assert not may_be_limited(HERE, connections(*told))
