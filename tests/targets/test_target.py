"""Test that bundled target files are complete and cite sources, and that a bad file is reported with its problem."""

import hashlib
import ipaddress
import re
from datetime import date
from pathlib import Path

import pytest

from probe.targets.dialects import SCHEMES
from probe.targets.target import parse_endpoint
from probe.targets.target_error import TargetError
from probe.targets.target_files import (
    NOT_TARGETS,
    bundled_targets,
    load_neutral,
    load_target,
    pick_targets,
    target_names,
)
from tests.support.ooni.facts import DATA_CENTRES, OONI_ENDPOINTS

FOLDER = bundled_targets()
FILES = sorted(FOLDER.glob("*.toml"))
ORDINARY = [path for path in FILES if path.stem not in NOT_TARGETS]
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
CHANNELS = {"push"}  # what an incoming call needs besides its app
WHEN_NAMED = {"mail", "turn"}  # not measured by default


def test_bundled_folder_contains_the_expected_targets() -> None:
    assert set(target_names(FOLDER)) >= PRODUCTS | PROVIDERS | CHANNELS | WHEN_NAMED | {"resolvers"}
    assert {path.stem for path in FILES} >= NOT_TARGETS


@pytest.mark.parametrize("path", ORDINARY, ids=lambda path: path.stem)
def test_every_endpoint_cites_a_source(path: Path) -> None:
    target = load_target(path)
    assert target.source.startswith("https://")
    assert date(2026, 1, 1) <= target.reviewed
    assert [e.url for _, e in target.endpoints() if not (e.source or "").startswith("https://")] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_file_states_when_its_sources_were_opened(path: Path) -> None:
    assert re.search(r"[Oo]pened 20\d\d-\d\d-\d\d", path.read_text())


@pytest.mark.parametrize("path", ORDINARY, ids=lambda path: path.stem)
def test_endpoints_are_unique_and_literal_addresses_are_public(path: Path) -> None:
    endpoints = [endpoint for _, endpoint in load_target(path).endpoints()]
    assert len({endpoint.url for endpoint in endpoints}) == len(endpoints)
    literals = [endpoint.host for endpoint in endpoints if endpoint.is_literal]
    assert all(ipaddress.ip_address(host).is_global and str(ipaddress.ip_address(host)) == host for host in literals)


@pytest.mark.parametrize("nettest", OONI_ENDPOINTS)
def test_endpoints_marked_ooni_are_those_that_ooni_measures(nettest: str) -> None:
    """Compare with a list that was read from OONI's code and not from our target files."""
    target = next(target for target in map(load_target, ORDINARY) if target.nettest == nettest)
    assert {e.url for _, e in target.endpoints() if e.ooni} == OONI_ENDPOINTS[nettest]


@pytest.mark.parametrize(("name", "dialect"), [("stun", "stun/udp"), ("resolvers", "doh")])
def test_services_of_nettests_with_input_mark_one_dialect_for_ooni(name: str, dialect: str) -> None:
    target = load_target(FOLDER / f"{name}.toml")
    marked = {role: [e.dialect for e in s.endpoints if e.ooni] for role, s in target.services.items()}
    assert marked == {role: [dialect] for role in target.services}


def test_telegram_addresses_stay_within_the_trigger_budget() -> None:
    """Allow three flows per address, which are six triggers with their confirmations."""
    per_address: dict[str, int] = {}
    for _, endpoint in load_target(FOLDER / "telegram.toml").endpoints():
        if endpoint.is_literal:
            per_address[endpoint.host] = per_address.get(endpoint.host, 0) + 1
    assert set(DATA_CENTRES) <= per_address.keys()
    assert max(per_address.values()) <= 3


def test_telegram_whatsapp_and_gmail_have_their_services() -> None:
    expected = {
        "telegram": {"web", "dc_pool"},
        "whatsapp": {"web", "registration", "chat", "media", "calls"},
        "gmail": {"web", "smtp", "imap"},
    }
    for name, roles in expected.items():
        assert load_target(FOLDER / f"{name}.toml").services.keys() >= roles
    assert load_target(FOLDER / "telegram.toml").services["dc_pool"].works_if == "any"


