"""Test in which order the environment and the systems name the user's languages."""

import ctypes
import sys
from typing import Any

import pytest

from probe.platforms import user_languages as module
from probe.platforms.user_languages import user_languages

VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG", "LANGUAGE")


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def answers(monkeypatch: pytest.MonkeyPatch, **texts: str) -> None:
    """Let programs of the system print these texts, by their last argument."""
    monkeypatch.setattr(module, "output_of", lambda *command: texts.get(command[-1].replace(".", "_"), ""))


@pytest.mark.parametrize(
    ("variables", "found"),
    [
        ({}, []),
        ({"LANG": "fa_IR.UTF-8"}, ["fa_IR.UTF-8"]),
        ({"LANG": "de_DE", "LC_MESSAGES": "ru_RU"}, ["ru_RU"]),
        ({"LANG": "de_DE", "LC_MESSAGES": "ru_RU", "LC_ALL": "tr_TR"}, ["tr_TR"]),
        ({"LANG": "de_DE", "LANGUAGE": "uk:ru"}, ["uk", "ru", "de_DE"]),
        ({"LANGUAGE": "fa"}, ["fa"]),
        ({"LANG": "C", "LANGUAGE": "fa"}, ["C"]),
        ({"LANG": "fa_IR", "LC_ALL": "C.UTF-8"}, ["C.UTF-8"]),
        ({"LC_ALL": "", "LANG": "POSIX"}, ["POSIX"]),
    ],
)
def test_environment_names_the_languages(
    variables: dict[str, str], found: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert user_languages() == found


def test_macos_names_them_if_the_environment_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    answers(monkeypatch, AppleLanguages='(\n    "zh-Hans-CN",\n    "en-CN",\n    fr\n)\n')
    assert user_languages() == ["zh-Hans-CN", "en-CN", "fr"]
    monkeypatch.setenv("LANG", "C")
    assert user_languages() == ["C"]


def test_termux_uses_the_language_of_the_phone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "android")
    monkeypatch.setenv("LANG", "en_US.UTF-8")
    answers(monkeypatch, persist_sys_locale="my-MM\n", ro_product_locale="en-US\n")
    assert user_languages() == ["my-MM"]
    answers(monkeypatch, ro_product_locale="fa-IR\n")
    assert user_languages() == ["fa-IR"]
    answers(monkeypatch)
    assert user_languages() == ["en_US.UTF-8"]
    monkeypatch.setenv("LANG", "ru_RU.UTF-8")
    assert user_languages() == ["ru_RU.UTF-8"]


class Kernel:
    """Answer as kernel32 of a Windows with two languages."""

    NAMES = "ur-PK\0en-US\0\0"

    def GetUserPreferredUILanguages(self, form: int, count: Any, names: Any, size: Any) -> int:
        assert form == 8
        if names is None:
            size._obj.value = len(self.NAMES)
        else:
            names[: len(self.NAMES)] = self.NAMES
        return 1


def test_windows_names_its_languages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(ctypes, "windll", type("Libraries", (), {"kernel32": Kernel()}), raising=False)
    assert user_languages() == ["ur-PK", "en-US"]
    monkeypatch.setattr(Kernel, "GetUserPreferredUILanguages", lambda *_: 0)
    assert user_languages() == []
    monkeypatch.delattr(ctypes, "windll")
    assert user_languages() == []
