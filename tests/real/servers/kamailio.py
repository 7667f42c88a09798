"""Configure Kamailio for SIP over UDP, TCP and TLS. It answers OPTIONS itself."""

from collections.abc import Sequence

from probe.lab.real_servers import Setup

CONFIGURATION = """#!KAMAILIO
debug=1
log_stderror=yes
children=1
tcp_children=2
auto_aliases=no
dns=no
rev_dns=no
enable_tls=yes
{listen}
loadmodule "tls.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "maxfwd.so"
modparam("tls", "config", "{folder}/tls.cfg")

request_route {{
  if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
  if (is_method("OPTIONS")) {{
    append_to_reply("Accept: application/sdp\\r\\nAllow: INVITE, ACK, CANCEL, OPTIONS, BYE\\r\\nSupported: path\\r\\n");
    sl_send_reply("200", "Keepalive");
    exit;
  }}
  sl_send_reply("405", "Method Not Allowed");
}}
"""

TLS = """
[server:default]
method = TLSv1.2+
verify_certificate = no
require_certificate = no
private_key = {key}
certificate = {certificate}
"""


def command(setup: Setup) -> Sequence[str]:
    """Return the command line. The server listens at port 5060, and at port 5061 over TLS."""
    hosts = [f"[{address}]" if ":" in address else address for address in setup.addresses]
    sockets = (("udp", 5060), ("tcp", 5060), ("tls", 5061))
    listen = "\n".join(f"listen={kind}:{host}:{port}" for host in hosts for kind, port in sockets)
    (setup.folder / "tls.cfg").write_text(TLS.format(key=setup.key, certificate=setup.certificate))
    configuration = setup.folder / "kamailio.cfg"
    configuration.write_text(CONFIGURATION.format(folder=setup.folder, listen=listen))
    return ["/usr/sbin/kamailio", "-DD", "-E", "-f", str(configuration), "-Y", str(setup.folder), "-m", "32", "-M", "4"]
