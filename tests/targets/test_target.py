"""Target files: the bundled ones are whole and sourced, and a bad one is answered with what is wrong."""

import hashlib
import ipaddress
import re
from datetime import date
from pathlib import Path

import pytest

from probe.targets.dialects import SCHEMES
from probe.targets.target import (
    NOT_TARGETS,
    TargetError,
    bundled_targets,
    load_neutral,
    load_target,
    parse_endpoint,
    pick_targets,
    target_names,
)
from tests.support.ooni.facts import DATA_CENTRES, OONI_ENDPOINTS

FOLDER = bundled_targets()
FILES = sorted(FOLDER.glob("*.toml"))
ORDINARY = [path for path in FILES if path.stem != "neutral"]
GOOD = """
nettest = "endpoint_reachability"
title = "A new service"
source = "https://example.org/hosts"
reviewed = 2026-11-24
[services.web]
endpoints = ["https://example.org:443/"]
"""


def written(tmp_path: Path, text: str, name: str = "new") -> Path:
    path = tmp_path / f"{name}.toml"
    path.write_text(text)
    return path


# -- the bundled files ------------------------------------------------------------------------------------------------


PRODUCTS = {"telegram", "whatsapp", "gmail", "skype", "teams", "signal", "facebook", "x", "snapchat", "wechat"}
PROVIDERS = {"sip", "stun"}  # targets with a service per provider
WHEN_NAMED = {"mail", "turn"}  # providers of what the others do not speak, measured when they are named


def test_the_missions_targets_are_there() -> None:
    assert set(target_names(FOLDER)) == PRODUCTS | PROVIDERS | WHEN_NAMED | {"resolvers"}
    assert {path.stem for path in FILES} >= NOT_TARGETS


@pytest.mark.parametrize("path", ORDINARY, ids=lambda path: path.stem)
def test_every_endpoint_cites_its_source(path: Path) -> None:
    target = load_target(path)
    assert target.source.startswith("https://")
    assert date(2026, 1, 1) <= target.reviewed
    assert [e.url for _, e in target.endpoints() if not (e.source or "").startswith("https://")] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_file_says_when_its_sources_were_opened(path: Path) -> None:
    assert re.search(r"[Oo]pened 20\d\d-\d\d-\d\d", path.read_text())


@pytest.mark.parametrize("path", ORDINARY, ids=lambda path: path.stem)
def test_no_endpoint_stands_twice_and_literals_are_public(path: Path) -> None:
    endpoints = [endpoint for _, endpoint in load_target(path).endpoints()]
    assert len({endpoint.url for endpoint in endpoints}) == len(endpoints)
    literals = [endpoint.host for endpoint in endpoints if endpoint.is_literal]
    assert all(ipaddress.ip_address(host).is_global and str(ipaddress.ip_address(host)) == host for host in literals)


@pytest.mark.parametrize("nettest", OONI_ENDPOINTS)
def test_what_is_marked_as_oonis_is_what_ooni_measures(nettest: str) -> None:
    """Against the list that the checker holds, which was read from OONI's code and not from our target files."""
    target = next(target for target in map(load_target, ORDINARY) if target.nettest == nettest)
    assert {e.url for _, e in target.endpoints() if e.ooni} == OONI_ENDPOINTS[nettest]


@pytest.mark.parametrize(("name", "dialect"), [("stun", "stun/udp"), ("resolvers", "doh")])
def test_where_a_line_has_an_input_each_service_has_the_one_that_ooni_can_ask(name: str, dialect: str) -> None:
    target = load_target(FOLDER / f"{name}.toml")
    marked = {role: [e.dialect for e in s.endpoints if e.ooni] for role, s in target.services.items()}
    assert marked == {role: [dialect] for role in target.services}


