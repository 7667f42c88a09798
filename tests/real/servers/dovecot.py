"""Dovecot: IMAP with STARTTLS at 143 and under TLS at 993; nobody can log in."""

from collections.abc import Sequence

from probe.lab.real_servers import Room

CONFIGURATION = """
dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
base_dir = {folder}/run
state_dir = {folder}/state
log_path = /dev/stderr
protocols = imap
listen = {listen}
ssl = yes
ssl_server_cert_file = {certificate}
ssl_server_key_file = {key}
auth_allow_cleartext = no
auth_mechanisms = plain
passdb static {{
  password = {{plain}}nobody-knows-this
}}
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = 143
  }}
  inet_listener imaps {{
    port = 993
    ssl = yes
  }}
}}
"""


def command(room: Room) -> Sequence[str]:
    """Greets with its name; shows other capabilities after STARTTLS than before."""
    configuration = room.folder / "dovecot.conf"
    configuration.write_text(
        CONFIGURATION.format(
            folder=room.folder, listen=", ".join(room.addresses), certificate=room.certificate, key=room.key
        )
    )
    return ["/usr/sbin/dovecot", "-F", "-c", str(configuration)]
