"""Choose the addresses of the lab's hosts: distinct addresses of their operators, equal for equal seeds."""

import random
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

# Announced prefixes by target, so that the ASN table finds the same AS as outside. Other targets use OTHERS.
PROVIDERS: dict[str, tuple[str, str]] = {
    "telegram": ("149.154.164.0/22", "2001:67c:4e8:f004::/64"),
    "whatsapp": ("157.240.0.0/17", "2a03:2880:f200::/40"),
    "facebook": ("31.13.64.0/18", "2a03:2880:f100::/40"),
    "gmail": ("142.250.0.0/15", "2a00:1450:4001::/48"),
    "signal": ("76.223.92.0/24", "2600:9000:a507::/48"),
    "x": ("104.244.42.0/24", "2606:1f80:f000::/48"),
    "skype": ("52.112.0.0/14", "2603:1063::/40"),
    "teams": ("52.120.0.0/14", "2603:1063:2000::/40"),
    "snapchat": ("34.149.0.0/16", "2600:1901::/48"),
    "wechat": ("101.32.96.0/19", "240d:c010::/48"),
    "push": ("64.233.160.0/19", "2404:6800:4003::/48"),
}
OTHERS = ("151.101.0.0/16", "2a04:4e42::/40")

# By domain, for targets with services of several operators. An operator without IPv6 has the IPv6 prefix of OTHERS.
OPERATORS: dict[str, tuple[str, str]] = {
    "cloudflare.com": ("141.101.90.0/24", "2a06:98c1:3200::/48"),
    "l.google.com": ("74.125.250.0/24", "2001:4860:4864:5::/64"),
    "push.apple.com": ("17.57.144.0/22", "2620:149:a44::/48"),
    "nextcloud.com": ("159.69.0.0/16", "2a01:4f8::/48"),
    "telnyx.com": ("192.76.120.0/24", OTHERS[1]),
    "telnyx.eu": ("185.246.41.0/24", OTHERS[1]),
    "voipfone.net": ("195.189.173.0/24", OTHERS[1]),
    "aa.net.uk": ("90.155.0.0/18", "2001:8b0::/48"),
    "sipgate.co.uk": ("217.10.64.0/20", "2001:ab7::/48"),
    "linphone.org": ("91.121.0.0/16", "2001:41d0::/48"),
    "sipthor.net": ("81.23.228.0/24", "2001:15b8::/48"),
    "notice.example": ("188.186.157.0/24", "2a02:2698::/48"),  # a provider's prefix, with block pages
}

ELSEWHERE = ("snapchat", "signal", "wechat")  # networks of a host with addresses in several networks
PRIVATE = ip_network("10.96.0.0/12")


class Pool:
    """Draw addresses, each once, and none that the target files name."""

    def __init__(self, seed: int, taken: set[str]) -> None:
        self._seed, self._taken = seed, set(taken)

    def draw(self, target: str, host: str, *, many: bool) -> tuple[str, ...]:
        """Return one IPv4 address of a host (with `many` one or two) and one IPv6 address."""
        rng = random.Random(f"addresses {self._seed} {host}")
        prefixes = [ip_network(prefix) for prefix in _announced(target, host)]
        count = rng.randint(1, 2) if many else 1
        return (*(self._one(prefixes[0], rng) for _ in range(count)), self._one(prefixes[1], rng))

    def draw_elsewhere(self, host: str) -> list[str]:
        """Return more addresses of a host, one of each family in each of several other networks."""
        rng = random.Random(f"elsewhere {self._seed} {host}")
        return [self._one(ip_network(prefix), rng) for provider in ELSEWHERE for prefix in PROVIDERS[provider]]

    def draw_private(self, host: str) -> str:
        """Return a private address (RFC 1918)."""
        return self._one(PRIVATE, random.Random(f"private {self._seed} {host}"))

    def _one(self, prefix: IPv4Network | IPv6Network, rng: random.Random) -> str:
        while True:
            if isinstance(prefix, IPv4Network):
                last = rng.randrange(prefix.num_addresses) & ~0xFF | rng.randint(1, 250)
                address: IPv4Address | IPv6Address = prefix.network_address + last
            else:
                address = prefix.network_address + rng.randint(1, 0xFFFF)
            if str(address) not in self._taken:
                self._taken.add(str(address))
                return str(address)


def _announced(target: str, host: str) -> tuple[str, str]:
    """Return the prefixes of a host's addresses: its domain's, else its target's."""
    by_domain = (pair for domain, pair in OPERATORS.items() if f".{host}".endswith(f".{domain}"))
    return next(by_domain, PROVIDERS.get(target, OTHERS))
