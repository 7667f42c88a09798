"""Test which failures come after a burst of flows, when nothing else passes any more."""

from typing import Any

import pytest

from probe.formats import failures as f
from probe.formats.transactions import TransactionRecord
from probe.session.flow_counts import EndedFlow, FlowCounts, flow_of
from probe.signatures.own_load import LEAST_FLOWS, may_be_ban

HERE, BESIDE, ELSEWHERE = "192.0.2.1", "192.0.2.2", "198.51.100.1"


def flow(begun: float, address: str = HERE, lost: Any = None, **keys: Any) -> EndedFlow:
    values: dict[str, Any] = {
        "step_began": begun,
        "ended": begun + 0.1,
        "port": 443,
        "owner": "app",
        "host": address,
        "accepted": lost != "connect",
        "answered": lost is None,
    }
    return EndedFlow(begun=begun, address=address, lost=lost, **values | keys)


def scopes(counts: FlowCounts, failed: EndedFlow) -> dict[str, tuple[int, int]]:
    """Return the flows and the failed hosts of each scope that may be banned, by scope."""
    found = counts.before(failed)
    return {e.scope: (e.flows, e.hosts) for e in found if may_be_ban(e.flows, e.passed, e.turned, e.hosts)}


def banned(passed: int = LEAST_FLOWS, addresses: tuple[str, ...] = (HERE, BESIDE)) -> FlowCounts:
    """Return what a run recorded when some flows passed, and then two hosts of a network refused connections."""
    counts = FlowCounts()
    for number in range(passed):
        counts.note(flow(number / 10, addresses[number % 2]))
    for number, address in enumerate(addresses):
        counts.note(flow(5 + number, address, "connect"))
    counts.note(LAST)
    return counts


LAST = flow(7.0, HERE, "connect")


def test_failure_after_a_burst_is_found_in_each_scope_that_is_banned() -> None:
    assert set(scopes(banned(), LAST)) == {"network", "target", "line"}
    assert scopes(banned(), LAST)["network"] == (8, 2)


def test_failure_of_the_first_flows_has_another_cause() -> None:
    assert not scopes(banned(passed=0), LAST)
    assert not scopes(banned(passed=LEAST_FLOWS - 3), LAST)


@pytest.mark.parametrize("when", [7.05, 7.5, 8.0])
def test_flow_that_passes_after_the_failure_shows_that_there_is_no_ban(when: float) -> None:
    counts = banned()
    counts.note(flow(when + 0.06, BESIDE))
    assert not scopes(counts, LAST)


def test_flow_that_passes_much_later_shows_nothing_and_neither_does_one_before() -> None:
    counts = banned()
    counts.note(flow(9.0, BESIDE))
    counts.note(flow(4.9, BESIDE))
    assert scopes(counts, LAST)


def test_pass_elsewhere_leaves_the_network_under_suspicion() -> None:
    counts = banned()
    counts.note(flow(7.5, ELSEWHERE, owner="other"))
    assert set(scopes(counts, LAST)) == {"network", "target"}


def test_one_host_alone_that_fails_is_no_ban() -> None:
    counts = FlowCounts()
    for number in range(9):
        counts.note(flow(number / 10, BESIDE))
    counts.note(flow(5.0, HERE, "connect"))
    assert not scopes(counts, LAST)


def test_host_that_fails_in_a_residual_window_does_not_count() -> None:
    counts = FlowCounts()
    for number in range(9):
        counts.note(flow(number / 10, BESIDE))
    for host, residual in ((HERE, False), (BESIDE, True)):
        counts.note(flow(5.0, host, "data", in_residual=residual))
    counts.note(LAST)
    assert not scopes(counts, LAST)


