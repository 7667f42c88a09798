"""State what OONI's nettests measure and write, read from ooni/probe-cli 7cb22410 and not from our target files."""

BASE_KEYS = {
    "agent",
    "failed_operation",
    "failure",
    "network_events",
    "queries",
    "requests",
    "socksproxy",
    "tcp_connect",
    "tls_handshakes",
}
FACEBOOK_HOSTS = ("b_api", "b_graph", "edge", "external_cdn", "scontent_cdn", "star", "stun")
FACEBOOK = {
    "b-api.facebook.com",
    "b-graph.facebook.com",
    "edge-mqtt.facebook.com",
    "external.xx.fbcdn.net",
    "scontent.xx.fbcdn.net",
    "star.c10r.facebook.com",
}
SUMMARY = {
    "telegram": {"telegram_http_blocking", "telegram_tcp_blocking", "telegram_web_status", "telegram_web_failure"},
    "whatsapp": {
        "registration_server_failure", "registration_server_status", "whatsapp_endpoints_blocked",
        "whatsapp_endpoints_dns_inconsistent", "whatsapp_endpoints_status",
        "whatsapp_web_failure", "whatsapp_web_status",
    },
    "signal": {"signal_backend_status", "signal_backend_failure"},
    "facebook_messenger": {
        "facebook_dns_blocking", "facebook_tcp_blocking",
        *(f"facebook_{host}_{what}" for host in FACEBOOK_HOSTS for what in ("dns_consistent", "reachable")),
    },
}  # fmt: skip
OWN_KEYS = {  # nettests without urlgetter's keys: all of their keys, with OONI's own x_ keys
    "stunreachability": {"endpoint", "failure", "network_events", "queries"},
    "echcheck": {"network_events", "queries", "tcp_connects", "tls_handshakes"},
    "dnscheck": {"bootstrap", "bootstrap_failure", "domain", "lookups", "x_default_addrs", "x_residual"},
}
VERSIONS = {
    "dnscheck": "0.9.3",
    "echcheck": "0.3.0",
    "facebook_messenger": "0.2.1",
    "signal": "0.2.5",
    "stunreachability": "0.4.0",
    "telegram": "0.3.1",
    "whatsapp": "0.11.0",
}
DATA_CENTRES = (
    "149.154.175.50",
    "149.154.167.51",
    "149.154.175.100",
    "149.154.167.91",
    "149.154.171.5",
    "95.161.76.100",
)
OONI_URLS = {
    "telegram": {"https://web.telegram.org/", *(f"http://{ip}{port}/" for ip in DATA_CENTRES for port in ("", ":443"))},
    "whatsapp": {"https://web.whatsapp.com/", "https://v.whatsapp.net/v2/register"},
    "signal": {f"https://{host}.signal.org/" for host in ("cdsi", "chat", "sfu.voip", "storage")},
    "facebook_messenger": set(),
}
OONI_HOSTS = {
    "telegram": {"web.telegram.org"},
    "whatsapp": {"web.whatsapp.com", "v.whatsapp.net", *(f"e{n}.whatsapp.net" for n in range(1, 17))},
    "signal": {"cdsi.signal.org", "chat.signal.org", "sfu.voip.signal.org", "storage.signal.org"},
    "facebook_messenger": {*FACEBOOK, "stun.fbsbx.com"},
}
OONI_PORTS = {"telegram": {80, 443}, "whatsapp": {443, 5222}, "signal": {443}, "facebook_messenger": {443}}
OONI_ENDPOINTS = {  # as our target files write them
    "telegram": {
        "https://web.telegram.org:443/",
        *(f"http://{ip}:{port}/" for ip in DATA_CENTRES for port in (80, 443)),
    },
    "whatsapp": {
        "https://web.whatsapp.com:443/",
        "https://v.whatsapp.net:443/v2/register",
        *(f"noise://e{n}.whatsapp.net:{port}" for n in range(1, 17) for port in (443, 5222)),
    },
    "signal": {f"https://{host}.signal.org:443/" for host in ("cdsi", "chat", "sfu.voip", "storage")},
    "facebook_messenger": {
        "tls://edge-mqtt.facebook.com:443",
        "tcp://star.c10r.facebook.com:443",
        *(f"https://{host}:443/" for host in FACEBOOK if host.startswith(("b-", "external", "scontent"))),
        "stun://stun.fbsbx.com:3478;transport=udp",
    },
}
