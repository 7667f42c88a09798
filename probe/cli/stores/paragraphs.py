"""Print what app stores say about apps in a country, with what networks there do to them."""

from collections.abc import Iterator, Mapping, Sequence

from probe.analysis.listings.listing_records import Listed
from probe.analysis.listings.listing_rules import Listing
from probe.cli.screen import wrapped
from probe.countries.country_names import country_name
from probe.messages import mark, tr

INDENT = 24  # columns before a sentence
RUNS = mark("Tests of networks there: works in {works}, works badly in {degraded}, blocked in {blocked}.")

Row = tuple[Listed, Mapping[str, int] | None]
"""An app in a storefront, and the runs in that country by state of the app."""


def paragraphs(rows: Sequence[Row]) -> Iterator[str]:
    """Yield one paragraph per storefront: how many apps are listed, and a row for each other or measured one."""
    places = dict.fromkeys((row.answers.store, row.answers.storefront) for row, _ in rows)
    for place in places:
        yield from _paragraph([one for one in rows if (one[0].answers.store, one[0].answers.storefront) == place])


def _paragraph(rows: Sequence[Row]) -> Iterator[str]:
    answers = rows[0][0].answers
    country = country_name(answers.storefront.upper())
    name = {"apple": "App Store", "google": "Google Play"}.get(answers.store, answers.store)
    if not answers.usable:
        yield wrapped(tr("{store}, {country}: the store gave no usable answer.", store=name, country=country))
        return
    listed = sum(row.rule.state is Listing.LISTED for row, _ in rows)
    yield wrapped(
        tr(
            "{store}, {country}: {listed} of {all} apps are listed.",
            store=name,
            country=country,
            listed=listed,
            all=len(rows),
        )
    )
    if answers.weak:
        yield wrapped(tr("This is weak evidence, because Google Play also looks at the country of this computer."), 2)
    for row, runs in rows:
        if row.rule.state is not Listing.LISTED or runs is not None:
            said = _sentence(row, country) + (" " + tr(RUNS, **runs) if runs else "")
            yield wrapped(said, INDENT, f"  {row.entry.title[:11]:<12}{_word(row.rule.state):<10}")


def _sentence(row: Listed, country: str) -> str:
    """Return the sentence of the rule, and how common the absence is."""
    since = row.series.absent_from
    said = tr(row.rule.plain, app=row.entry.title, country=country, date=f"{since:%Y-%m-%d}" if since else "")
    if row.rule.state in {Listing.UNKNOWN, Listing.LISTED}:
        return said
    rate = row.elsewhere
    asked = rate.listed + rate.absent
    return f"{said} " + tr(
        "It is missing in {absent} of {all} countries that were asked.", absent=rate.absent, all=asked
    )


def _word(state: str) -> str:
    words = {"listed": tr("LISTED"), "absent": tr("ABSENT"), "delisted": tr("DELISTED"), "unknown": tr("UNKNOWN")}
    return words.get(state, state)
