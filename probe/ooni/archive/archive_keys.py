"""Map a question to the prefixes of OONI's bucket, and select files from the listed keys, in both layouts.

Source: https://github.com/ooni/data/blob/c8fcc72954c5ff8d0f880d8a86d376b1f1cca8f4/Readme.md, opened 2026-11-24. Days
are upload days in UTC.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

FIRST_RAW = date(2020, 10, 20)  # first day of the layout by hour under raw/
LAST_BY_DAY = date(2020, 10, 20)  # last day of the layout by test under jsonl/
EARLIEST = date(2012, 12, 5)

TESTS = (
    *("browser_web", "dash", "dns_consistency", "dnscheck", "dnsping", "echcheck", "facebook_messenger"),
    *("http_header_field_manipulation", "http_host_header", "http_invalid_request_line", "http_requests", "ndt"),
    *("meek_fronted_requests_test", "openvpn", "portfiltering", "psiphon", "quicping", "riseupvpn", "signal"),
    *("simplequicping", "sni_blocking", "stunreachability", "tcp_connect", "tcpping", "telegram", "tlsmiddlebox"),
    *("tlsping", "tor", "torsf", "urlgetter", "vanilla_tor", "web_connectivity", "whatsapp"),
)
"""OONI's nettest names (ooni/probe-cli 7cb22410, ooni/backend 32d8349d). Paths have them without underscores."""

_RAW = re.compile(r"raw/(\d{8})/(\d\d)/([A-Z]{2})/([a-z0-9]+)/\d{10}_[A-Z]{2}_[a-z0-9]+\.[\w-]+\.\d+\.(jsonl|tar)\.gz")
_BY_DAY = re.compile(r"jsonl/([a-z0-9]+)/([A-Z]{2})/(\d{8})/(\d\d)/[\w-]+(?:\.[\w-]+)*\.(jsonl)\.gz")


@dataclass(frozen=True)
class ArchiveQuery:
    """Hold countries (two capital letters), nettests and upload days. `until` is exclusive."""

    countries: tuple[str, ...]
    tests: tuple[str, ...]
    since: date
    until: date

    def days(self) -> Iterator[date]:
        """Yield every day in order."""
        return (self.since + timedelta(days=number) for number in range((self.until - self.since).days))

    def prefixes(self) -> Iterator[str]:
        """Yield every prefix to list: hours under raw/, days under jsonl/."""
        paths = [test.replace("_", "") for test in self.tests]
        for day in self.days():
            stamp = f"{day:%Y%m%d}"
            for country in self.countries:
                if day <= LAST_BY_DAY:
                    yield from (f"jsonl/{path}/{country}/{stamp}/" for path in paths)
                if day >= FIRST_RAW:
                    yield from (f"raw/{stamp}/{hour:02}/{country}/{path}/" for hour in range(24) for path in paths)


@dataclass(frozen=True)
class ArchivedFile:
    """Represent a file in the bucket: key, size in bytes, and ETag without quotes."""

    key: str
    size: int
    etag: str


def choose(listed: Iterable[ArchivedFile]) -> list[ArchivedFile]:
    """Return the files to fetch, by key, without any measurement twice.

    The tarballs of an hour repeat its JSON lines. A day in both layouts is taken from jsonl/, which is complete. Files
    with other names do not belong to the archive.
    """
    hours: dict[tuple[str, ...], dict[str, list[ArchivedFile]]] = defaultdict(lambda: defaultdict(list))
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
