"""Test that a column of the address row can read every column of an observation without a change elsewhere."""

from probe.analysis.pipeline.linked_flows import further_columns


def test_column_that_an_expression_reads_is_joined() -> None:
    unlisted = "count(*) FILTER (WHERE role = 'neutral' AND http_code = 451 AND address <> '' AND tls_tested)"
    assert further_columns([unlisted, "max(tcp_seconds)"]) == ["http_code", "tcp_seconds"]
    assert further_columns(["count(*) FILTER (WHERE role = 'target' AND tls_tested)"]) == []
