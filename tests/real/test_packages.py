"""Test that installing real servers starts no service, enables none and restores the policy file."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.real import packages
from tests.real.packages import FILES, NO_DIALOG, agreed, install, missing, obstacle
from tests.real.quiet import FORBIDS, disable_new_links, enabled_links, services_forbidden, signals_as_exceptions

TRIXIE = {"ID": "debian", "VERSION_ID": "13"}
PREVIOUS = "#!/bin/sh\nexit 0\n"


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    return tmp_path / "policy-rc.d"


def write_previous(policy: Path) -> None:
    policy.write_text(PREVIOUS)
    policy.chmod(0o700)


def is_previous(policy: Path) -> bool:
    return (
        policy.read_text() == PREVIOUS
        and policy.stat().st_mode & 0o777 == 0o700
        and len(os.listdir(policy.parent)) == 1
    )


# -- the policy --------------------------------------------------------------------------------------------------------


def test_service_starts_are_forbidden_during_installation(policy: Path) -> None:
    write_previous(policy)
    with services_forbidden(policy):
        assert subprocess.run([policy, "nginx", "start"], check=False).returncode == 101


@pytest.mark.parametrize("fails", [False, True])
def test_previous_policy_is_restored(policy: Path, fails: bool) -> None:
    write_previous(policy)
    try:
        with services_forbidden(policy):
            assert policy.read_text() == FORBIDS
            if fails:
                raise OSError
    except OSError:
        assert fails
    assert is_previous(policy)


@pytest.mark.parametrize("fails", [False, True])
def test_missing_policy_is_removed_again(policy: Path, fails: bool) -> None:
    try:
        with services_forbidden(policy):
            if fails:
                raise OSError
    except OSError:
        assert fails
    assert not os.listdir(policy.parent)


@pytest.mark.parametrize("had_one", [False, True])
def test_policy_of_killed_run_is_restored_by_next_run(policy: Path, had_one: bool) -> None:
    if had_one:
        write_previous(policy)
    unfinished = services_forbidden(policy)
    unfinished.__enter__()
    with services_forbidden(policy):
        assert policy.read_text() == FORBIDS
    assert is_previous(policy) if had_one else not os.listdir(policy.parent)


def test_sigterm_restores_policy(policy: Path) -> None:
    write_previous(policy)
    with pytest.raises(SystemExit) as ended, signals_as_exceptions(), services_forbidden(policy):
        os.kill(os.getpid(), signal.SIGTERM)
    assert ended.value.code == 128 + signal.SIGTERM
    assert is_previous(policy)
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


# -- services that start at boot ---------------------------------------------------------------------------------------


def link(root: Path, place: str) -> Path:
    path = root / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to("/usr/lib/systemd/system/any.service")
    return path


def test_only_newly_enabled_services_are_disabled(tmp_path: Path) -> None:
    old = link(tmp_path, "etc/systemd/system/multi-user.target.wants/ssh.service")
    before = enabled_links(tmp_path)
    assert before == {old}
    new = [
        link(tmp_path, "etc/rc2.d/S01nginx"),
        link(tmp_path, "etc/systemd/system/multi-user.target.wants/nginx.service"),
        link(tmp_path, "etc/systemd/system/sockets.target.wants/dovecot.socket"),
    ]
    assert disable_new_links(before, tmp_path) == new
    assert enabled_links(tmp_path) == before


# -- the installation --------------------------------------------------------------------------------------------------

APT = """#!/bin/sh
echo "$@" >> {log}
case "$*" in *install*)
  {policy} nginx start
  echo "policy $? $DEBIAN_FRONTEND" >> {log}
  mkdir -p {root}/etc/systemd/system/multi-user.target.wants
  ln -s /nowhere {root}/etc/systemd/system/multi-user.target.wants/nginx.service
  exit {code}
