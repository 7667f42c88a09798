"""Installs real servers, a browser and a Java from Debian, and starts none: `python -m tests.real.packages`.

It asks before it installs, unless CI is set. Its exit code is 0 whatever came of it: `tests/real` says by itself what
it lacks.
"""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.real.quiet import POLICY, disable_new_links, enabled_links, ended_in_order, services_forbidden

# What proves that a package is there; trixie's files.
FILES = {
    "nginx": "/usr/sbin/nginx",
    "unbound": "/usr/sbin/unbound",
    "nsd": "/usr/sbin/nsd",
    "coturn": "/usr/bin/turnserver",
    "kamailio": "/usr/sbin/kamailio",
    "kamailio-tls-modules": "/usr/lib/*/kamailio/modules/tls.so",
    "dovecot-imapd": "/usr/lib/dovecot/imap-login",
    "postfix": "/usr/lib/postfix/sbin/master",
    "chromium": "/usr/bin/chromium",
    "default-jre-headless": "/usr/bin/java",
}
BROWSER = "chromium"  # tests/browser needs only this
JAVA = "default-jre-headless"  # tests/analysis/spark needs only this; it is Java 21 in trixie
NO_SERVERS = frozenset({BROWSER, JAVA})  # tests/real needs all but these
OLDEST = 13  # Debian release: nginx with HTTP/3, Dovecot 2.4
COMMAND = "make test, as root on Debian 13 or newer"
NO_TALK = {"DEBIAN_FRONTEND": "noninteractive", "DEBCONF_NONINTERACTIVE_SEEN": "true", "LC_ALL": "C.UTF-8"}
# --no-remove: a machine that has another mail server keeps it, and these tests do not run there.
APT = ["apt-get", "--quiet=2", "-o", "Dpkg::Use-Pty=0", "-o", "DPkg::Lock::Timeout=120"]
INSTALL = [*APT, "install", "--yes", "--no-install-recommends", "--no-remove", "--no-upgrade"]


def missing(root: Path = Path("/")) -> list[str]:
    """The packages that are not installed, in the order of FILES."""
    return [package for package, file in FILES.items() if not any(root.glob(file.lstrip("/")))]


def obstacle(release: Mapping[str, str], *, root: bool, ci: bool, terminal: bool) -> str | None:
    """Why nothing may be installed here, as half a sentence; None when it may (after asking, without `ci`)."""
    if release.get("ID") != "debian" or not release.get("VERSION_ID", "").isdigit():
        return "this is no Debian release"
    if int(release["VERSION_ID"]) < OLDEST:
        return f"this is Debian {release['VERSION_ID']}, and they need {OLDEST}"
    if not root:
        return "only root can install them"
    if not ci and not terminal:
        return "there is no terminal to ask at, and CI is not set"
    return None


def agreed(packages: Iterable[str]) -> bool:
    """Ask at the terminal; anything but yes is no."""
    print(
        f"The tests against real servers, in a browser and with Spark need these Debian packages: {' '.join(packages)}."
    )
    print("The servers are started in network namespaces only; on this machine no service is started or enabled.")
    try:
        return input("Install them with apt-get? [y/N] ").strip().lower() in {"y", "yes"}
    except EOFError:
        return False


def install(packages: list[str], policy: Path = POLICY, root: Path = Path("/")) -> None:
    """Install, with every service kept from starting and what was newly enabled disabled. Raises CalledProcessError."""
    environment = {**os.environ, **NO_TALK}
    before = enabled_links(root)
    with ended_in_order(), services_forbidden(policy):
        try:
            subprocess.run([*APT, "update"], check=True, env=environment, stdout=sys.stderr)
            answers = "postfix postfix/main_mailer_type select No configuration\n"
            if shutil.which("debconf-set-selections"):
                subprocess.run(["debconf-set-selections"], check=True, env=environment, input=answers, text=True)
            subprocess.run([*INSTALL, *packages], check=True, env=environment, stdout=sys.stderr)
        finally:
            disable_new_links(before, root)


def _release() -> Mapping[str, str]:
    try:
        return platform.freedesktop_os_release()
    except OSError:
        return {}


def main() -> None:
    """Install what is missing, or say why not."""
    packages, ci = missing(), bool(os.environ.get("CI"))
    if not packages:
        return
    reason = obstacle(_release(), root=os.geteuid() == 0, ci=ci, terminal=sys.stdin.isatty())
    if reason is None and not ci and not agreed(packages):
        reason = "the answer was no"
    if reason is None:
        try:
            install(packages)
        except (subprocess.CalledProcessError, OSError) as error:
            reason = f"the installation failed: {error}"
    if reason:
        print(f"Not installed: {' '.join(packages)}; {reason}.", file=sys.stderr)


if __name__ == "__main__":
    main()
