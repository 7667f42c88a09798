"""coturn: STUN and TURN over UDP, TCP and TLS; TURN wants a password, as public ones do."""

from collections.abc import Sequence

from probe.lab.real_servers import Room

REALM = "coturn.real.example"


def command(room: Room) -> Sequence[str]:
    """Answers Binding requests, and Allocate with 401, a realm and a nonce."""
    options = ["--no-cli", "--log-file=stdout", "--simple-log", "--lt-cred-mech", f"--realm={REALM}"]
    options += ["--user=somebody:something", "--listening-port=3478", "--tls-listening-port=5349", "--no-rfc5780"]
    options += [f"--cert={room.certificate}", f"--pkey={room.key}", f"--pidfile={room.folder}/pid"]
    options += [f"--userdb={room.folder}/users", "--no-stdout-log", "--relay-threads=1"]
    places = [option for ip in room.addresses for option in (f"--listening-ip={ip}", f"--relay-ip={ip}")]
    return ["/usr/bin/turnserver", "-n", *options, *places]
