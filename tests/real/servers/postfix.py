"""Configure Postfix for submission with STARTTLS at port 587 and over TLS at port 465. It accepts no mail."""

import shutil
from collections.abc import Sequence

from probe.lab.real_servers import Setup

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

# service type private unpriv chroot wakeup maxproc command. postlog writes the log to stdout
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

ROOTS = ("pid",)
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


def command(setup: Setup) -> Sequence[str]:
    """Return the command line. The server greets with its name and offers STARTTLS."""
    queue, data = setup.folder / "queue", setup.folder / "data"
    for name in (*ROOTS, *POSTFIXS, *POSTDROPS):
        (queue / name).mkdir(parents=True)
        shutil.chown(queue / name, "root" if name in ROOTS else "postfix", "postdrop" if name in POSTDROPS else None)
    data.mkdir()
    shutil.chown(data, "postfix")
    addresses = ", ".join(setup.addresses)
    main = MAIN.format(
        folder=setup.folder, host=setup.host, addresses=addresses, key=setup.key, certificate=setup.certificate
    )
    (setup.folder / "main.cf").write_text(main)
    (setup.folder / "master.cf").write_text(MASTER)
    return ["/usr/lib/postfix/sbin/master", "-s", "-d", "-c", str(setup.folder)]
