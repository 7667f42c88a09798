"""Declare the tables that Python fills when a measurement is flattened. `m` numbers the measurements of a batch."""

from probe.analysis.observations.media_figures import MediaRow
from probe.analysis.observations.observation import Observation, column_types
from probe.analysis.observations.transfer_row import TransferRow
from probe.analysis.sql.statement import InputTable

INT, REAL, BOOL, TEXT = "BIGINT", "DOUBLE", "BOOLEAN", "VARCHAR"
_TYPES = {"str": TEXT, "str | None": TEXT, "int": INT, "bool": BOOL, "float": REAL, "float | None": REAL}
_BESIDE = ("queries", "sources", "http_fingerprints")


def _observation_columns() -> dict[str, tuple[str, str]]:
    columns = column_types(Observation).items()
    return {name: (_TYPES[kind], meaning) for name, (kind, meaning) in columns if name not in _BESIDE}


MEASUREMENT = InputTable(
    "measurement",
    "One row per measurement: what it says about its network and its control.",
    {
        "m": (INT, "number of the measurement"),
        "is_foreign": (BOOL, "OONI's measurement"),
        "unread": (BOOL, "no rule covers its nettest"),
        "bugs": (INT, "bugs of the probe outside of transactions"),
        "captured": (BOOL, "made from a capture of other programs' packets"),
        "retired": (BOOL, "the target file says that the product is retired"),
        "interrupted": (BOOL, "the run was interrupted"),
        "out_of_time": (BOOL, "the time limit of the run was over"),
        "speed_unknown": (BOOL, "the speed of pages was to be compared with transfers, and none was measured"),
        "slow": (BOOL, "the access line is so slow that silence proves nothing"),
        "first_lossy": (BOOL, "packets to neutral hosts of a proven family were lost before the run"),
        "resets_needed": (INT, "resets in a row that chance does not explain, 0 if nothing is reset at random"),
        "connect_cut_off_needed": (INT, "the same for connects that are refused or reset"),
        "connect_silent_needed": (INT, "the same for connects without an answer"),
        "data_silent_needed": (INT, "the same for messages without an answer on a connection"),
        "checks": (
            TEXT,
            "the checks that the run makes when they are due, each between spaces, empty if none are listed",
        ),
        "resolver_answered": (BOOL, "the system resolver answered for a neutral name in the preflight"),
        "echo_offered": (BOOL, "the test helper offered its UDP echo"),
        "udp_fact": (INT, "UDP passed in the preflight: 1 yes, 0 no, -1 unknown"),
        "preflight_began": (REAL, "begin of the preflight on the measurement's clock, NULL if unknown"),
        "dark_answers": (INT, "a non-resolver answered in the preflight: 1 yes, 0 no, -1 unknown"),
        "neutral_way": (TEXT, "how all neutral hosts failed in the preflight: reset, cut, stopped, else empty"),
        "resolver_place": (TEXT, "where the resolver in use is: listed, public, this_computer, and so on"),
        "assigned_place": (TEXT, "where the assigned resolver is, if the computer asks another one"),
        "control_ipv4": (BOOL, "IPv4 works at the control"),
        "control_ipv6": (BOOL, "IPv6 works at the control"),
        "control_udp": (BOOL, "UDP works at the control"),
    },
)
FAMILY = InputTable(
    "family",
    "One row per address family that works here.",
    {
        "m": (INT, "number of the measurement"),
        "family": (INT, "4 or 6"),
        "proven": (BOOL, "some host proved its identity over it with packets of the run's size"),
    },
)
NETWORK_CHECK = InputTable(
    "network_check",
    "Two rows per check of the network, one for each family. Check 0 is the preflight.",
    {
        "m": (INT, "number of the measurement"),
        "check_number": (INT, "number of the check"),
        "began": (REAL, "begin on the measurement's clock, NULL if unknown"),
        "family": (INT, "4 or 6"),
        "works": (BOOL, "the family works here"),
        "lost": (BOOL, "no neutral host of the family answered"),
        "lossy": (BOOL, "packets to neutral hosts of the family were lost"),
        "unproven": (BOOL, "no neutral host of the family proved its identity"),
        "outage": (BOOL, "the family is proven, and the check did not reach a neutral host, though others"),
        "udp_public": (INT, "UDP to public servers passed: 1 yes, 0 no, -1 unknown"),
    },
)
NEUTRAL_RESULT = InputTable(
    "neutral_result",
    "One row per check of the network and neutral host that was tried in it.",
    {
        "m": (INT, "number of the measurement"),
        "check_number": (INT, "number of the check"),
        "began": (REAL, "begin of the check, NULL if unknown"),
        "address": (TEXT, "address of the neutral host"),
        "endpoint_host": (TEXT, "name of the neutral host, empty if its endpoint is invalid"),
        "worked": (BOOL, "it did not fail"),
        "shows_certificate": (BOOL, "first result of this address that was to show a certificate"),
    },
)
SERVICE = InputTable(
    "service",
    "One row per service of the measurement's target.",
    {
        "m": (INT, "number of the measurement"),
        "role": (TEXT, "name of the service in its target"),
        "rank": (INT, "position in the target, from 0"),
        "any_suffices": (BOOL, "one working endpoint is enough"),
        "media": (TEXT, "shape of the packets in its calls, empty if unknown"),
    },
)
SERVICE_ENDPOINT = InputTable(
    "service_endpoint",
    "One row per service and endpoint, with the endpoints that answers redirected to.",
    {
        "m": (INT, "number of the measurement"),
        "role": (TEXT, "name of the service in its target"),
        "position": (INT, "position in the service's list, from 0"),
        "endpoint": (TEXT, "URL of the endpoint"),
    },
)
ENDPOINT = InputTable(
    "endpoint_fact",
    "One row per valid endpoint's URL: its parts, and facts about its dialect (probe/targets/dialects.py).",
    {
        "endpoint": (TEXT, "URL"),
        "host": (TEXT, "host name or address without brackets"),
        "bracketed": (TEXT, "the host in brackets, as an HTTP Host header has an IPv6 address"),
        "host_site": (TEXT, "registrable domain of the host, as far as its last labels show"),
        "is_literal": (BOOL, "the host is an address"),
        "literal_family": (INT, "4 or 6 of a literal, else 0"),
        "endpoint_port": (INT, "port"),
        "by_datagram": (BOOL, "carried by UDP"),
        "dialect": (TEXT, "scheme, with the transport for STUN, TURN and SIP"),
        "is_http": (BOOL, "the dialect is http, without TLS"),
        "faked_by_any_device": (BOOL, "no layer proves the server's identity"),
        "name_layer": (TEXT, "layer at which flows with the name are compared, empty for none"),
        "proof": (TEXT, "word for a success at the topmost layer"),
        "payload_authenticates": (BOOL, "only the genuine server can pass the payload"),
        "payload_names_no_server": (BOOL, "any server could give the expected answer"),
        "unlisted": (BOOL, "the payload belongs to one operator's own protocol"),
        "is_resolver": (BOOL, "the server is a DNS resolver"),
        "starttls": (BOOL, "the dialogue begins in the clear and asks for TLS"),
        "echo_payload": (TEXT, "kind of the datagram repeated to the helper's echo, empty for none"),
        "tcp_then_payload": (BOOL, "the last two layers are TCP and the payload"),
        "needs_tcp": (BOOL, "the layer is needed"),
        "needs_tls": (BOOL, "the layer is needed"),
        "needs_quic": (BOOL, "the layer is needed"),
        "needs_http": (BOOL, "the layer is needed"),
        "needs_mail": (BOOL, "the layer is needed"),
        "needs_payload": (BOOL, "the layer is needed"),
        "first_layer": (TEXT, "lowest layer"),
        "second_layer": (TEXT, "next layer, empty for none"),
        "third_layer": (TEXT, "next layer, empty for none"),
        "top_layer": (TEXT, "topmost layer"),
        "first_depth": (INT, "place of the proof at the first layer in PROOF_DEPTH, from 1"),
        "second_depth": (INT, "the same of the second layer, 0 for none"),
        "third_depth": (INT, "the same of the third layer, 0 for none"),
        "payload_rules": (TEXT, "rule table of the layer payload"),
    },
)
OBSERVATION = InputTable(
    "observation",
    "One row per transaction of the probe and the control, in their order.",
    {
        "m": (INT, "number of the measurement"),
        "n": (INT, "position in the measurement, from 0, those of the control last"),
        "place": (TEXT, "the position as text of six digits, so that texts sort like it"),
        **_observation_columns(),
        "fingerprints": (INT, "known block pages in the HTTP answer"),
        "http_redirect_site": (TEXT, "registrable domain of the host redirected to, empty for none"),
    },
)
MEDIA_PAIR = InputTable(
    "media_pair",
    "Three rows per pair of media flows to the helper: figures of each direction, and of both together.",
    {
        "m": (INT, "number of the measurement"),
        **{name: (_TYPES[kind], meaning) for name, (kind, meaning) in column_types(MediaRow).items()},
    },
)
TRANSFER_PAIR = InputTable(
    "transfer_pair",
    "One row per pair of transfers from the helper, under a name of the target and an innocuous one.",
    {
        "m": (INT, "number of the measurement"),
        **{name: (_TYPES[kind], meaning) for name, (kind, meaning) in column_types(TransferRow).items()},
    },
)
LOOKUP = InputTable(
    "lookup",
    "One row per DNS query of an observation.",
    {
        "m": (INT, "number of the measurement"),
        "n": (INT, "the observation"),
        "q": (INT, "position in the observation, from 0"),
        "place": (TEXT, "positions of observation and query as text of twelve digits, so that texts sort like them"),
        "hostname": (TEXT, "name queried"),
        "query_family": (INT, "4 for A, 6 for AAAA, else 0"),
        "engine": (TEXT, "protocol or library"),
        "encrypted": (BOOL, "the engine is DoT or DoH"),
        "resolver": (TEXT, "address of the resolver, or system"),
        "query_failure": (TEXT, "failure of the query, NULL for an answer"),
        "answered": (BOOL, "the answer has an address"),
        "datagrams": (INT, "datagrams that arrived for the query"),
        "round_trip": (REAL, "seconds until the first datagram, 0 without one"),
        "in_hosts_file": (BOOL, "the addresses stand in the hosts file of the user's computer"),
        "published": (BOOL, "OONI's measurement with a valid certificate: the operator published each address"),
        "is_last": (BOOL, "the observation's last query"),
    },
)
MESSAGE = InputTable(
    "message",
    "One row per answer to a query: the one that was used (d = 0), and each datagram that arrived (d = 1, 2, …).",
    {
        "m": (INT, "number of the measurement"),
        "n": (INT, "the observation"),
        "q": (INT, "the query"),
        "d": (INT, "0 for the answer that was used, else the datagram's position from 1"),
        "message_failure": (TEXT, "failure, NULL for an answer"),
        "ip_ttl": (INT, "received TTL, 0 if unknown"),
        "unlike_usual": (BOOL, "a datagram whose TTL or flags differ from the system resolver's in the preflight"),
        "address_count": (INT, "addresses in it"),
        "bogons": (INT, "addresses in it that no public service can have"),
        "address_set": (TEXT, "its distinct addresses, sorted, as one text"),
        "form": (TEXT, "what it has: address, null, loopback, private, nxdomain, no_answer, refused, other"),
        "authoritative": (BOOL, "a datagram with the flag AA"),
        "record_ttl": (INT, "seconds for which its first address may be kept, -1 if unknown"),
    },
)
ANSWER = InputTable(
    "answer",
    "One row per address in a message.",
    {
        "m": (INT, "number of the measurement"),
        "n": (INT, "the observation"),
        "q": (INT, "the query"),
        "d": (INT, "the message"),
        "address": (TEXT, "address"),
    },
)
ADDRESS = InputTable(
    "address_fact",
    "One row per address of a measurement, in answers and of transactions.",
    {
        "m": (INT, "number of the measurement"),
        "address": (TEXT, "address, or another word in its place"),
        "address_family": (INT, "6 with a colon, else 4"),
        "asn": (INT, "AS number that the measurement gives, 0 for none"),
        "bogon": (BOOL, "no public service can have it"),
        "known_forgery": (BOOL, "censors of the probe's country are known to give it in false answers"),
        "network": (TEXT, "the first address of its /24 or /48, empty for no address"),
    },
)
FILTER_CONTROL = InputTable(
    "filter_control",
    "One row per name of advertising or of a filter's test that the system resolver was asked for, and that exists.",
    {
        "m": (INT, "number of the measurement"),
        "name": (TEXT, "name"),
        "kind": (TEXT, "advertisement or test"),
        "form": (TEXT, "what the answer had, as in the table message"),
        "address_set": (TEXT, "the distinct public addresses in the answer, sorted, as one text"),
        "authoritative": (BOOL, "the answer has the flag AA"),
        "record_ttl": (INT, "seconds for which its first address may be kept, -1 if unknown"),
        "resolver": (TEXT, "where the resolver is: listed, public, this_computer, local_network, elsewhere"),
        "far": (BOOL, "its answers passed two routers or more"),
    },
)
PORT_CONNECT = InputTable(
    "port_connect",
    "One row per connect of the run to an unrelated server, after connects to a service failed at a port.",
    {
        "m": (INT, "number of the measurement"),
        "host": (TEXT, "name of the server"),
        "family": (INT, "4 or 6"),
        "port": (INT, "port"),
        "way": (TEXT, "accepted, silent, or rejected (refused, reset or reported unreachable)"),
    },
)
INPUTS = (
    MEASUREMENT,
    FAMILY,
    NETWORK_CHECK,
    NEUTRAL_RESULT,
    SERVICE,
    SERVICE_ENDPOINT,
    ENDPOINT,
    OBSERVATION,
    MEDIA_PAIR,
    TRANSFER_PAIR,
    LOOKUP,
    MESSAGE,
    ANSWER,
    ADDRESS,
    FILTER_CONTROL,
    PORT_CONNECT,
)
