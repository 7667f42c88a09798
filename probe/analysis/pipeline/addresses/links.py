"""Link each endpoint's address to the flows that count for it, by role: attempts, differentials and the control."""

from probe.analysis.pipeline.addresses.controls import CONTROL_LINKS
from probe.analysis.pipeline.addresses.subjects import SUBJECT, same_subject
from probe.analysis.pipeline.expressions import is_local, program_of
from probe.analysis.pipeline.statement import Statement
from probe.signatures.silent_streams import SMALL_SEGMENT

_NOT_NAMED = "s.host NOT IN (f.sent_name, f.tls_name, f.http_host)"
_CARRIER = "CASE WHEN f.quic_attempts > 0 THEN 'quic' WHEN f.tls_attempts > 0 THEN 'tls' ELSE 'http' END"
_TRIED_NAME_LAYER = (
    "CASE s.name_layer WHEN 'tls' THEN f.tls_attempts > 0 WHEN 'quic' THEN f.quic_attempts > 0"
    " WHEN 'http' THEN f.http_attempts > 0 ELSE FALSE END"
)
_NAME_ALONE = " AND ".join(f"f.{column} IN ('', s.host)" for column in ("sent_name", "tls_name", "http_host"))
_HAS_NAME = "s.host IN (f.sent_name, f.tls_name)"


def _select(role: str, join: str, condition: str) -> str:
    return (
        f"SELECT s.m, s.endpoint, s.address, '{role}' AS role, f.n FROM subject s JOIN flow f ON f.m = s.m AND {join}"
        f" WHERE f.origin = 'probe' AND {condition}"
    )


ECHOES = Statement(
    "echo_candidate",
    "The datagrams to the helper's echo that serve an endpoint: its own payload, and random bytes.",
    (*SUBJECT, "n"),
    "SELECT s.m, s.endpoint, s.address, f.n, f.place, f.echo_port, s.endpoint_port, f.family = s.address_family AS"
    " same_family, f.followup = 'same_payload_echo' AS same FROM subject s JOIN flow f ON f.m = s.m"
    " WHERE f.origin = 'probe' AND s.echo_payload <> '' AND f.echo_attempts > 0"
    " AND ((f.followup = 'same_payload_echo' AND f.echo_payload = s.echo_payload)"
    " OR (f.followup = 'other_payload_echo' AND f.echo_payload = 'other'))",
)

_FIRST_PORT = "CAST(substr(min(CASE WHEN same THEN '0' ELSE '1' END || place || echo_port), 8) AS BIGINT)"

ECHO_PORTS = Statement(
    "echo_port",
    "The port of the echo that both datagrams of a pair went to: the endpoint's own if the helper echoes there.",
    SUBJECT,
    "SELECT m, endpoint, address, CASE WHEN count(*) FILTER (WHERE echo_port = endpoint_port) > 0"
    f" THEN max(endpoint_port) ELSE {_FIRST_PORT} END AS port FROM echo_candidate GROUP BY m, endpoint, address",
)

ECHO_PAIRS = Statement(
    "echo_pair",
    "The datagrams at that port, of the address's family if there are any.",
    (*SUBJECT, "n"),
    "SELECT x.*, count(CASE WHEN x.same_family THEN 1 END) OVER (PARTITION BY x.m, x.endpoint, x.address) AS of_family"
    f" FROM echo_candidate x JOIN echo_port p ON {same_subject('p', 'x')} AND p.port = x.echo_port",
)

_AT_ADDRESS = "f.address = s.address"
_OF_ENDPOINT = "f.endpoint = s.endpoint"
_OF_FAMILY = "f.endpoint = s.endpoint AND f.family = s.address_family"
_OTHER_ANSWERED = (
    "(f.port = s.endpoint_port AND (f.http_answered OR (f.tls_answered AND f.tls_attempts > 0)))"
    " OR (f.tls_attempts > 0 AND f.payload_proven AND f.payload_kind = s.proof)"
)

