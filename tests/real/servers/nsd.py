"""NSD: the root of the lab's names, over UDP, TCP and TLS; what it alone says is the record of MARK."""

from collections.abc import Sequence

from probe.lab.real_servers import Room

MARK = "only-nsd-knows.real.example"
MARKED = "192.88.99.61"
TTL = 4242  # seconds; nobody else in the lab says so

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


def command(room: Room) -> Sequence[str]:
    """Answers with authority for every name of the lab."""
    listen = "".join(f"  ip-address: {address}\n  ip-address: {address}@853\n" for address in room.addresses)
    configuration = room.folder / "nsd.conf"
    configuration.write_text(
        CONFIGURATION.format(folder=room.folder, listen=listen, certificate=room.certificate, key=room.key)
    )
    (room.folder / "root.zone").write_text(zone(room))
    return ["/usr/sbin/nsd", "-d", "-c", str(configuration)]


def zone(room: Room) -> str:
    """A root zone with one name server, NSD itself, and every name's addresses."""
    lines = [f". {TTL} IN SOA {room.host}. nobody.invalid. 1 3600 600 86400 60", f". {TTL} IN NS {room.host}."]
    for name, addresses in {**room.zone, MARK: [MARKED]}.items():
        lines += [f"{name}. {TTL} IN {'AAAA' if ':' in address else 'A'} {address}" for address in addresses]
    return "\n".join(lines) + "\n"
