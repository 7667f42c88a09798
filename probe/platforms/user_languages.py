"""Read the languages that the user prefers, as the environment and the system name them."""

import os
import re
import sys

from probe.platforms.systems import is_android, is_windows, output_of

_TERMUX = "en_US.UTF-8"  # LANG of every shell that Termux starts, whatever the phone's language is
_BY_NAME = 8  # MUI_LANGUAGE_NAME of <winnls.h>


def user_languages() -> list[str]:
    """Return the names of the user's languages, the most preferred first. Examples are fa_IR.UTF-8, fa-IR and C."""
    named = _in_environment()
    if not named or (is_android() and named == [_TERMUX]):
        return _of_system() or named
    return named


def _in_environment() -> list[str]:
    """Return the languages of LANGUAGE and of the locale of messages. The locale C means English, as in gettext."""
    locale = next(filter(None, map(os.environ.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    if re.fullmatch(r"(C|POSIX)(\..*)?", locale):
        return [locale]
    return [name for name in (*os.environ.get("LANGUAGE", "").split(":"), locale) if name]


def _of_system() -> list[str]:
    if is_windows():
        return _windows()
    if is_android():
        return _android()
    return _macos() if sys.platform == "darwin" else []


def _windows() -> list[str]:
    import ctypes  # here, because other systems do not need it

    kernel = getattr(getattr(ctypes, "windll", None), "kernel32", None)
    if kernel is None:  # Cygwin
        return []
    count, size = ctypes.c_ulong(), ctypes.c_ulong()
    ask = kernel.GetUserPreferredUILanguages
    if not ask(_BY_NAME, ctypes.byref(count), None, ctypes.byref(size)):
        return []
    names = ctypes.create_unicode_buffer(size.value)
    if not ask(_BY_NAME, ctypes.byref(count), names, ctypes.byref(size)):
        return []
    return [name for name in "".join(names[: size.value]).split("\0") if name]


def _android() -> list[str]:
    """Return the language of the phone. The first property is empty until the user changes the language."""
    values = (output_of("/system/bin/getprop", name) for name in ("persist.sys.locale", "ro.product.locale"))
    return [found for value in values if (found := value.strip())][:1]


def _macos() -> list[str]:
    """Return the list in the settings of macOS, which it prints as `(\\n    "fa-IR",\\n    "en-IR"\\n)`."""
    return re.findall(r'"?([A-Za-z][\w-]+)"?', output_of("/usr/bin/defaults", "read", "-g", "AppleLanguages"))
