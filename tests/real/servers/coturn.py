"""Configure coturn for STUN and TURN over UDP, TCP and TLS. TURN demands a password, as public servers do."""

from collections.abc import Sequence

from probe.lab.real_servers import Setup

REALM = "coturn.real.example"


def command(setup: Setup) -> Sequence[str]:
    """Return the command line. The server answers Allocate with 401, a realm and a nonce."""
    options = ["--no-cli", "--log-file=stdout", "--simple-log", "--lt-cred-mech", f"--realm={REALM}"]
    options += ["--user=user:password", "--listening-port=3478", "--tls-listening-port=5349", "--no-rfc5780"]
    options += [f"--cert={setup.certificate}", f"--pkey={setup.key}", f"--pidfile={setup.folder}/pid"]
    options += [f"--userdb={setup.folder}/users", "--no-stdout-log", "--relay-threads=1"]
    addresses = [option for ip in setup.addresses for option in (f"--listening-ip={ip}", f"--relay-ip={ip}")]
    return ["/usr/bin/turnserver", "-n", *options, *addresses]