def test_telegrams_addresses_stay_within_law_7() -> None:
    """Six triggers per address in a run: three flows and their confirmations."""
    per_address: dict[str, int] = {}
    for _, endpoint in load_target(FOLDER / "telegram.toml").endpoints():
        if endpoint.is_literal:
            per_address[endpoint.host] = per_address.get(endpoint.host, 0) + 1
    assert set(DATA_CENTRES) <= per_address.keys()
    assert max(per_address.values()) <= 3


def test_the_services_are_the_designs() -> None:
    roles = {name: set(load_target(FOLDER / f"{name}.toml").services) for name in ("telegram", "whatsapp", "gmail")}
    assert roles == {
        "telegram": {"web", "dc_pool"},
        "whatsapp": {"web", "registration", "chat", "media", "calls"},
        "gmail": {"web", "smtp", "imap"},
    }
    assert load_target(FOLDER / "telegram.toml").services["dc_pool"].works_if == "any"


CALLS = {"signal": {"calls", "group_calls"}, "facebook": {"calls"}, "teams": {"calls"}}
MESSAGES = {"signal": {"chat"}, "facebook": {"chat"}, "teams": {"chat"}}


@pytest.mark.parametrize("name", sorted(CALLS))
def test_messages_and_calls_are_judged_apart(name: str) -> None:
    services = load_target(FOLDER / f"{name}.toml").services
    assert services.keys() >= CALLS[name] | MESSAGES[name]
    hosts = {role: {endpoint.host for endpoint in service.endpoints} for role, service in services.items()}
    for calls in CALLS[name]:
        assert all(hosts[calls].isdisjoint(hosts[messages]) for messages in MESSAGES[name])
    assert any(endpoint.carrier == "udp" for endpoint in services["calls"].endpoints)


def test_what_is_retired_says_since_when_and_what_took_its_place() -> None:
    targets = {name: load_target(FOLDER / f"{name}.toml") for name in target_names(FOLDER)}
    retired = {name: (target.retired, target.successor) for name, target in targets.items() if target.retired}
    assert retired == {"skype": (date(2025, 5, 5), "teams")}
    assert all(target.successor in targets for target in targets.values() if target.successor)


@pytest.mark.parametrize("name", sorted(PROVIDERS))
def test_providers_are_few_and_each_endpoint_names_its_transport(name: str) -> None:
    target = load_target(FOLDER / f"{name}.toml")
    assert 4 <= len(target.services) <= {"sip": 6, "stun": 11}[name]  # OONI's eight STUN servers, and three of ours
    for _, endpoint in target.endpoints():
        assert (endpoint.scheme, bool(endpoint.transport), endpoint.is_literal) == (name, True, False)
    assert {endpoint.transport for _, endpoint in target.endpoints()} == {"udp", "tcp", "tls"}


def test_providers_of_british_numbers_are_among_them() -> None:
    services = load_target(FOLDER / "sip.toml").services
    assert services.keys() >= {"voipfone", "andrews_arnold", "sipgate_uk"}
    assert {services[role].endpoints[0].dialect for role in ("voipfone", "andrews_arnold", "sipgate_uk")} == {"sip/udp"}


def test_no_name_gets_more_flows_than_law_7_leaves() -> None:
    """Two a name and carrier in a first pass: with their confirmations, four of six."""
    flows: dict[tuple[str, str], int] = {}
    for target in (load_target(FOLDER / f"{name}.toml") for name in target_names(FOLDER)):
        for _, endpoint in target.endpoints():
            if not endpoint.is_literal:
                key = (endpoint.host, endpoint.carrier)
                flows[key] = flows.get(key, 0) + 1
    assert {key: count for key, count in flows.items() if count > 2} == {}


def test_only_the_targets_of_oonis_nettests_hold_its_endpoints() -> None:
    targets = [load_target(FOLDER / f"{name}.toml") for name in target_names(FOLDER)]
    marked = {t.name for t in targets if any(e.ooni for _, e in t.endpoints())}
    assert marked == {"facebook", "resolvers", "signal", "stun", "telegram", "whatsapp"}


