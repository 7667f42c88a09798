"""Test that the lab's addresses belong to the hosts' operators, by the bundled ASN table."""

from ipaddress import ip_address, ip_network

import pytest

from probe.asn.table import AsnTable
from probe.lab.world.pools import OPERATORS, OTHERS, PROVIDERS, Pool
from probe.targets.target import bundled_targets, load_target, target_names

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
    "cloudflare.com": "Cloudflare",
    "l.google.com": "Google",
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
        ("wechat", "sglong.wechat.com", "Tencent"),
    ],
)
def test_host_has_addresses_of_its_domain_or_else_its_target(target: str, host: str, operator: str) -> None:
    addresses = Pool(7, set()).draw(target, host, many=True)
    assert {ip_address(address).version for address in addresses} == {4, 6}
    assert all(operator in TABLE.lookup(address).name for address in addresses)


def test_every_bundled_target_has_a_pool_and_every_pool_an_operator() -> None:
    assert PAIRS.keys() == OPERATOR_OF.keys()
    names = set(target_names(bundled_targets())) - {"stun", "turn", "sip", "mail", "resolvers"}
    assert names <= PROVIDERS.keys()
    for target in ("stun", "sip"):
        hosts = {endpoint.host for _, endpoint in load_target(bundled_targets() / f"{target}.toml").endpoints()}
        unknown = {host for host in hosts if not any(f".{host}".endswith(f".{domain}") for domain in OPERATORS)}
        small = (
            "voipgate.com",
            "hot-chilli.net",
            "epygi.com",
            "uls.co.za",
            "mixvoip.com",
            "fitauto.ru",
            "m-online.net",
        )
        assert unknown <= {f"stun.{domain}" for domain in small}
