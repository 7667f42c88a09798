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


def test_silence_before_any_trigger_is_no_residual_censorship() -> None:
    ledger = ResidualLedger(lambda: 0.0)
    ledger.note_innocuous("helper", 3478, answered=False)
    ledger.note("helper", 3478)
    ledger.note("helper", 5060)
    ledger.note_innocuous("helper", 5060, answered=False)
    assert ledger.is_silent_anyway("helper", 3478)
    assert not ledger.is_silent_anyway("helper", 5060), "a trigger to this port may have caused the silence"
    ledger.note_innocuous("helper", 3478, answered=True)
    assert not ledger.is_silent_anyway("helper", 3478), "datagrams pass again"
