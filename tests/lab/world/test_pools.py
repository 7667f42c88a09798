"""Test that the lab's addresses belong to the hosts' operators, by the bundled ASN table."""

from ipaddress import ip_address, ip_network

import pytest

from probe.asn.table import AsnTable
from probe.lab.world.pools import OPERATORS, OTHERS, PROVIDERS, Pool
from probe.targets.target import is_address
from probe.targets.target_files import bundled_targets, load_target, target_names

TABLE = AsnTable()
OPERATOR_OF = {
    "telegram": "Telegram",
    "whatsapp": "Facebook",
    "facebook": "Facebook",
    "gmail": "Google",
    "signal": "Amazon",
    "x": "Twitter",
    "skype": "Microsoft",
    "teams": "Microsoft",
    "snapchat": "Google",
    "wechat": "Tencent",
    "push": "Google",
    "cloudflare.com": "Cloudflare",
    "l.google.com": "Google",
    "push.apple.com": "Apple",
    "nextcloud.com": "Hetzner",
    "telnyx.com": "TELNYX",
    "telnyx.eu": "TELNYX",
    "voipfone.net": "iNet Telecoms",
    "aa.net.uk": "Andrews & Arnold",
    "sipgate.co.uk": "netzquadrat",
    "linphone.org": "OVH",
    "sipthor.net": "Garnier",
    "notice.example": "ER-Telecom",
}
PAIRS = {**PROVIDERS, **OPERATORS}


@pytest.mark.parametrize("operator", PAIRS)
@pytest.mark.parametrize("family", [0, 1], ids=["ipv4", "ipv6"])
def test_addresses_of_a_pool_belong_to_its_operator(operator: str, family: int) -> None:
    prefix = ip_network(PAIRS[operator][family])
    span = min(prefix.num_addresses, 0x10000) if family else prefix.num_addresses
    names = {TABLE.lookup(str(prefix[span * part // 64 + 1])).name for part in range(64)}
    wanted = "Fastly" if PAIRS[operator][family] in OTHERS else OPERATOR_OF[operator]
    assert names and all(wanted in name for name in names), names


@pytest.mark.parametrize(
    ("target", "host", "operator"),
    [
        ("stun", "stun.l.google.com", "Google"),
        ("stun", "turn.cloudflare.com", "Cloudflare"),
        ("sip", "sipgate.co.uk", "netzquadrat"),
        ("sip", "notsipgate.co.uk", "Fastly"),
        ("facebook", "stun.fbsbx.com", "Facebook"),
        ("push", "mtalk.google.com", "Google"),
        ("push", "1-courier.push.apple.com", "Apple"),
        ("wechat", "sglong.wechat.com", "Tencent"),
    ],
)
def test_host_has_addresses_of_its_domain_or_else_its_target(target: str, host: str, operator: str) -> None:
    addresses = Pool(7, set()).draw(target, host, many=True)
    assert {ip_address(address).version for address in addresses} == {4, 6}
    assert all(operator in TABLE.lookup(address).name for address in addresses)


def test_every_pool_has_an_operator() -> None:
    assert PAIRS.keys() == OPERATOR_OF.keys()


@pytest.mark.parametrize("name", target_names(bundled_targets()))
def test_every_name_of_a_target_gets_addresses_with_or_without_an_own_pool(name: str) -> None:
    """Test that a new target or service needs no entry in the pools."""
    pool = Pool(7, set())
    hosts = {endpoint.host for _, endpoint in load_target(bundled_targets() / f"{name}.toml").endpoints()}
    for host in sorted(host for host in hosts if not is_address(host)):
        assert {ip_address(address).version for address in pool.draw(name, host, many=False)} == {4, 6}


def test_target_without_an_own_pool_gets_addresses_of_a_common_provider() -> None:
    addresses = Pool(7, set()).draw("newcomer", "newcomer.example", many=False)
    assert all("Fastly" in TABLE.lookup(address).name for address in addresses)
