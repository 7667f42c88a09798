"""Make the page of the documentation about OONI's sample measurements from the cases."""

from tests.support.ooni.cases import fastpath, names, pages, redirects
from tests.support.ooni.cases.case import Case

WEB = (*pages.CASES, *redirects.CASES, *names.CASES)
"""One for each measurement in internal/minipipeline/testdata/webconnectivity of ooni/probe-cli."""

FASTPATH = fastpath.CASES
TEXT = """# OONI's sample measurements

OONI publishes measurements that its own programs are tested with. The tests of this repository have a measurement of
our own making for each shape, and check that it gets the verdict in the table.

"OONI" is OONI's conclusion about the sample: `ok`, `blocked`, `down`, or `failed` if there is none. The last column
says why ours differs. A state that several services have is shown once.

## Web addresses

56 measurements of `web_connectivity` 0.5: [ooni/probe-cli](https://github.com/ooni/probe-cli), commit 7cb22410 of
2026-08-14, `internal/minipipeline/testdata/webconnectivity`. The fifty that OONI generates are also in
[ooni/data](https://github.com/ooni/data), commit c8fcc729 of 2026-08-21, `oonipipeline/tests/data/wc05_qa`.

{web}

## Other nettests and older versions

[ooni/backend](https://github.com/ooni/backend), commit 32d8349d of 2026-08-20, `fastpath/fastpath/tests/data`. Samples
that differ only in texts have one row.

{fastpath}
"""
_HEAD = ("| sample | OONI | verdict | why it differs |", "|---|---|---|---|")


def page() -> str:
    return TEXT.format(web=_table(WEB), fastpath=_table(FASTPATH))


def _table(cases: tuple[Case, ...]) -> str:
    return "\n".join([*_HEAD, *(_row(case) for case in cases)])


def _row(case: Case) -> str:
    states = dict.fromkeys(state for _, state in sorted(case.by_role.items()))
    verdict = ", ".join(f"`{state}`" for state in states)
    return f"| `{case.sample.removeprefix('fastpath/')}` | {case.ooni} | {verdict} | {case.why} |"
