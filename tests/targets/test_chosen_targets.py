"""Test that targets are found by name and title, in any case, and that a web address gets its command."""

from pathlib import Path

import pytest

from probe.targets.chosen_targets import named_targets, titles
from probe.targets.target_error import TargetError
from probe.targets.target_files import bundled_targets, load_target, pick_targets, target_names

FOLDER = bundled_targets()
DEFAULT = [target.name for target in pick_targets(FOLDER, [])]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["WhatsApp"], ["whatsapp"]),
        (["whatsapp,telegram"], ["whatsapp", "telegram"]),
        (["whatsapp, Telegram", "WHATSAPP"], ["whatsapp", "telegram"]),
        (["Messenger"], ["facebook"]),
        (["Facebook and Messenger"], ["facebook"]),
        (["twitter", "Microsoft Teams"], ["x", "teams"]),
        (["all"], DEFAULT),
        (["ALL", "skype"], [*DEFAULT, "skype"]),
        ([], []),
    ],
)
def test_target_is_found_by_its_name_and_title(words: list[str], found: list[str]) -> None:
    assert named_targets(FOLDER, words) == found


@pytest.mark.parametrize("name", target_names(FOLDER))
def test_every_title_names_its_own_target(name: str) -> None:
    title = load_target(FOLDER / f"{name}.toml").title
    assert titles(FOLDER)[name] == title and named_targets(FOLDER, [title.upper()]) == [name]


@pytest.mark.parametrize(
    ("word", "address"),
    [
        ("facebook.com", "https://facebook.com/"),
        ("www.Facebook.com/groups?a=1&b=2", "'https://www.Facebook.com/groups?a=1&b=2'"),
        ("http://facebook.com:8080/x", "http://facebook.com:8080/x"),
    ],
)
def test_web_address_gets_the_command_that_tests_it(word: str, address: str) -> None:
    with pytest.raises(TargetError) as caught:
        named_targets(FOLDER, [word])
    assert f"`probe run web --input {address}`" in str(caught.value)


@pytest.mark.parametrize(
    ("words", "said"),
    [(["Telegrm"], "Did you mean 'telegram'"), (["whatsapp,"], "no target ''"), ([""], "targets list")],
)
def test_unknown_name_is_refused(words: list[str], said: str) -> None:
    with pytest.raises(TargetError, match=said):
        named_targets(FOLDER, words)


def test_file_named_all_is_a_target(tmp_path: Path) -> None:
    text = (FOLDER / "telegram.toml").read_text()
    for name in ("all", "telegram"):
        (tmp_path / f"{name}.toml").write_text(text)
    assert named_targets(tmp_path, ["all"]) == ["all"]


def test_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.toml").write_text("= 3")
    with pytest.raises(TargetError, match=r"broken\.toml"):
        named_targets(tmp_path, ["Telegram"])