def test_each_resolver_can_be_asked_over_both_families_and_encrypted() -> None:
    resolvers = load_target(FOLDER / "resolvers.toml")
    assert len(resolvers.services) >= 3
    for service in resolvers.services.values():
        plain = [ipaddress.ip_address(e.host).version for e in service.endpoints if e.scheme == "dns+udp"]
        assert sorted(plain) == [4, 6]
        assert {"dot", "doh"} <= {endpoint.scheme for endpoint in service.endpoints}


def test_the_neutral_file_is_fit_for_its_use() -> None:
    neutral = load_neutral(FOLDER / "neutral.toml")
    over_tls = [endpoint for endpoint in neutral.endpoints if endpoint.scheme == "https"]
    assert len({".".join(endpoint.host.split(".")[-2:]) for endpoint in over_tls}) >= 3
    assert [endpoint.scheme for endpoint in neutral.endpoints if endpoint not in over_tls] == ["quic"]
    targets = [load_target(FOLDER / f"{name}.toml") for name in target_names(FOLDER)]
    contacted = {endpoint.host for target in targets for _, endpoint in target.endpoints()}
    assert not contacted & ({endpoint.host for endpoint in neutral.endpoints} | set(neutral.innocuous))
    assert neutral.nonexistent.endswith(".invalid")
    assert neutral.dark is not None and ipaddress.ip_address(neutral.dark).is_global
    resolvers = {e.host for _, e in load_target(FOLDER / "resolvers.toml").endpoints()}
    assert neutral.dark not in resolvers
    assert len(neutral.portal) >= 2
    assert all(check.scheme == "http" and status == 200 and body for check, status, body in neutral.portal)


# -- the grammar ------------------------------------------------------------------------------------------------------


def test_a_new_service_needs_a_file_and_no_code(tmp_path: Path) -> None:
    target = load_target(written(tmp_path, GOOD), frozenset({"endpoint_reachability"}))
    assert target.name == "new" and target.default
    (endpoint,) = target.services["web"].endpoints
    assert (endpoint.scheme, endpoint.host, endpoint.port, endpoint.path) == ("https", "example.org", 443, "/")
    assert [found.name for found in pick_targets(tmp_path, [])] == ["new"]


BAD = [
    ("title =", "titel =", r"titel: unknown key.*did you mean 'title'"),
    ('title = "A new service"\n', "", r"title: field required"),
    ("reviewed = 2026-11-24", 'reviewed = "lately"', r"reviewed: "),
    ("endpoints = [", "works_if = 'some'\nendpoints = [", r"services\.web\.works_if: .*'all' or 'any'"),
    ('["https://example.org:443/"]', "[]", r"services\.web\.endpoints: .*at least 1 item"),
    ('endpoints = ["https://example.org:443/"]', "", r"services\.web\.endpoints: field required"),
    (":443/", "/", r"services\.web\.endpoints\[1\]: .*explicit port"),
    (":443/", ":99999/", r"services\.web\.endpoints\[1\]: .*no usable port"),
    ('["https://', '["htps://', r"services\.web\.endpoints\[1\]: .*unknown scheme.*did you mean 'https'"),
    ('"https://example.org:443/"', '"stun://example.org:3478;transport=icmp"', r"bad parameter.*udp, tcp or tls"),
    ('"https://example.org:443/"', '{ url = "tcp://example.org:1", host = "x" }', r"host: unknown key"),
    ("services.web", "services.Web", r"role 'Web': expected lower-case"),
    (
        "[services.web]",
        "[services.web]\nretired = 1",
        r"services\.web\.retired: unknown key; expected one of endpoints, works_if$",
    ),
    ("reviewed", "reviewed = = 1\nreviewed", r"is not valid TOML"),
    ("endpoint_reachability", "endpoint_reachabilty", r"nettest: 'endpoint_reachabilty' is unknown; expected one of"),
]


