"""List the statements of the pipeline in order: from observations to verdicts. Each makes one table."""

from probe.analysis.pipeline.addresses.address_rows import ADDRESS_STATEMENTS
from probe.analysis.pipeline.addresses.certificates import CERTIFICATE_STATEMENTS
from probe.analysis.pipeline.addresses.connection_spacing import SPACING_STATEMENTS
from probe.analysis.pipeline.addresses.controls import CONTROL_STATEMENTS
from probe.analysis.pipeline.addresses.forged_answers import FORGED_ANSWER_STATEMENTS
from probe.analysis.pipeline.addresses.hellos import HELLO_STATEMENTS
from probe.analysis.pipeline.addresses.kept_connections import KEPT_STATEMENTS
from probe.analysis.pipeline.addresses.linked import LINKED_STATEMENTS
from probe.analysis.pipeline.addresses.links import LINK_STATEMENTS
from probe.analysis.pipeline.addresses.parallel_hellos import PARALLEL_STATEMENTS
from probe.analysis.pipeline.addresses.subjects import SUBJECT_STATEMENTS
from probe.analysis.pipeline.addresses.transfers import TRANSFER_STATEMENTS
from probe.analysis.pipeline.conclusions.endpoints import ENDPOINT_STATEMENTS
from probe.analysis.pipeline.conclusions.services import SERVICE_STATEMENTS
from probe.analysis.pipeline.flows.flows import FLOW_STATEMENTS
from probe.analysis.pipeline.flows.network import NETWORK_STATEMENTS
from probe.analysis.pipeline.names.name_rows import NAME_STATEMENTS
from probe.analysis.pipeline.statement import Statement

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
        (
            *CERTIFICATE_STATEMENTS,
            *FORGED_ANSWER_STATEMENTS,
            *HELLO_STATEMENTS,
            *TRANSFER_STATEMENTS,
            *PARALLEL_STATEMENTS,
            *SPACING_STATEMENTS,
            *KEPT_STATEMENTS,
        ),
    ),
    ("addresses", "The row of each address, and the rule of each layer that holds for it.", ADDRESS_STATEMENTS),
    ("endpoints", "The verdict on each endpoint, from its name and its addresses.", ENDPOINT_STATEMENTS),
    ("services", "The verdict on each service, from its endpoints.", SERVICE_STATEMENTS),
)
"""Name and meaning of each step, with its statements."""

STATEMENTS: tuple[Statement, ...] = tuple(statement for _, _, statements in STEPS for statement in statements)
