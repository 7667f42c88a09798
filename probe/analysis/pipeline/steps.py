"""List the statements of the pipeline in order: from observations to verdicts. Each makes one table."""

from probe.analysis.features.rows import PARTS_OF_ADDRESSES
from probe.analysis.pipeline.address_rows import ADDRESS_STATEMENTS
from probe.analysis.pipeline.endpoint_verdicts import ENDPOINT_STATEMENTS
from probe.analysis.pipeline.flow_tables import FLOW_STATEMENTS, NETWORK_STATEMENTS
from probe.analysis.pipeline.linked_flows import LINK_STATEMENTS, LINKED_STATEMENTS
from probe.analysis.pipeline.name_answers import NAME_STATEMENTS
from probe.analysis.pipeline.service_verdicts import SERVICE_STATEMENTS
from probe.analysis.pipeline.subjects import CONTROL_STATEMENTS, SUBJECT_STATEMENTS
from probe.analysis.sql.statement import Statement

STEPS: tuple[tuple[str, str, tuple[Statement, ...]], ...] = (
    ("flows", "Each observation with what it shows by itself and about its own endpoint.", FLOW_STATEMENTS),
    ("network", "What all flows show about the network: lost packets, UDP, neutral hosts.", NETWORK_STATEMENTS),
    ("names", "Which addresses are verified, the row of each name, and the rule that holds for it.", NAME_STATEMENTS),
    ("attempts", "Where each endpoint was tried, and what the network was like then.", SUBJECT_STATEMENTS),
    ("control", "The control's attempts that count for an address, and those near in time.", CONTROL_STATEMENTS),
    ("links", "The flows that count for an address, by role.", (*LINK_STATEMENTS, *LINKED_STATEMENTS)),
    (
        "comparisons",
        "Certificates, pages, other names, other client hellos and other transfers, here and elsewhere.",
        tuple(statement for part in PARTS_OF_ADDRESSES for statement in part.statements),
    ),
    ("addresses", "The row of each address, and the rule of each layer that holds for it.", ADDRESS_STATEMENTS),
    ("endpoints", "The verdict on each endpoint, from its name and its addresses.", ENDPOINT_STATEMENTS),
    ("services", "The verdict on each service, from its endpoints.", SERVICE_STATEMENTS),
)
"""Name and meaning of each step, with its statements."""

STATEMENTS: tuple[Statement, ...] = tuple(statement for _, _, statements in STEPS for statement in statements)
