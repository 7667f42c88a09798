"""Test which tuple of a flow residual censorship may affect, and for how long."""

from probe.session.pacing import RESIDUAL_SECONDS, ResidualLedger


def test_trigger_affects_port_and_address_for_three_minutes() -> None:
    now = [0.0]
    ledger = ResidualLedger(lambda: now[0])
    assert ledger.affected_tuples("192.0.2.1", 465) == frozenset()
    ledger.note("192.0.2.1", 465)
    assert ledger.affected_tuples("192.0.2.1", 465) == {"src,dst,dport"}
    assert ledger.affected_tuples("192.0.2.1", 587) == {"src,dst"}
    assert ledger.affected_tuples("192.0.2.2", 465) == frozenset()
    now[0] = 100.0
    ledger.note("192.0.2.1", 587)
    assert ledger.affected_tuples("192.0.2.1", 587) == {"src,dst,dport", "src,dst"}
    now[0] = RESIDUAL_SECONDS + 1
    assert ledger.affected_tuples("192.0.2.1", 465) == {"src,dst"}
    assert ledger.affected_tuples("192.0.2.1", 587) == {"src,dst,dport"}
    now[0] = 100.0 + RESIDUAL_SECONDS
    assert ledger.affected_tuples("192.0.2.1", 465) == frozenset()
