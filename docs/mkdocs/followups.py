"""Write docs/reference/followups.md from the tables that the program executes: `python docs/mkdocs/followups.py`."""

from pathlib import Path

from probe.connectivity.policy import rows
from probe.connectivity.policy.table import POLICY
from probe.followups import registry

PAGE = Path(__file__).parent.parent / "reference" / "followups.md"
TEXT = """# Follow-ups

A follow-up is a flow that is caused by a failure. Most are differentials: they change one property of the failed flow.
`make reference` writes this page from the tables that the program executes.

## Kinds

A trigger is a flow with a target's name or payload (P7 in the [contract](../contract.md#2-principles)).

{kinds}

## Policy

A group begins when the group before it has ended. The chains of a group run side by side. In a chain the first
follow-up whose conditions hold is next. "Once per" says for what it is not repeated.

{policy}
"""


def page() -> str:
    """Return the page."""
    return TEXT.format(kinds="\n".join(registry.markdown_rows()), policy="\n".join(rows.markdown_rows(POLICY)))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
