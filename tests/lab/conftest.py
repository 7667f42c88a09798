"""Provide a folder of small target files, and the world that is built from it."""

from pathlib import Path

import pytest

from probe.lab.scenario.scenario import Scenario
from probe.lab.world.emulated_world import World, build_world

FILES = {
    "telegram.toml": """
nettest = "telegram"
title = "Telegram"
source = "https://source.example/telegram"
reviewed = 2026-11-24
[services.dc_pool]
works_if = "any"
endpoints = [
  "http://149.154.175.50:80/",
  "http://149.154.175.50:443/",
  "mtproto://149.154.175.50:443",
  "mtproto://[2001:b28:f23d:f001::a]:443",
]
[services.web]
endpoints = ["https://web.telegram.org:443/", "http://web.telegram.org:80/"]
""",
    "whatsapp.toml": """
nettest = "whatsapp"
title = "WhatsApp"
source = "https://source.example/whatsapp"
reviewed = 2026-11-24
[services.web]
endpoints = ["https://web.whatsapp.com:443/"]
[services.chat]
works_if = "any"
endpoints = ["noise://e1.whatsapp.net:443", "noise://e2.whatsapp.net:5222"]
""",
    "old.toml": """
nettest = "endpoint_reachability"
title = "Gone"
source = "https://source.example/old"
reviewed = 2026-11-24
retired = 2025-05-05
[services.web]
endpoints = ["https://www.gone.example:443/"]
""",
    "neutral.toml": """
title = "Neutral hosts"
source = "https://source.example/neutral"
reviewed = 2026-11-24
innocuous = ["www.example.org"]
nonexistent = "nobody.example.org"
endpoints = ["https://neutral.example:443/"]
dark = "198.41.0.4"
[[portal]]
url = "http://check.example:80/success.txt"
status = 200
body = "success"
""",
    "resolvers.toml": """
nettest = "endpoint_reachability"
title = "Public resolvers"
source = "https://source.example/resolvers"
reviewed = 2026-11-24
default = false
[services.quad]
endpoints = ["dns+udp://9.9.9.9:53", "dot://dns.quad.example:853", "doh://dns.quad.example:443/dns-query"]
""",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write the target files and return their folder."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.fixture
def world(folder: Path) -> World:
    """Build the world of these files without faults and censors."""
    return build_world(folder, Scenario("test", "A test"), seed=1)