esac
"""


def put_apt(tmp_path: Path, policy: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> tuple[Path, Path]:
    """Replace apt-get by a script that enables a service. Return its log and its root folder."""
    tools, log, root = tmp_path / "bin", tmp_path / "log", tmp_path / "root"
    tools.mkdir()
    (tools / "apt-get").write_text(APT.format(log=log, policy=policy, root=root, code=code))
    (tools / "debconf-set-selections").write_text("#!/bin/sh\ncat >/dev/null\n")
    for tool in tools.iterdir():
        tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    return log, root


@pytest.mark.parametrize("code", [0, 100])
def test_installation_forbids_starts_and_enables_no_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    policy = tmp_path / "sbin" / "policy-rc.d"
    policy.parent.mkdir()
    write_previous(policy)
    log, root = put_apt(tmp_path, policy, monkeypatch, code)
    try:
        install(["nginx"], policy, root)
    except subprocess.CalledProcessError as error:
        assert error.returncode == code
    update, call, result = log.read_text().splitlines()
    assert update.endswith(" update")
    assert {"--no-install-recommends", "--no-remove", "--yes", "nginx"} <= set(call.split())
    assert result == f"policy 101 {NO_DIALOG['DEBIAN_FRONTEND']}"
    assert is_previous(policy)
    assert not enabled_links(root)


@pytest.mark.parametrize(
    ("release", "root", "ci", "terminal", "reason"),
    [
        (TRIXIE, True, True, False, None),
        (TRIXIE, True, False, True, None),
        (TRIXIE, True, False, False, "there is no terminal for the question"),
        (TRIXIE, False, True, True, "only root"),
        ({"ID": "debian", "VERSION_ID": "12"}, True, True, True, "this is Debian 12, and they need 13"),
        ({"ID": "debian"}, True, True, True, "no Debian release"),
        ({"ID": "fedora", "VERSION_ID": "43"}, True, True, True, "no Debian"),
        ({}, True, True, True, "no Debian"),
    ],
)
def test_obstacle_names_why_nothing_can_be_installed(
    release: dict[str, str], root: bool, ci: bool, terminal: bool, reason: str | None
) -> None:
    found = obstacle(release, root=root, ci=ci, terminal=terminal)
    assert found is None if reason is None else reason in (found or "")


@pytest.mark.parametrize(("answer", "yes"), [("y", True), ("YES ", True), ("", False), ("n", False), (None, False)])
def test_only_yes_allows_installation(answer: str | None, yes: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def typed(question: str) -> str:
        if answer is None:
            raise EOFError
        return answer

    monkeypatch.setattr("builtins.input", typed)
    assert agreed(["nginx"]) is yes


def test_installation_without_ci_needs_agreement(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    installed: list[str] = []
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setattr(packages, "missing", lambda: ["nginx"])
    monkeypatch.setattr(packages, "obstacle", lambda release, **where: None)
    monkeypatch.setattr(packages, "install", installed.extend)
    monkeypatch.setattr("builtins.input", lambda question: "no")
    assert packages.main() == 0
    assert not installed
    assert "Not installed: nginx; the answer was no." in capsys.readouterr().err
    monkeypatch.setenv("CI", "1")
    assert packages.main(needed={"chromium"}) == 0
    assert not installed
    assert packages.main() == 0
    assert installed == ["nginx"]


def test_failed_installation_gives_one_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(wanted: list[str]) -> None:
        raise subprocess.CalledProcessError(100, ["apt-get"])

    monkeypatch.setenv("CI", "1")
    monkeypatch.setattr(packages, "missing", lambda: ["nginx"])
    monkeypatch.setattr(packages, "obstacle", lambda release, **where: None)
    monkeypatch.setattr(packages, "install", fail)
    assert packages.main() == 1
    assert "Not installed: nginx; the installation failed:" in capsys.readouterr().err


def test_package_is_missing_until_its_file_exists(tmp_path: Path) -> None:
    assert missing(tmp_path) == list(FILES)
    module = tmp_path / "usr/lib/any-linux-gnu/kamailio/modules/tls.so"
    module.parent.mkdir(parents=True)
    module.touch()
    assert "kamailio-tls-modules" not in missing(tmp_path)


# -- what the output says ----------------------------------------------------------------------------------------------

WITHOUT_NGINX = """
import sys, pytest
from tests.real import packages
packages.FILES["nginx"] = "/nowhere/nginx"
others = ["tests/wire/whatsapp/test_protobuf.py", "--ignore=tests/real/test_packages.py"]
sys.exit(pytest.main([*others, "tests/real", "-x"]))
"""


def run_without_nginx(ci: str) -> tuple[int, list[str]]:
    environment = {**os.environ, "CI": ci}
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_NGINX], env=environment, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout.splitlines()


def test_missing_server_is_named_before_the_last_line() -> None:
    code, lines = run_without_nginx(ci="")
    assert code == 0
    (sentence,) = [line for line in lines if line.startswith("DID NOT RUN: tests/real/test_real_")]
    assert "not installed: nginx" in sentence
    assert sentence.endswith("To run them: make test-all, as root on Debian 13 or newer.")
    assert " passed" in lines[-1]


def test_missing_server_fails_with_ci() -> None:
    code, lines = run_without_nginx(ci="true")
    assert code == 1
    assert "1 error" in lines[-1]
    assert any("not installed: nginx" in line for line in lines)
