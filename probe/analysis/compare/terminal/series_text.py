"""Print series as text, with a bar for each day or hour."""

from probe.analysis.compare.cells import INSUFFICIENT
from probe.analysis.compare.compare import folded, label, not_counted, state_text
from probe.analysis.compare.current import LEAST
from probe.analysis.compare.over_time.series import Bucket, Series
from probe.analysis.compare.terminal.style import PLAIN, Style
from probe.messages import tr

_BAR, _NARROW_BAR = 20, 4
_NARROW = 60  # columns below which lines are short


def to_text(found: list[Series], style: Style = PLAIN) -> str:
    """Return a line for each day or hour, with a bar for the share of runs that fail. A gap has no bar."""
    blocks = []
    for one in found:
        title = folded(f"{one.service}  {label(one.vantage)}", style.width - 1)
        blocks.append("\n".join([*title, *(_line(bucket, style) for bucket in one.buckets)]))
    notes = (
        tr("A bar has the share that fails of the runs that fail or work. ? means that none of them does."),
        tr(
            "BLOCKED 4/5: 4 of 5 runs fail, and most of these are BLOCKED. (...): fewer than {least} runs.", least=LEAST
        ),
        tr("A row without a bar was not measured, so it is not OK."),
    )
    legend = [style.bar(0.5, 6) + " " + tr("half of the runs fail")]
    legend += [line for note in notes for line in folded(note, style.width - 1)]
    return "\n\n".join([*blocks, "\n".join(legend)]) + "\n"


def _line(bucket: Bucket, style: Style) -> str:
    if style.width < _NARROW:
        before, length, gap = f" {bucket.time} ", _NARROW_BAR, " "
    else:
        before, length, gap = f"  {bucket.time:<13}  ", _BAR, "  "
    if bucket.found is None:
        aside = not_counted(dict(sorted(bucket.set_aside.items())))
        told = aside or tr("not measured")
        return f"{before}{'':<{length}}{gap}{told}"[: style.width - 1].rstrip()
    share, enough = bucket.failing_share, bucket.state != INSUFFICIENT
    bar = "?" * length if share is None else style.bar(share, length)
    told = state_text(bucket.found, f"{bucket.agreeing}/{bucket.runs.total()}", enough=enough)
    return f"{before}{bar}{gap}{style.paint(bucket.found, told)}"
