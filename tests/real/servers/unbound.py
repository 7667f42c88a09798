"""Unbound: a resolver over UDP, TCP, TLS and HTTPS, which learns everything from NSD as from the root.

What it alone says is the record of MARK.
"""

from collections.abc import Callable, Sequence

from probe.lab.real_servers import Guest, Room
from tests.real.servers.nsd import TTL

MARK = "only-unbound-knows.real.example"
MARKED = "192.88.99.62"

CONFIGURATION = """
server:
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: ""
  use-syslog: no
  verbosity: 1
  num-threads: 1
{listen}
  access-control: 0.0.0.0/0 allow
  access-control: ::0/0 allow
  module-config: "iterator"
  local-data: "{mark}. {ttl} IN A {marked}"
  root-hints: "{folder}/root.hints"
  prefer-ip4: yes
  tls-service-key: "{key}"
  tls-service-pem: "{certificate}"
  tls-port: 853
  https-port: 443
  http-endpoint: "/dns-query"
remote-control:
  control-enable: no
"""


def behind(root: str) -> Callable[[Room], Sequence[str]]:
    """The command of an Unbound that asks the host `root`."""

    def command(room: Room) -> Sequence[str]:
        ports = ("", "@853", "@443")
        listen = "".join(f"  interface: {address}{port}\n" for address in room.addresses for port in ports)
        hints = [f". 300 IN NS {root}."]
        hints += [f"{root}. 300 IN {'AAAA' if ':' in ip else 'A'} {ip}" for ip in room.zone[root]]
        (room.folder / "root.hints").write_text("\n".join(hints) + "\n")
        configuration = room.folder / "unbound.conf"
        text = CONFIGURATION.format(
            folder=room.folder,
            listen=listen,
            certificate=room.certificate,
            key=room.key,
            mark=MARK,
            marked=MARKED,
            ttl=TTL,
        )
        configuration.write_text(text)
        return ["/usr/sbin/unbound", "-d", "-p", "-c", str(configuration)]

    return command


def guest(host: str, root: str) -> Guest:
    """An Unbound at `host`."""
    return Guest(host, behind(root))
