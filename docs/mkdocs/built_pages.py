"""Make the pages that the site has and the repository has not, because they are too large to be read there.

They are made from the tables that the program executes. mkdocs calls the two functions at the end.
"""

import re
from typing import Any

from mkdocs.structure.files import File, Files

from probe.analysis.report.reference import pages
from probe.connectivity.policy import policy_rows, repetitions
from probe.connectivity.policy.policy_table import POLICY
from probe.followups import registry
from tests.support.ooni.cases.page import page as samples_page

BUILT = ("features.md", "pipeline.md", "followups.md", "samples.md")
INDEX = "reference/index.md"
FOLLOWUPS = """# Follow-ups

A follow-up is a flow that is caused by a failure. Most are differentials: they change one property of the failed flow.

## Kinds

A trigger is a flow with a target's name or payload (P7 in the [contract](../contract.md#2-principles)).

{kinds}

## Policy

A group begins when the group before it has ended. The chains of a group run side by side. In a chain the first
follow-up whose conditions hold is next. "Once per" says for what it is not repeated.

{policy}

## Repetitions

An attempt that failed is repeated before anything is concluded. Each repetition excludes one other cause than
interference. In a measurement all of them are transactions of the kind `confirm`.

{repetitions}
"""


def built_pages() -> dict[str, str]:
    """Return the text of each built page by its file name in the folder `reference`."""
    tables = {
        "kinds": registry.markdown_rows(),
        "policy": policy_rows.markdown_rows(POLICY),
        "repetitions": repetitions.markdown_rows(),
    }
    followups = FOLLOWUPS.format_map({name: "\n".join(lines) for name, lines in tables.items()})
    made = {**pages(), "followups.md": followups, "samples.md": samples_page()}
    return {name: made[name] for name in BUILT}


def on_files(files: Files, config: Any) -> Files:
    """Add the built pages to those of the repository."""
    for name, text in built_pages().items():
        files.append(File.generated(config, f"reference/{name}", content=text))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Link the built pages. In the repository the links lead to the index, because the pages are not there."""
    if page.file.src_uri == INDEX:
        return re.sub(r'(<a id="(\w+)"></a>)([^|]+?) \|', r"\1[\3](\2.md) |", markdown)
    return re.sub(rf"{INDEX}#({'|'.join(name.removesuffix('.md') for name in BUILT)})\)", r"reference/\1.md)", markdown)