CALLS = {"signal": {"calls", "group_calls"}, "facebook": {"calls"}, "teams": {"calls"}}
MESSAGES = {"signal": {"chat"}, "facebook": {"chat"}, "teams": {"chat"}}


@pytest.mark.parametrize("name", sorted(CALLS))
def test_messages_and_calls_are_separate_services(name: str) -> None:
    services = load_target(FOLDER / f"{name}.toml").services
    assert services.keys() >= CALLS[name] | MESSAGES[name]
    hosts = {role: {endpoint.host for endpoint in service.endpoints} for role, service in services.items()}
    for calls in CALLS[name]:
        assert all(hosts[calls].isdisjoint(hosts[messages]) for messages in MESSAGES[name])
    assert any(endpoint.carrier == "udp" for endpoint in services["calls"].endpoints)


def test_retired_targets_have_a_date_and_a_successor() -> None:
    targets = {name: load_target(FOLDER / f"{name}.toml") for name in target_names(FOLDER)}
    retired = {name: (target.retired, target.successor) for name, target in targets.items() if target.retired}
    assert retired == {"skype": (date(2025, 5, 5), "teams")}
    assert all(target.successor in targets for target in targets.values() if target.successor)


@pytest.mark.parametrize("name", sorted(PROVIDERS))
def test_call_providers_state_the_transport_of_each_endpoint(name: str) -> None:
    target = load_target(FOLDER / f"{name}.toml")
    assert 4 <= len(target.services) <= 20  # few, because each of them costs triggers (P7)
    for _, endpoint in target.endpoints():
        assert (endpoint.scheme, bool(endpoint.transport), endpoint.is_literal) == (name, True, False)
    assert {endpoint.transport for _, endpoint in target.endpoints()} == {"udp", "tcp", "tls"}


def test_sip_has_providers_of_british_numbers() -> None:
    services = load_target(FOLDER / "sip.toml").services
    assert services.keys() >= {"voipfone", "andrews_arnold", "sipgate_uk"}
    assert {services[role].endpoints[0].dialect for role in ("voipfone", "andrews_arnold", "sipgate_uk")} == {"sip/udp"}


def test_no_name_gets_more_flows_than_the_trigger_budget_allows() -> None:
    """Allow two flows per name and carrier in a first pass, which are four triggers of six with their confirmations.

    Signal's relays share a name with public STUN servers. Their three flows leave no trigger for a search of the hop.
    """
    flows: dict[tuple[str, str], int] = {}
    for target in (load_target(FOLDER / f"{name}.toml") for name in target_names(FOLDER)):
        for _, endpoint in target.endpoints():
            if not endpoint.is_literal:
                key = (endpoint.host, endpoint.carrier)
                flows[key] = flows.get(key, 0) + 1
    assert {key: count for key, count in flows.items() if count > 2} == {("turn.cloudflare.com", "tcp"): 3}


def test_only_targets_of_ooni_nettests_have_marked_endpoints() -> None:
    targets = [load_target(FOLDER / f"{name}.toml") for name in target_names(FOLDER)]
    marked = {t.name for t in targets if any(e.ooni for _, e in t.endpoints())}
    assert marked == {"ech", "facebook", "resolvers", "signal", "stun", "telegram", "whatsapp"}


def test_each_resolver_has_both_families_and_encrypted_endpoints() -> None:
    resolvers = load_target(FOLDER / "resolvers.toml")
    assert len(resolvers.services) >= 3
    for service in resolvers.services.values():
        plain = [ipaddress.ip_address(e.host).version for e in service.endpoints if e.scheme == "dns+udp"]
        assert sorted(plain) == [4, 6]
        assert {"dot", "doh"} <= {endpoint.scheme for endpoint in service.endpoints}