_SELECTS = (
    "SELECT m, endpoint, address, 'target' AS role, n FROM target",
    _select(
        "innocuous",
        _AT_ADDRESS,
        "NOT s.is_literal AND (f.kind = 'innocuous' OR f.followup = 'other_name_same_address')"
        " AND f.port IN (s.endpoint_port, 0)"
        " AND ((f.quic_attempts > 0 AND s.name_layer = 'quic') OR (f.quic_attempts = 0 AND s.name_layer <> 'quic'))"
        f" AND {_NOT_NAMED}",
    ),
    _select(
        "neutral",
        "s.host IN (f.sent_name, f.tls_name, f.http_host)",
        f"NOT s.is_literal AND f.followup = 'same_name_neutral_host' AND {_NAME_ALONE}"
        f" AND (f.tcp_failure IS NOT NULL OR {_CARRIER} = s.name_layer)",
    ),
    _select(
        "other_protocol",
        _AT_ADDRESS,
        "s.tcp_then_payload AND f.kind IN ('first', 'confirm') AND f.endpoint <> s.endpoint AND f.quic_attempts = 0"
        f" AND ({_OTHER_ANSWERED})",
    ),
    "SELECT m, endpoint, address, CASE WHEN same THEN 'same_echo' ELSE 'other_echo' END AS role, n FROM echo_pair"
    " WHERE same_family OR of_family = 0",
    _select(
        "sip_limited",
        "f.family = s.address_family",
        "s.proof = 'sip' AND f.followup = 'limited_payload' AND f.sip_answered_at + f.sip_passed_at > 0",
    ),
    *(
        _select(
            role,
            _OF_FAMILY,
            f"NOT s.is_literal AND f.followup = '{followup}' AND {_NOT_NAMED} AND {_TRIED_NAME_LAYER}{further}",
        )
        for role, followup, further in (
            ("nonexistent_here", "nonexistent_name_same_address", " AND f.address = s.address"),
            ("nonexistent_neutral", "nonexistent_name_neutral_host", ""),
            ("own_neutral", "neutral_name_neutral_host", ""),
        )
    ),
    _select(
        "random",
        "f.port = s.endpoint_port",
        "f.followup = 'random_bytes_neutral_host' AND s.unlisted AND f.random_attempts > 0"
        f" AND f.family = s.address_family AND NOT {is_local('f.random_failure')}",
    ),
    _select(
        "named",
        _OF_ENDPOINT,
        "s.is_literal AND s.name_layer <> '' AND f.own AND f.address = s.address AND EXISTS"
        f" (SELECT 1 FROM target t WHERE {same_subject('t', 's')})",
    ),
    "SELECT s.m, s.endpoint, s.address, 'named' AS role, f.n FROM subject s"
    " JOIN flow f ON f.m = s.m AND f.endpoint = s.endpoint"
    " JOIN trust v ON v.m = s.m AND v.name = s.host AND v.address = f.address"
    " WHERE f.origin = 'probe' AND NOT s.is_literal AND s.name_layer <> '' AND f.own AND v.verified",
)

_TARGET_HELLO = f"SELECT 1 FROM target t WHERE {same_subject('t', 's')} AND t.tls_attempts > 0 AND"
_SAME_ENGINE = f"EXISTS ({_TARGET_HELLO} t.tls_engine = f.tls_engine)"
_SAME_LENGTH = f"EXISTS ({_TARGET_HELLO} t.tls_hello_length = f.tls_hello_length)"
_OUR_PROGRAM = f"EXISTS ({_TARGET_HELLO} t.program = {program_of('f.tls_engine')})"

_HELLOS = tuple(
    _select(role, _OF_FAMILY, f"f.followup = '{followup}' AND f.tls_attempts > 0 AND {condition}")
    for role, followup, condition in (
        ("browser", "browser_hello", f"f.tls_name = s.host AND NOT {_SAME_ENGINE}"),
        ("other_size", "other_size_hello", f"f.tls_name = s.host AND NOT {_SAME_LENGTH}"),
        ("again", "same_hello_again", f"f.tls_name = s.host AND {_SAME_ENGINE}"),
        ("innocuous_hello", "harmless_browser_hello", f"NOT {_HAS_NAME} AND NOT {_SAME_ENGINE}"),
    )
)

