"""Configure NSD as the root server of the lab's names, over UDP, TCP and TLS. Only NSD has the record of MARK."""

from collections.abc import Sequence

from probe.lab.real_servers import Setup

MARK = "only-nsd-knows.real.example"
MARKED = "192.88.99.61"
TTL = 4242  # seconds. No other server of the lab uses this value

CONFIGURATION = """
server:
  username: ""
  chroot: ""
  zonesdir: "{folder}"
  zonelistfile: "{folder}/zone.list"
  xfrdfile: "{folder}/xfrd.state"
  cookie-secret-file: "{folder}/cookies"
  pidfile: ""
  server-count: 1
  verbosity: 1
  tls-service-key: "{key}"
  tls-service-pem: "{certificate}"
  tls-port: 853
{listen}
remote-control:
  control-enable: no
zone:
  name: "."
  zonefile: "root.zone"
"""


def command(setup: Setup) -> Sequence[str]:
    """Return the command line. The server is authoritative for all names of the lab."""
    listen = "".join(f"  ip-address: {address}\n  ip-address: {address}@853\n" for address in setup.addresses)
    configuration = setup.folder / "nsd.conf"
    configuration.write_text(
        CONFIGURATION.format(folder=setup.folder, listen=listen, certificate=setup.certificate, key=setup.key)
    )
    (setup.folder / "root.zone").write_text(zone(setup))
    return ["/usr/sbin/nsd", "-d", "-c", str(configuration)]


def zone(setup: Setup) -> str:
    """Return a root zone with NSD as its only name server and with the addresses of all names."""
    lines = [f". {TTL} IN SOA {setup.host}. hostmaster.invalid. 1 3600 600 86400 60", f". {TTL} IN NS {setup.host}."]
    for name, addresses in {**setup.zone, MARK: [MARKED]}.items():
        lines += [f"{name}. {TTL} IN {'AAAA' if ':' in address else 'A'} {address}" for address in addresses]
    return "\n".join(lines) + "\n"
