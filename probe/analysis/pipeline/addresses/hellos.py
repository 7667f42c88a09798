"""Compare other client hellos: a browser's, ours at another length, and with Encrypted ClientHello (ECH)."""

from probe.analysis.observations.failure_kinds import LOCAL, RESET, TIMEOUT
from probe.analysis.pipeline.addresses.linked import KEY
from probe.analysis.pipeline.addresses.subjects import SUBJECT, same_subject
from probe.analysis.pipeline.expressions import quoted
from probe.analysis.pipeline.statement import Statement

KINDS = (RESET, TIMEOUT)

OTHER_HELLOS = Statement(
    "other_hello",
    "Hellos of a browser or another length, and whether ours failed again afterwards, or an innocuous name in a"
    " browser's hello was answered afterwards. Otherwise an outage may have ended or begun in between.",
    (*SUBJECT, "role", "n"),
    "SELECT k.m, k.endpoint, k.address, k.role, k.n, k.tls_failure_kind, k.tls_answered, k.host,"
    " k.tls_shown AND k.tls_verified_name = k.host AS valid,"
    " count(*) FILTER (WHERE a.role = 'again' AND a.tls_failure IS NOT NULL"
    f" AND a.tls_failure_kind <> '{LOCAL}' AND NOT a.tls_answered) > 0 AS failed_again,"
    " count(*) FILTER (WHERE a.role = 'innocuous_hello' AND a.tls_answered) > 0 AS innocuous_after"
    f" FROM linked k LEFT JOIN linked a ON {same_subject('a', 'k')} AND a.role IN ('again', 'innocuous_hello')"
    " AND a.flow_address = k.flow_address AND a.t0 >= k.t0 WHERE k.role IN ('browser', 'other_size')"
    " GROUP BY k.m, k.endpoint, k.address, k.role, k.n, k.tls_failure_kind, k.tls_answered, k.host, k.tls_shown,"
    " k.tls_verified_name",
)


def _other_than(kind: str) -> str:
    return f"tls_failure_kind <> '{kind}' OR tls_answered"


def _browser_failed(kind: str) -> str:
    return (
        f"CASE WHEN count(*) FILTER (WHERE role = 'browser' AND ({_other_than(kind)})) > 0 THEN 0"
        " ELSE count(*) FILTER (WHERE role = 'browser' AND innocuous_after) END"
    )


OTHER_HELLO_COUNTS = Statement(
    "other_hello_count",
    "How many such hellos passed, and how many of a browser failed in one way. The latter is 0 unless all did.",
    SUBJECT,
    f"SELECT {KEY}, count(*) FILTER (WHERE role = 'browser' AND valid AND failed_again) AS browser_passed,"
    " count(*) FILTER (WHERE role = 'other_size' AND tls_answered AND failed_again) AS other_size_passed, "
    + ", ".join(f"{_browser_failed(kind)} AS browser_{kind}s" for kind in KINDS)
    + f" FROM other_hello GROUP BY {KEY}",
)

_COMPARED = "('ech_browser', 'ech_innocuous', 'ech_neutral', 'ech_neutral_ours', 'ech_name_ours')"
_EARLIER, _LATER = "b.t0 <= k.t0", "b.t0 >= k.t0"


def _beside(when: str, *roles: str) -> str:
    return f"count(*) FILTER (WHERE b.role IN {quoted(roles)} AND {when}) > 0"


ECH_PASSED = Statement(
    "ech_passed",
    "Hellos that were answered, or not, and whether hellos with ECH to the same address came before and after. Those to"
    " neutral hosts that did not work are left out.",
    (*SUBJECT, "role", "n"),
    "SELECT k.m, k.endpoint, k.address, k.role, k.n, k.tls_answered, CASE k.role"
    f" WHEN 'ech_neutral_without' THEN {_beside(_EARLIER, 'ech_neutral')}"
    f" WHEN 'ech_name_ours_without' THEN {_beside(_EARLIER, 'ech_name_ours')}"
    f" ELSE {_beside(_EARLIER, 'ech_browser')} END AS after_failure,"
    f" CASE k.role WHEN 'ech_neutral_without' THEN {_beside(_LATER, 'ech_neutral_ours')}"
    f" ELSE {_beside(_LATER, 'ech_browser', 'ech_innocuous')} END"
    " AS before_any,"
    f" {_beside(_LATER, 'ech_browser')} AS before_name"
    f" FROM linked k LEFT JOIN linked b ON {same_subject('b', 'k')} AND b.flow_address = k.flow_address"
    f" AND b.role IN {_COMPARED} AND (b.role IN ('ech_browser', 'ech_innocuous') OR b.at_working)"
    " WHERE k.role IN ('ech_browser_without', 'ech_innocuous') OR"
    " (k.role IN ('ech_neutral_without', 'ech_name_ours_without') AND k.at_working)"
    " GROUP BY k.m, k.endpoint, k.address, k.role, k.n, k.tls_answered",
)