_ECH = tuple(
    _select(
        role,
        "f.family = s.address_family" if followup.startswith("neutral_") else _OF_FAMILY,
        f"f.followup = '{followup}' AND f.tls_attempts > 0 AND {'' if ech else 'NOT '}f.tls_ech"
        f" AND {'' if named else 'NOT '}{_HAS_NAME} AND {'' if ours else 'NOT '}{_OUR_PROGRAM}",
    )
    for role, followup, ech, ours, named in (
        ("ech_browser", "browser_hello", True, False, True),
        ("ech_browser_without", "browser_hello_without_ech", False, False, True),
        ("ech_innocuous", "harmless_browser_hello", True, False, False),
        ("ech_neutral", "neutral_browser_hello", True, False, False),
        ("ech_neutral_without", "neutral_browser_hello_without_ech", False, False, False),
        ("ech_neutral_ours", "neutral_hello_with_ech", True, True, False),
        ("ech_name_ours", "hello_with_ech_neutral_host", True, True, True),
        ("ech_name_ours_without", "same_name_neutral_host", False, True, True),
    )
)

_DTLS = tuple(
    _select(
        role,
        f"{_OF_ENDPOINT} AND {_AT_ADDRESS} AND f.port = s.endpoint_port",
        f"f.followup = '{followup}' AND f.payload_kind = 'dtls' AND f.dtls_hello = '{shape}'",
    )
    for role, followup, shape in (
        ("dtls_firefox", "firefox_dtls_hello", "firefox"),
        ("dtls_newer", "dtls13_hello", "dtls13"),
        ("dtls_same", "same_dtls_hello_again", "openssl"),
    )
)

_AT_ENDPOINT = f"{_OF_ENDPOINT} AND {_AT_ADDRESS} AND f.port = s.endpoint_port"
_TRANSFERS = tuple(
    _select(role, _AT_ENDPOINT, f"f.followup = '{followup}' AND f.stream_bytes >= 0 AND {condition}")
    for role, followup, condition in (
        ("transfer_again", "same_transfer_again", _NAME_ALONE),
        (
            "transfer_small",
            "small_segments_transfer",
            f"{_NAME_ALONE} AND f.stream_segment BETWEEN 1 AND {SMALL_SEGMENT}",
        ),
        ("transfer_small", "pings_before_transfer", f"{_NAME_ALONE} AND f.quic_attempts > 0"),
        ("transfer_other", "innocuous_name_transfer", f"NOT {_HAS_NAME} AND f.tls_name <> '' AND f.http_host = s.host"),
    )
)

_KEPT = tuple(
    _select(role, join, f"f.followup = '{followup}' AND f.kept_answers >= 0 AND {condition}")
    for role, join, followup, condition in (
        ("kept_name", _AT_ENDPOINT, "kept_connection", _NAME_ALONE),
        ("kept_other", _AT_ENDPOINT, "kept_connection_innocuous", f"NOT {_HAS_NAME} AND {_TRIED_NAME_LAYER}"),
        ("kept_neutral", _OF_FAMILY, "kept_connection_neutral", f"{_NOT_NAMED} AND {_TRIED_NAME_LAYER}"),
        ("kept_name_neutral", _OF_FAMILY, "kept_connection_name_neutral", f"{_NAME_ALONE} AND {_TRIED_NAME_LAYER}"),
    )
)

LINKS = Statement(
    "link",
    "The flows that count for an endpoint's address, by role. A flow counts only if its entry confirms its label.",
    (*SUBJECT, "role", "n"),
    "\nUNION ALL ".join((*_SELECTS, *_HELLOS, *_ECH, *_DTLS, *_TRANSFERS, *_KEPT, *CONTROL_LINKS)),
)

LINK_STATEMENTS = (ECHOES, ECHO_PORTS, ECHO_PAIRS, LINKS)