def test_handshakes_that_a_ban_cuts_off_are_found_by_addresses_that_refuse_later() -> None:
    counts = FlowCounts()
    for number in range(8):
        counts.note(flow(number / 10, (HERE, BESIDE)[number % 2], "data", ended=1.0))
    first = flow(0.0, HERE, "data", ended=1.0)
    assert not scopes(counts, first)
    for address in (HERE, BESIDE):
        counts.note(flow(3.0, address, "connect"))
    assert "network" in scopes(counts, first)


def test_servers_see_two_clients_of_two_families() -> None:
    counts = banned()
    counts.note(flow(7.5, "2001:db8::1"))
    assert set(scopes(counts, LAST)) == {"network", "target", "line"}


def datagram(begun: float, address: str = HERE, *, lost: bool = False, ended: float | None = None) -> EndedFlow:
    """Return a flow over UDP. One that is lost is repeated for four seconds."""
    ended = ended or begun + (4.0 if lost else 0.1)
    return flow(
        begun, address, "data" if lost else None, ended=ended, transport="udp", accepted=False, silent=lost, port=3478
    )


def relays(*, passed: bool) -> FlowCounts:
    """Return what a run recorded whose two relays got no answer over UDP, with connections that passed before."""
    counts = FlowCounts()
    for number in range(LEAST_FLOWS):
        counts.note(datagram(number / 10, ELSEWHERE) if passed else flow(number / 10, ELSEWHERE))
    for address in (HERE, BESIDE):
        counts.note(datagram(1.0, address, lost=True))
        counts.note(datagram(5.0, address, lost=True))
    return counts


LOST = datagram(5.0, lost=True)


def test_ban_that_drops_datagrams_is_found_by_connections_that_passed_before() -> None:
    assert {"target", "line"} <= set(scopes(relays(passed=False), LOST))


def test_connections_that_were_accepted_before_show_a_ban_of_datagrams_too() -> None:
    counts = FlowCounts()
    for number in range(LEAST_FLOWS):
        counts.note(flow(number / 10, ELSEWHERE, "data", ended=4.0, silent=True))
    for address in (HERE, BESIDE):
        counts.note(datagram(5.0, address, lost=True))
    assert scopes(counts, LOST)


@pytest.mark.parametrize("when", [6.1, 9.0, 9.9])
def test_relays_that_are_blocked_alone_are_no_ban(when: float) -> None:
    counts = relays(passed=False)
    counts.note(flow(when, ELSEWHERE))
    assert not scopes(counts, LOST)


def test_flow_that_passes_while_the_datagram_is_under_way_does_not_exclude_a_ban() -> None:
    counts = relays(passed=False)
    counts.note(flow(5.5, ELSEWHERE))
    assert scopes(counts, LOST)


@pytest.mark.parametrize(("begun", "ended"), [(8.0, 14.0), (4.5, 8.0)], ids=["repeated-after-it", "read-late"])
def test_datagram_that_may_have_passed_before_or_after_the_loss_does_not_exclude_a_ban(
    begun: float, ended: float
) -> None:
    counts = relays(passed=False)
    counts.note(datagram(begun, BESIDE, ended=ended))
    assert scopes(counts, LOST)
    counts.note(datagram(8.0, BESIDE, ended=9.0))
    assert not scopes(counts, LOST)


def test_ban_of_datagrams_alone_is_found_where_others_are_asked_again() -> None:
    counts = relays(passed=True)
    counts.note(flow(9.0, ELSEWHERE))
    assert {(load.scope, load.transport) for load in counts.before(LOST)} == {("target", "udp")}
    counts.note(datagram(9.5, ELSEWHERE))
    assert not counts.before(LOST)


def record(**keys: Any) -> TransactionRecord:
    about: dict[str, Any] = {
        "transaction_id": 1,
        "kind": "first",
        "address": HERE,
        "port": 443,
        "endpoint": "tls://a:443",
    }
    return TransactionRecord(**about | keys)