def _all(role: str, condition: str) -> str:
    """Return the condition that there are hellos of a role and that all were answered under a condition."""
    fine = f"tls_answered AND after_failure AND {condition}"
    return (
        f"count(*) FILTER (WHERE role = '{role}') > 0 AND count(*) FILTER (WHERE role = '{role}' AND NOT ({fine})) = 0"
    )


ECH_COMPARED = Statement(
    "ech_compared",
    "Whether hellos without ECH, or with another name, were answered between those that failed: with any name, or with"
    " the target's name only.",
    SUBJECT,
    f"SELECT {KEY}, {_all('ech_browser_without', 'before_any')} AND {_all('ech_neutral_without', 'before_any')}"
    f" AS any_name, {_all('ech_browser_without', 'before_name')} AND {_all('ech_innocuous', 'TRUE')}"
    f" AND {_all('ech_name_ours_without', 'TRUE')} AS target_name FROM ech_passed GROUP BY {KEY}",
)

_WITH_ANY_NAME = (
    "role IN ('ech_browser', 'ech_innocuous') OR (at_working AND role IN ('ech_neutral', 'ech_neutral_ours'))"
)
_WITH_NAME = "role = 'ech_browser' OR (at_working AND role = 'ech_name_ours')"
_EACH = " AND ".join(
    f"count(*) FILTER (WHERE role = '{role}'{' AND at_working' if 'neutral' in role else ''}) > 0"
    for role in ("ech_browser", "ech_innocuous", "ech_neutral", "ech_neutral_ours")
)
_NO_LONGER = (
    "COALESCE(min(tls_hello_length) FILTER (WHERE role = 'ech_browser_without')"
    " >= COALESCE(max(tls_hello_length) FILTER (WHERE role = 'ech_browser'), 0), TRUE)"
)


def _failed(chosen: str, kind: str) -> str:
    return (
        f"CASE WHEN count(*) FILTER (WHERE ({chosen}) AND ({_other_than(kind)})) > 0 THEN 0"
        f" ELSE count(*) FILTER (WHERE {chosen}) END"
    )


def _without_fails_too(kind: str) -> str:
    """Return the condition that nothing shows that the name in a browser's hello needs ECH to fail in this way."""
    return (
        "count(*) FILTER (WHERE role = 'ech_browser') = 0 OR (count(*) FILTER (WHERE role = 'ech_browser_without') > 0"
        f" AND count(*) FILTER (WHERE role = 'ech_browser_without' AND ({_other_than(kind)})) = 0)"
    )


ECH_FAILED = Statement(
    "ech_failed",
    "How many hellos with ECH failed in one way, with any name and with the target's only, 0 unless all did. A longer"
    " hello must have been answered, so that no failure depends on the length.",
    SUBJECT,
    f"SELECT {KEY}, {_EACH} AS at_each_place, {_NO_LONGER} AS not_by_length, "
    + ", ".join(f"{_failed(_WITH_ANY_NAME, kind)} AS any_name_{kind}s" for kind in KINDS)
    + ", "
    + ", ".join(f"{_failed(_WITH_NAME, kind)} AS name_{kind}s" for kind in KINDS)
    + ", "
    + ", ".join(f"{_without_fails_too(kind)} AS without_{kind}s_too" for kind in KINDS)
    + f" FROM linked WHERE role IN {_COMPARED} OR role = 'ech_browser_without' GROUP BY {KEY}",
)

_ANY = "COALESCE(c.any_name AND f.at_each_place AND f.not_by_length, FALSE)"
_NAME = "COALESCE(c.target_name AND f.not_by_length, FALSE)"

HELLO_RESULTS = Statement(
    "hello_result",
    "The columns of the address row about other hellos.",
    SUBJECT,
    "SELECT s.m, s.endpoint, s.address, COALESCE(o.browser_passed, 0) AS browser_passed,"
    " COALESCE(o.other_size_passed, 0) AS other_size_passed, "
    + ", ".join(
        f"CASE WHEN COALESCE(f.without_{kind}s_too, TRUE) THEN COALESCE(o.browser_{kind}s, 0) ELSE 0 END"
        f" AS browser_{kind}s,"
        f" CASE WHEN {_ANY} THEN f.any_name_{kind}s ELSE 0 END AS ech_{kind}s,"
        f" CASE WHEN {_NAME} THEN f.name_{kind}s ELSE 0 END AS ech_name_{kind}s"
        for kind in KINDS
    )
    + f" FROM subject s LEFT JOIN other_hello_count o ON {same_subject('o', 's')}"
    f" LEFT JOIN ech_compared c ON {same_subject('c', 's')} LEFT JOIN ech_failed f ON {same_subject('f', 's')}",
)

HELLO_STATEMENTS = (OTHER_HELLOS, OTHER_HELLO_COUNTS, ECH_PASSED, ECH_COMPARED, ECH_FAILED, HELLO_RESULTS)
