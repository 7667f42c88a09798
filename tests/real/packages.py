"""Install what a suite needs from Debian without starting it: `python -m tests.real.packages usual`.

It asks before it installs, unless CI is set. A package that cannot be installed is named. Then the exit code is 1 with
CI set, since the tests that need the package would fail. Without CI they do not run, and `tests/real` says so.
"""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Container, Iterable, Mapping
from pathlib import Path

from tests.real.quiet import POLICY, disable_new_links, enabled_links, services_forbidden, signals_as_exceptions

# A file that each installed package has, in Debian trixie.
FILES = {
    "nginx": "/usr/sbin/nginx",
    "unbound": "/usr/sbin/unbound",
    "nsd": "/usr/sbin/nsd",
    "openssl": "/usr/bin/openssl",
    "coturn": "/usr/bin/turnserver",
    "kamailio": "/usr/sbin/kamailio",
    "kamailio-tls-modules": "/usr/lib/*/kamailio/modules/tls.so",
    "sip-tester": "/usr/bin/sipp",
    "rtpengine-daemon": "/usr/bin/rtpengine",
    "dovecot-imapd": "/usr/lib/dovecot/imap-login",
    "postfix": "/usr/lib/postfix/sbin/master",
    "radosgw": "/usr/bin/radosgw",
    "chromium": "/usr/bin/chromium",
    "default-jre-headless": "/usr/bin/java",
}
BROWSER = "chromium"  # only tests/browser needs it
OBJECT_STORAGE = "radosgw"  # only tests/analysis/object_storage needs it. It is Ceph's S3 server
JAVA = "default-jre-headless"  # only tests/analysis/spark needs it. It is Java 21 in trixie
NO_SERVERS = frozenset({BROWSER, JAVA, OBJECT_STORAGE})  # tests/real does not need these
OLDEST = 13  # Debian release: nginx with HTTP/3, Dovecot 2.4
COMMAND = "make test-all, as root on Debian 13 or newer"
NO_DIALOG = {"DEBIAN_FRONTEND": "noninteractive", "DEBCONF_NONINTERACTIVE_SEEN": "true", "LC_ALL": "C.UTF-8"}
# --no-remove: a computer with another mail server keeps it, and these tests do not run there.
APT = ["apt-get", "--quiet=2", "-o", "Dpkg::Use-Pty=0", "-o", "DPkg::Lock::Timeout=120"]
INSTALL = [*APT, "install", "--yes", "--no-install-recommends", "--no-remove", "--no-upgrade"]


def missing(root: Path = Path("/")) -> list[str]:
    """Return the packages that are not installed, in the order of FILES."""
    return [package for package, file in FILES.items() if not any(root.glob(file.lstrip("/")))]


def obstacle(release: Mapping[str, str], *, root: bool, ci: bool, terminal: bool) -> str | None:
    """Return why no package may be installed, as a clause. None if it may, without `ci` after a question."""
    if release.get("ID") != "debian" or not release.get("VERSION_ID", "").isdigit():
        return "this is no Debian release"
    if int(release["VERSION_ID"]) < OLDEST:
        return f"this is Debian {release['VERSION_ID']}, and they need {OLDEST}"
    if not root:
        return "only root can install them"
    if not ci and not terminal:
        return "there is no terminal for the question, and CI is not set"
    return None


def agreed(packages: Iterable[str]) -> bool:
    """Ask at the terminal. Any answer but yes means no."""
    print(f"The tests with real servers, a browser, Spark and S3 need these Debian packages: {' '.join(packages)}.")
    print("The servers are started in network namespaces only. On this computer no service is started or enabled.")
    try:
        return input("Install them with apt-get? [y/N] ").strip().lower() in {"y", "yes"}
    except EOFError:
        return False


def install(packages: list[str], policy: Path = POLICY, root: Path = Path("/")) -> None:
    """Install packages, start no service and disable the newly enabled ones. Raises CalledProcessError."""
    environment = {**os.environ, **NO_DIALOG}
    before = enabled_links(root)
    with signals_as_exceptions(), services_forbidden(policy):
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


def main(needed: Container[str] = FILES) -> int:
    """Install the missing ones of the needed packages, or print why this is not possible. Return the exit code."""
    packages, ci = [package for package in missing() if package in needed], bool(os.environ.get("CI"))
    if not packages:
        return 0
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
    return 1 if reason and ci else 0


if __name__ == "__main__":
    from tests.support.changes import changes
    from tests.support.suites import packages_of

    sys.exit(main(packages_of(sys.argv[1], changes())))
