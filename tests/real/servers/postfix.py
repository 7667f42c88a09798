"""Postfix: submission with STARTTLS at 587 and under TLS at 465; takes no mail from anybody."""

import shutil
from collections.abc import Sequence

from probe.lab.real_servers import Room

MAIN = """
compatibility_level = 3.10
queue_directory = {folder}/queue
data_directory = {folder}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
meta_directory = /etc/postfix
shlib_directory = /usr/lib/postfix
mail_owner = postfix
setgid_group = postdrop
myhostname = {host}
mydestination =
local_recipient_maps =
inet_interfaces = {addresses}
smtpd_tls_chain_files = {key}, {certificate}
smtpd_tls_security_level = may
smtpd_relay_restrictions = reject
alias_maps =
maillog_file = /dev/stdout
"""

# service type private unpriv chroot wakeup maxproc command; postlog carries the log to our stdout
MASTER = """
587       inet  n       -       n       -       4       smtpd
465       inet  n       -       n       -       4       smtpd -o smtpd_tls_wrappermode=yes
anvil     unix  -       -       n       -       1       anvil
tlsmgr    unix  -       -       n       1000?   1       tlsmgr
rewrite   unix  -       -       n       -       -       trivial-rewrite
cleanup   unix  n       -       n       -       0       cleanup
proxymap  unix  -       -       n       -       -       proxymap
qmgr      unix  n       -       n       300     1       qmgr
pickup    unix  n       -       n       60      1       pickup
showq     unix  n       -       n       -       -       showq
error     unix  -       -       n       -       -       error
postlog   unix-dgram n  -       n       -       1       postlogd
"""

OURS = ("pid",)
POSTFIXS = (
    "active",
    "bounce",
    "corrupt",
    "defer",
    "deferred",
    "flush",
    "hold",
    "incoming",
    "private",
    "saved",
    "trace",
)
POSTDROPS = ("maildrop", "public")


def command(room: Room) -> Sequence[str]:
    """Greets with its name, offers STARTTLS and what it can."""
    queue, data = room.folder / "queue", room.folder / "data"
    for name in (*OURS, *POSTFIXS, *POSTDROPS):
        (queue / name).mkdir(parents=True)
        shutil.chown(queue / name, "root" if name in OURS else "postfix", "postdrop" if name in POSTDROPS else None)
    data.mkdir()
    shutil.chown(data, "postfix")
    addresses = ", ".join(room.addresses)
    main = MAIN.format(
        folder=room.folder, host=room.host, addresses=addresses, key=room.key, certificate=room.certificate
    )
    (room.folder / "main.cf").write_text(main)
    (room.folder / "master.cf").write_text(MASTER)
    return ["/usr/lib/postfix/sbin/master", "-s", "-d", "-c", str(room.folder)]
