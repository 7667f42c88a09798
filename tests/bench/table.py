"""Collect and print the table of the bench: subject, figure, aim, and whether the aim was met."""

ROWS: list[tuple[str, str, str]] = []


def row(what: str, figure: str, aim: str = "", met: bool | None = None) -> None:
    """Print a row at once, and keep it for the Markdown table."""
    result = aim if met is None else f"{aim}: {'met' if met else 'MISSED'}"
    ROWS.append((what, figure, result))
    print(f"{what:<66} {figure:>14}   {result}", flush=True)


def markdown() -> str:
    """Return the rows as Markdown, as in docs/speed.md."""
    lines = ["| measured | figure | aim |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| {what} | {figure} | {aim} |" for what, figure, aim in ROWS)])
