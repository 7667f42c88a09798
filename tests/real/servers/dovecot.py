"""Configure Dovecot for IMAP with STARTTLS at port 143 and over TLS at port 993, without a usable login."""

from collections.abc import Sequence

from probe.lab.real_servers import Setup

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
  password = {{plain}}unused-password
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


def command(setup: Setup) -> Sequence[str]:
    """Return the command line. The server shows other capabilities after STARTTLS than before."""
    configuration = setup.folder / "dovecot.conf"
    configuration.write_text(
        CONFIGURATION.format(
            folder=setup.folder, listen=", ".join(setup.addresses), certificate=setup.certificate, key=setup.key
        )
    )
    return ["/usr/sbin/dovecot", "-F", "-c", str(configuration)]