def test_neutral_hosts_are_separate_from_targets_and_complete() -> None:
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


def test_new_target_needs_only_a_file(tmp_path: Path) -> None:
    target = load_target(written(tmp_path, GOOD), frozenset({"endpoint_reachability"}))
    assert target.name == "new" and target.default
    (endpoint,) = target.services["web"].endpoints
    assert (endpoint.scheme, endpoint.host, endpoint.port, endpoint.path) == ("https", "example.org", 443, "/")
    assert [found.name for found in pick_targets(tmp_path, [])] == ["new"]


BAD = [
    ("title =", "titel =", r"titel: The key is unknown.*Did you mean 'title'"),
    ('title = "A new service"\n', "", r"title: field required"),
    ("reviewed = 2026-11-24", 'reviewed = "lately"', r"reviewed: "),
    ("endpoints = [", "works_if = 'some'\nendpoints = [", r"services\.web\.works_if: .*'all' or 'any'"),
    ('["https://example.org:443/"]', "[]", r"services\.web\.endpoints: .*at least 1 item"),
    ('endpoints = ["https://example.org:443/"]', "", r"services\.web\.endpoints: field required"),
    (":443/", "/", r"services\.web\.endpoints\[1\]: .*explicit port"),
    (":443/", ":99999/", r"services\.web\.endpoints\[1\]: .*no usable port"),
    ('["https://', '["htps://', r"services\.web\.endpoints\[1\]: .*unknown scheme.*did you mean 'https'"),
    (
        '"https://example.org:443/"',
        '"stun://example.org:3478;transport=icmp"',
        r"bad parameter.*=udp, .*=tls",
    ),
    ('"https://example.org:443/"', '{ url = "tcp://example.org:1", host = "x" }', r"host: The key is unknown"),
    ("services.web", "services.Web", r"role 'Web': expected lower-case"),
    (
        "[services.web]",
        "[services.web]\nretired = 1",
        r"services\.web\.retired: The key is unknown\. Expected: endpoints, media, needs, works_if\.$",
    ),
    ("reviewed", "reviewed = = 1\nreviewed", r"is not valid TOML"),
    (
        "endpoint_reachability",
        "endpoint_reachabilty",
        r"nettest: 'endpoint_reachabilty' is unknown.*Did you mean",
    ),
]