@pytest.mark.parametrize(("old", "new", "sentence"), BAD, ids=[sentence[:28] for _, _, sentence in BAD])
def test_a_bad_file_is_answered_with_file_key_and_what_was_expected(
    tmp_path: Path, old: str, new: str, sentence: str
) -> None:
    assert old in GOOD
    path = written(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(TargetError) as caught:
        load_target(path, frozenset({"endpoint_reachability"}))
    said = str(caught.value)
    assert said.startswith(f"{path}: ") and "\n" not in said.rstrip("\n").split(" (at line")[0]
    assert re.search(sentence, said, re.IGNORECASE), said


@pytest.mark.parametrize("content", [b"\xff\xfe", None])
def test_what_is_no_text_or_not_there_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "x.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(TargetError, match=re.escape(str(path))):
        load_target(path)


def test_an_unknown_target_gets_a_hint(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match=r"unknown target 'telegrm'.*did you mean 'telegram'"):
        pick_targets(FOLDER, ["telegrm"])
    with pytest.raises(TargetError, match="no folder of target files"):
        target_names(tmp_path / "none")


def test_targets_that_are_off_by_default_are_measured_when_named(tmp_path: Path) -> None:
    written(tmp_path, "default = false\n" + GOOD)
    assert pick_targets(tmp_path, []) == []
    assert [target.name for target in pick_targets(tmp_path, ["new"])] == ["new"]


def test_the_digest_follows_the_file(tmp_path: Path) -> None:
    one, two = load_target(written(tmp_path, GOOD)), load_target(written(tmp_path, GOOD + "# more\n", "other"))
    assert one.digest != two.digest and len(one.digest) == 64


@pytest.mark.parametrize("scheme", sorted(SCHEMES))
def test_every_scheme_of_the_grammar_is_read(scheme: str) -> None:
    endpoint = parse_endpoint(f"{scheme}://[2001:db8::1]:5222/a")
    assert (endpoint.scheme, endpoint.host, endpoint.port, endpoint.is_literal) == (scheme, "2001:db8::1", 5222, True)


def test_a_bad_neutral_file_is_answered_alike(tmp_path: Path) -> None:
    text = (FOLDER / "neutral.toml").read_text()
    with pytest.raises(TargetError, match=r"darkk: unknown key.*did you mean 'dark'"):
        load_neutral(written(tmp_path, text.replace("dark =", "darkk =")))
    with pytest.raises(TargetError, match=r"portal\[1\]: .*explicit port"):
        load_neutral(written(tmp_path, text.replace(".org:80/nm", ".org/nm")))


# -- a target's own authorities ---------------------------------------------------------------------------------------


def test_signals_own_authorities_stand_beside_its_file() -> None:
    signal = load_target(bundled_targets() / "signal.toml")
    assert signal.roots.count("-----BEGIN CERTIFICATE-----") == 2
    assert signal.digest != hashlib.sha256((bundled_targets() / "signal.toml").read_bytes()).hexdigest()
    assert all(target.roots == "" for target in pick_targets(bundled_targets(), ["telegram", "whatsapp"]))


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("own.pem", None, "roots: own.pem cannot be read"),
        ("own.pem", "no certificate", "roots: own.pem holds no certificate"),
        ("own.pem", "\u00fc", "roots: own.pem holds no certificate"),
        ("../own.pem", "-----BEGIN CERTIFICATE-----", "roots: "),
        ("/etc/own.pem", "-----BEGIN CERTIFICATE-----", "roots: "),
    ],
)
def test_authorities_that_cannot_be_used(tmp_path: Path, name: str, content: str | None, sentence: str) -> None:
    folder = tmp_path / "targets"
    folder.mkdir()
    if content is not None:
        (folder / name).resolve().write_text(content) if "etc" not in name else None
    path = folder / "mine.toml"
    text = (bundled_targets() / "x.toml").read_text()
    path.write_text(text.replace("reviewed = 2026-11-24\n", f'reviewed = 2026-11-24\nroots = "{name}"\n', 1))
    with pytest.raises(TargetError, match=re.escape(sentence)):
        load_target(path)
