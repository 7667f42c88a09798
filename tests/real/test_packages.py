"""Installing the real servers changes nothing else: no service starts, none stays enabled, the policy is put back."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.real import packages
from tests.real.packages import FILES, NO_TALK, agreed, install, missing, obstacle
from tests.real.quiet import FORBIDS, disable_new_links, enabled_links, ended_in_order, services_forbidden

TRIXIE = {"ID": "debian", "VERSION_ID": "13"}
THEIRS = "#!/bin/sh\nexit 0\n"


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    return tmp_path / "policy-rc.d"


def write_theirs(policy: Path) -> None:
    policy.write_text(THEIRS)
    policy.chmod(0o700)


def is_theirs(policy: Path) -> bool:
    return (
        policy.read_text() == THEIRS and policy.stat().st_mode & 0o777 == 0o700 and len(os.listdir(policy.parent)) == 1
    )


# -- the policy --------------------------------------------------------------------------------------------------------


def test_while_it_lasts_every_start_is_forbidden(policy: Path) -> None:
    write_theirs(policy)
    with services_forbidden(policy):
        assert subprocess.run([policy, "nginx", "start"], check=False).returncode == 101


@pytest.mark.parametrize("fails", [False, True])
def test_a_policy_that_was_there_is_put_back(policy: Path, fails: bool) -> None:
    write_theirs(policy)
    try:
        with services_forbidden(policy):
            assert policy.read_text() == FORBIDS
            if fails:
                raise OSError
    except OSError:
        assert fails
    assert is_theirs(policy)


@pytest.mark.parametrize("fails", [False, True])
def test_where_there_was_none_there_is_none(policy: Path, fails: bool) -> None:
    try:
        with services_forbidden(policy):
            if fails:
                raise OSError
    except OSError:
        assert fails
    assert not os.listdir(policy.parent)


@pytest.mark.parametrize("had_one", [False, True])
def test_what_a_killed_run_left_is_put_right_by_the_next(policy: Path, had_one: bool) -> None:
    if had_one:
        write_theirs(policy)
    unfinished = services_forbidden(policy)
    unfinished.__enter__()
    with services_forbidden(policy):
        assert policy.read_text() == FORBIDS
    assert is_theirs(policy) if had_one else not os.listdir(policy.parent)


def test_sigterm_puts_it_back_too(policy: Path) -> None:
    write_theirs(policy)
    with pytest.raises(SystemExit) as ended, ended_in_order(), services_forbidden(policy):
        os.kill(os.getpid(), signal.SIGTERM)
    assert ended.value.code == 128 + signal.SIGTERM
    assert is_theirs(policy)
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


# -- what starts with the machine --------------------------------------------------------------------------------------


def link(root: Path, place: str) -> Path:
    path = root / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to("/usr/lib/systemd/system/any.service")
    return path


def test_only_what_was_newly_enabled_is_disabled(tmp_path: Path) -> None:
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
    """A stand-in for apt-get that enables a service; returns its log and the root folder of its machine."""
    tools, log, root = tmp_path / "bin", tmp_path / "log", tmp_path / "root"
    tools.mkdir()
    (tools / "apt-get").write_text(APT.format(log=log, policy=policy, root=root, code=code))
    (tools / "debconf-set-selections").write_text("#!/bin/sh\ncat >/dev/null\n")
    for tool in tools.iterdir():
        tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    return log, root


@pytest.mark.parametrize("code", [0, 100])
def test_an_installation_forbids_starts_and_leaves_nothing_enabled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    policy = tmp_path / "sbin" / "policy-rc.d"
    policy.parent.mkdir()
    write_theirs(policy)
    log, root = put_apt(tmp_path, policy, monkeypatch, code)
    try:
        install(["nginx"], policy, root)
    except subprocess.CalledProcessError as error:
        assert error.returncode == code
    update, call, result = log.read_text().splitlines()
    assert update.endswith(" update")
    assert {"--no-install-recommends", "--no-remove", "--yes", "nginx"} <= set(call.split())
    assert result == f"policy 101 {NO_TALK['DEBIAN_FRONTEND']}"
    assert is_theirs(policy)
    assert not enabled_links(root)


@pytest.mark.parametrize(
    ("release", "root", "ci", "terminal", "reason"),
    [
        (TRIXIE, True, True, False, None),
        (TRIXIE, True, False, True, None),
        (TRIXIE, True, False, False, "there is no terminal to ask at"),
        (TRIXIE, False, True, True, "only root"),
        ({"ID": "debian", "VERSION_ID": "12"}, True, True, True, "this is Debian 12, and they need 13"),
        ({"ID": "debian"}, True, True, True, "no Debian release"),
        ({"ID": "fedora", "VERSION_ID": "43"}, True, True, True, "no Debian"),
        ({}, True, True, True, "no Debian"),
    ],
)
def test_where_it_may_be_done(
    release: dict[str, str], root: bool, ci: bool, terminal: bool, reason: str | None
) -> None:
    found = obstacle(release, root=root, ci=ci, terminal=terminal)
    assert found is None if reason is None else reason in (found or "")


@pytest.mark.parametrize(("answer", "yes"), [("y", True), ("YES ", True), ("", False), ("n", False), (None, False)])
def test_only_a_yes_is_a_yes(answer: str | None, yes: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def typed(question: str) -> str:
        if answer is None:
            raise EOFError
        return answer

    monkeypatch.setattr("builtins.input", typed)
    assert agreed(["nginx"]) is yes


def test_without_ci_nothing_is_installed_unless_somebody_says_yes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    installed: list[str] = []
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setattr(packages, "missing", lambda: ["nginx"])
    monkeypatch.setattr(packages, "obstacle", lambda release, **where: None)
    monkeypatch.setattr(packages, "install", installed.extend)
    monkeypatch.setattr("builtins.input", lambda question: "no")
    packages.main()
    assert not installed
    assert "Not installed: nginx; the answer was no." in capsys.readouterr().err
    monkeypatch.setenv("CI", "1")
    packages.main()
    assert installed == ["nginx"]


def test_a_failed_installation_is_told_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(wanted: list[str]) -> None:
        raise subprocess.CalledProcessError(100, ["apt-get"])

    monkeypatch.setenv("CI", "1")
    monkeypatch.setattr(packages, "missing", lambda: ["nginx"])
    monkeypatch.setattr(packages, "obstacle", lambda release, **where: None)
    monkeypatch.setattr(packages, "install", fail)
    packages.main()
    assert "Not installed: nginx; the installation failed:" in capsys.readouterr().err


def test_a_package_is_missing_until_its_file_is_there(tmp_path: Path) -> None:
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
sys.exit(pytest.main(["tests/wire/test_protobuf.py", "tests/real", "--ignore=tests/real/test_packages.py", "-x"]))
"""


def run_without_nginx(ci: str) -> tuple[int, list[str]]:
    environment = {**os.environ, "CI": ci}
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_NGINX], env=environment, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout.splitlines()


def test_where_a_server_is_missing_the_last_line_says_what_did_not_run_and_how_to_get_it() -> None:
    code, lines = run_without_nginx(ci="")
    assert code == 0
    assert " passed" in lines[-2]
    assert lines[-1].startswith("DID NOT RUN: tests/real/test_real_")
    assert "not installed: nginx" in lines[-1]
    assert lines[-1].endswith("To run them: make test, as root on Debian 13 or newer.")


def test_in_ci_that_is_a_failure_and_pytests_closing_line_is_the_last() -> None:
    code, lines = run_without_nginx(ci="true")
    assert code == 1
    assert "1 error" in lines[-1]
    assert any("not installed: nginx" in line for line in lines)
