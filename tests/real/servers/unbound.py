"""Configure Unbound as a resolver over UDP, TCP, TLS and HTTPS, with NSD as its only root server.

Only Unbound has the record of MARK.
"""

from collections.abc import Callable, Sequence

from probe.lab.real_servers import RealServer, Setup
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


def command_with_root(root: str) -> Callable[[Setup], Sequence[str]]:
    """Return the command of an Unbound whose root server is the host `root`."""

    def command(setup: Setup) -> Sequence[str]:
        ports = ("", "@853", "@443")
        listen = "".join(f"  interface: {address}{port}\n" for address in setup.addresses for port in ports)
        hints = [f". 300 IN NS {root}."]
        hints += [f"{root}. 300 IN {'AAAA' if ':' in ip else 'A'} {ip}" for ip in setup.zone[root]]
        (setup.folder / "root.hints").write_text("\n".join(hints) + "\n")
        configuration = setup.folder / "unbound.conf"
        text = CONFIGURATION.format(
            folder=setup.folder,
            listen=listen,
            certificate=setup.certificate,
            key=setup.key,
            mark=MARK,
            marked=MARKED,
            ttl=TTL,
        )
        configuration.write_text(text)
        return ["/usr/sbin/unbound", "-d", "-p", "-c", str(configuration)]

    return command


def server(host: str, root: str) -> RealServer:
    return RealServer(host, command_with_root(root))
