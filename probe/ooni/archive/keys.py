"""The two layouts of OONI's bucket: a question → prefixes to list; keys that were listed → files to fetch.

Source: https://github.com/ooni/data/blob/c8fcc72954c5ff8d0f880d8a86d376b1f1cca8f4/Readme.md, opened 2026-11-24.
Days are those of the upload, in UTC.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

FIRST_RAW = date(2020, 10, 20)  # from this day on by hour, under raw/
LAST_BY_DAY = date(2020, 10, 20)  # up to this day by test, under jsonl/
EARLIEST = date(2012, 12, 5)

TESTS = (
    *("browser_web", "dash", "dns_consistency", "dnscheck", "dnsping", "echcheck", "facebook_messenger"),
    *("http_header_field_manipulation", "http_host_header", "http_invalid_request_line", "http_requests", "ndt"),
    *("meek_fronted_requests_test", "openvpn", "portfiltering", "psiphon", "quicping", "riseupvpn", "signal"),
    *("simplequicping", "sni_blocking", "stunreachability", "tcp_connect", "tcpping", "telegram", "tlsmiddlebox"),
    *("tlsping", "tor", "torsf", "urlgetter", "vanilla_tor", "web_connectivity", "whatsapp"),
)
"""OONI's names of its nettests (ooni/probe-cli 7cb22410, ooni/backend 32d8349d); in paths without underscores."""

_RAW = re.compile(r"raw/(\d{8})/(\d\d)/([A-Z]{2})/([a-z0-9]+)/\d{10}_[A-Z]{2}_[a-z0-9]+\.[\w-]+\.\d+\.(jsonl|tar)\.gz")
_BY_DAY = re.compile(r"jsonl/([a-z0-9]+)/([A-Z]{2})/(\d{8})/(\d\d)/[\w-]+(?:\.[\w-]+)*\.(jsonl)\.gz")


@dataclass(frozen=True)
class Question:
    """What is wanted: countries (two capital letters), nettests, and upload days; `until` is not among them."""

    countries: tuple[str, ...]
    tests: tuple[str, ...]
    since: date
    until: date

    def days(self) -> Iterator[date]:
        """Every day, in order."""
        return (self.since + timedelta(days=number) for number in range((self.until - self.since).days))

    def prefixes(self) -> Iterator[str]:
        """Every prefix to list: of the hours under raw/, and of the days under jsonl/."""
        paths = [test.replace("_", "") for test in self.tests]
        for day in self.days():
            stamp = f"{day:%Y%m%d}"
            for country in self.countries:
                if day <= LAST_BY_DAY:
                    yield from (f"jsonl/{path}/{country}/{stamp}/" for path in paths)
                if day >= FIRST_RAW:
                    yield from (f"raw/{stamp}/{hour:02}/{country}/{path}/" for hour in range(24) for path in paths)


@dataclass(frozen=True)
class Stored:
    """A file in the bucket: its key, its size in bytes, and its ETag without quotes."""

    key: str
    size: int
    etag: str


def choose(listed: Iterable[Stored]) -> list[Stored]:
    """The files to fetch, by key: never the same measurements twice.

    Where an hour has lines, its tarballs hold them again; the day that both layouts have is taken from jsonl/, which
    has all of it. What has any other name is no file of the archive.
    """
    hours: dict[tuple[str, ...], dict[str, list[Stored]]] = defaultdict(lambda: defaultdict(list))
    whole_days = set()
    for stored in set(listed):
        if found := _RAW.fullmatch(stored.key):
            day, hour, country, test, kind = found.groups()
            hours[day, country, test, hour][kind].append(stored)
        elif found := _BY_DAY.fullmatch(stored.key):
            test, country, day, hour, kind = found.groups()
            hours[day, country, test, f"of the day {hour}"][kind].append(stored)
            whole_days.add((day, country, test))
    return sorted(
        (
            stored
            for (*day, hour), forms in hours.items()
            if tuple(day) not in whole_days or hour.startswith("of the day")
            for stored in forms.get("jsonl") or forms["tar"]
        ),
        key=lambda stored: stored.key,
    )
