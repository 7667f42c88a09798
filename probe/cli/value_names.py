"""Name values in the help texts by words: `--results FOLDER` and not `--results <path>`, arguments without a type.

A range of numbers is put into words too: "at least 1" and not "x>=1".
"""

from functools import partial
from typing import Any, Literal, get_origin

from probe.messages import tr

BY_OPTION = {
    "asn": "ASN",
    "before": "DAY",
    "cc": "COUNTRY",
    "consent": "VERSION",
    "control": "URL",
    "control_pin": "SHA256",
    "country": "COUNTRY",
    "dest": "FOLDER",
    "dtls": "PORT",
    "echo": "PORTS",
    "keep": "AGE",
    "listen": "ADDRESS:PORT",
    "max_disk": "SIZE",
    "max_time": "SECONDS",
    "media": "PORT",
    "out": "PATH",
    "output": "FILE",
    "own_address": "NETWORK",
    "port": "PORT",
    "proxy": "URL",
    "results": "FOLDER",
    "server": "URL",
    "since": "DAY",
    "sip": "PORT",
    "store": "FOLDER",
    "targets": "FOLDER",
    "test": "NAME",
    "to": "KEY",
    "transfer": "PORT",
    "transfer_http": "PORT",
    "trusted_proxy": "NETWORK",
    "until": "DAY",
    "world": "NAME",
}
BY_TYPE = {"Path": "FILE", "int": "NUMBER", "float": "NUMBER"}
OTHERS = "TEXT"


def name_values(command: Any) -> Any:
    """Give each option of a command and of its subcommands a word for its value. Flags and choices need none.

    The name of an argument is a word already, so its type is left out.
    """
    for one in (command, *getattr(command, "commands", {}).values()):
        for option in one.params:
            if hasattr(option, "_get_number_range_help_str"):
                option._get_number_range_help_str = partial(_range_in_words, option.min, option.max)
            if option.param_type_name == "argument":
                option.display_type = _no_type
            described = getattr(option, "type_descriptor", None)
            if option.param_type_name == "option" and option.metavar is None and not option.is_flag and described:
                option.metavar = _name(option.name, described.annotation)
    return command


def _range_in_words(least: float | None, most: float | None) -> str | None:
    """Return the numbers that an option takes, None if it takes all or no number."""
    if least is None:
        return None if most is None else tr("at most {number}", number=most)
    return tr("at least {number}", number=least) if most is None else tr("{least} to {most}", least=least, most=most)


def _no_type(context: object) -> str:
    return ""


def _name(option: str, annotation: Any) -> str | None:
    inner = annotation.__args__[0] if get_origin(annotation) is list else annotation
    if get_origin(inner) is Literal:
        return None
    return BY_OPTION.get(option) or BY_TYPE.get(getattr(inner, "__name__", ""), OTHERS)