@pytest.mark.parametrize(
    "of",
    [
        {"address": "system"},
        {"port": 0},
        {"failure": f.INTERRUPTED, "failed_operation": "top_level"},
        {"followup": "path_sweep", "kind": "followup"},
        {"followup": "near_reaction", "kind": "followup", "steps": ["near_reaction"]},
    ],
)
def test_transaction_that_shows_no_limit_is_no_flow(of: dict[str, Any]) -> None:
    assert flow_of(record(**of), [], 0.0, "app", to_named=False) is None


def test_certificate_that_is_refused_is_an_answer() -> None:
    found = flow_of(
        record(steps=["connect"], failed_operation="tls_handshake", failure=f.SSL_INVALID_HOSTNAME),
        [],
        0.0,
        "app",
        to_named=False,
    )
    assert found is not None and found.answered and found.lost is None


def test_connection_without_data_shows_no_answer_to_data() -> None:
    found = flow_of(record(steps=["connect"]), [], 0.0, "app", to_named=False)
    assert found is not None and found.accepted and not found.answered


def test_innocuous_failures_are_counted_where_others_pass_at_the_same_place() -> None:
    counts = FlowCounts()
    assert counts.innocuous_failures() == []
    for address, owner in ((HERE, "a"), (ELSEWHERE, "b")):
        counts.note(flow(0.0, address, "connect", owner=owner))
        counts.note(flow(1.0, address, owner=owner))
    counts.note(flow(2.0, BESIDE, "connect", owner="a"))
    counts.note(flow(3.0, BESIDE, "connect", owner="a", to_named=True))
    (found,) = counts.innocuous_failures()
    assert (found.kind, found.flows, found.failures, found.networks, found.owners) == ("connect_cut_off", 5, 3, 2, 2)


def test_other_forms_that_always_fail_are_no_failures_at_times() -> None:
    """Show a network that drops what is no TLS, or whole pages. Hellos to the same places always pass."""
    counts = FlowCounts()
    for begun, form in enumerate(("random_bytes_neutral_host", "neutral_host_transfer")):
        for address in (HERE, ELSEWHERE):
            counts.note(flow(begun, address))
            counts.note(flow(begun, address, "data", silent=True, form=form))
    assert counts.innocuous_failures() == []
    counts.note(flow(5.0, HERE, form="neutral_host_transfer"))
    (found,) = counts.innocuous_failures()
    assert (found.kind, found.networks) == ("data_silent", 1)


def test_flows_of_a_form_are_known_by_their_follow_up() -> None:
    keys = {"transaction_id": 1, "endpoint": "https://x.example:443/", "address": HERE, "port": 443, "kind": "followup"}
    for name, form in (("random_bytes_neutral_host",) * 2, ("neutral_host_transfer",) * 2, ("other_size_hello", "")):
        record = TransactionRecord(**keys, followup=name, trigger=False, steps=["connect"], t0=0.0, t=1.0)
        found = flow_of(record, [], 0.0, "a", to_named=False)
        assert found is not None and found.form == form


def test_figures_of_a_run_are_the_largest_numbers_of_flows() -> None:
    now = [0.0]
    counts = FlowCounts(clock=lambda: now[0])
    assert counts.most() is None
    for when, address, port in ((0.1, HERE, 443), (0.2, HERE, 80), (1.5, BESIDE, 443), (1.6, ELSEWHERE, 53)):
        now[0] = when
        counts.opened(address, port)
    found = counts.most()
    assert found is not None
    assert (found.flows, found.address, found.network, found.resolver, found.second) == (4, 2, 3, 1, 2)


def test_connection_that_is_accepted_after_a_ban_leaves_the_earlier_failures_explained() -> None:
    counts = FlowCounts()
    for number in range(8):
        counts.note(flow(number / 10, (HERE, BESIDE)[number % 2], "data", ended=1.0))
    for address in (HERE, BESIDE):
        counts.note(flow(3.0, address, "connect"))
    counts.note(flow(60.0, BESIDE))
    assert "network" in scopes(counts, flow(0.0, HERE, "data", ended=1.0))
