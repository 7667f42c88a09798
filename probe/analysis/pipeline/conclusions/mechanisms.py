"""Make the statements that leave out mechanisms above another one in the tree."""

from probe.analysis.pipeline.statement import Statement


def mechanisms_of(subject: str, meaning: str, accused: str) -> tuple[Statement, Statement]:
    """Return the statements for the deepest mechanisms of each endpoint or service (`subject` names the key column).

    `accused` selects m, the key column and mechanism.
    """
    same = f"a.m = o.m AND a.{subject} = o.{subject}"
    return (
        Statement(
            f"{subject}_accused",
            f"Each mechanism of which a part of the {subject} is accused.",
            ("m", subject, "mechanism"),
            f"SELECT DISTINCT m, {subject}, mechanism FROM ({accused}) a",
        ),
        Statement(
            f"{subject}_mechanism",
            meaning,
            ("m", subject, "mechanism"),
            f"SELECT a.m, a.{subject}, a.mechanism FROM {subject}_accused a"
            f" LEFT JOIN (SELECT DISTINCT b.m, b.{subject}, t.ancestor FROM {subject}_accused b"
            f" JOIN mechanism_above t ON t.mechanism = b.mechanism) o"
            f" ON {same} AND o.ancestor = a.mechanism WHERE o.m IS NULL",
        ),
    )