@pytest.mark.parametrize(("old", "new", "sentence"), BAD, ids=[sentence[:28] for _, _, sentence in BAD])
def test_bad_file_is_reported_with_file_key_and_remedy(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    assert old in GOOD
    path = written(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(TargetError) as caught:
        load_target(path, frozenset({"endpoint_reachability"}))
    said = str(caught.value)
    assert said.startswith(str(path)) and "\n" not in said.rstrip("\n").split(" (at line")[0]
    assert re.search(sentence, said, re.IGNORECASE), said


@pytest.mark.parametrize("content", [b"\xff\xfe", None])
def test_unreadable_file_is_reported_with_its_path(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "x.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(TargetError, match=re.escape(str(path))):
        load_target(path)


def test_unknown_target_gets_a_hint(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match=r"no target 'telegrm'.*Did you mean 'telegram'"):
        pick_targets(FOLDER, ["telegrm"])
    with pytest.raises(TargetError, match="no folder of target files"):
        target_names(tmp_path / "none")


def test_target_that_is_off_by_default_is_measured_when_named(tmp_path: Path) -> None:
    written(tmp_path, "default = false\n" + GOOD)
    assert pick_targets(tmp_path, []) == []
    assert [target.name for target in pick_targets(tmp_path, ["new"])] == ["new"]


def test_digest_changes_with_the_file(tmp_path: Path) -> None:
    one, two = load_target(written(tmp_path, GOOD)), load_target(written(tmp_path, GOOD + "# more\n", "other"))
    assert one.digest != two.digest and len(one.digest) == 64


@pytest.mark.parametrize("scheme", sorted(SCHEMES))
def test_every_scheme_is_parsed(scheme: str) -> None:
    endpoint = parse_endpoint(f"{scheme}://[2001:db8::1]:5222/a")
    assert (endpoint.scheme, endpoint.host, endpoint.port, endpoint.is_literal) == (scheme, "2001:db8::1", 5222, True)


def test_bad_neutral_file_is_reported_with_key_and_remedy(tmp_path: Path) -> None:
    text = (FOLDER / "neutral.toml").read_text()
    with pytest.raises(TargetError, match=r"darkk: The key is unknown.*Did you mean 'dark'"):
        load_neutral(written(tmp_path, text.replace("dark =", "darkk =")))
    with pytest.raises(TargetError, match=r"portal\[1\]: .*explicit port"):
        load_neutral(written(tmp_path, text.replace(".org:80/nm", ".org/nm")))


# -- a target's own authorities ---------------------------------------------------------------------------------------


def test_signal_loads_its_own_authorities() -> None:
    signal = load_target(bundled_targets() / "signal.toml")
    assert signal.roots.count("-----BEGIN CERTIFICATE-----") == 2
    assert signal.digest != hashlib.sha256((bundled_targets() / "signal.toml").read_bytes()).hexdigest()
    assert all(target.roots == "" for target in pick_targets(bundled_targets(), ["telegram", "whatsapp"]))


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("own.pem", None, "roots: own.pem cannot be read"),
        ("own.pem", "no certificate", "roots: own.pem contains no certificate"),
        ("own.pem", "\u00fc", "roots: own.pem contains no certificate"),
        ("../own.pem", "-----BEGIN CERTIFICATE-----", "roots: "),
        ("/etc/own.pem", "-----BEGIN CERTIFICATE-----", "roots: "),
    ],
)
def test_unusable_authorities_are_reported(tmp_path: Path, name: str, content: str | None, sentence: str) -> None:
    folder = tmp_path / "targets"
    folder.mkdir()
    if content is not None:
        (folder / name).resolve().write_text(content) if "etc" not in name else None
    path = folder / "mine.toml"
    text = (bundled_targets() / "x.toml").read_text()
    path.write_text(text.replace("reviewed = 2026-11-24\n", f'reviewed = 2026-11-24\nroots = "{name}"\n', 1))
    with pytest.raises(TargetError, match=re.escape(sentence)):
        load_target(path)


# -- needs ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ORDINARY, ids=lambda path: path.stem)
def test_every_service_says_what_it_is_needed_for(path: Path) -> None:
    assert [role for role, service in load_target(path).services.items() if not service.needs] == []


def test_unknown_need_is_reported(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD.replace("endpoints", 'needs = ["talking"]\nendpoints'))
    with pytest.raises(TargetError, match=r"services\.web\.needs\.0: Input should be 'messages', 'pages'"):
        load_target(path)
    assert load_target(written(tmp_path, GOOD)).services["web"].needs == ()


# -- media ------------------------------------------------------------------------------------------------------------


def test_services_with_calls_name_the_shape_of_their_packets() -> None:
    shapes = {
        f"{path.stem}/{role}": service.media
        for path in ORDINARY
        for role, service in load_target(path).services.items()
        if service.media
    }
    assert shapes == {
        "facebook/calls": "rtp",
        "signal/calls": "rtp",
        "teams/calls": "rtp",
        "telegram/calls": "reflector",
        "whatsapp/calls": "whatsapp",
    }


@pytest.mark.parametrize("shape", ["opaque", "webrtc", ""])
def test_unknown_shape_is_reported(tmp_path: Path, shape: str) -> None:
    path = written(tmp_path, GOOD.replace("endpoints", f'media = "{shape}"\nendpoints'))
    known = "'rtp', 'whatsapp' or 'reflector'"
    with pytest.raises(TargetError, match=rf"new\.toml, services\.web\.media: Input should be {known}\.$"):
        load_target(path)
    assert load_target(written(tmp_path, GOOD)).services["web"].media is None
