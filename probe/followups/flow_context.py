"""Hold what the follow-ups of one endpoint at one address share."""

from dataclasses import dataclass

from probe.dialogue import always_get
from probe.dialogue.exchange import Method, RequestOptions
from probe.followups.flow import FlowRunner, Trigger
from probe.followups.helper_offer import EchoOffer
from probe.followups.planned_flow import PlannedFlow
from probe.formats.transactions import Family
from probe.session.flow_slots import Priority
from probe.session.trace import TransactionFacts
from probe.steps.tls.certificate_checks import Roots
from probe.targets.target import Endpoint


@dataclass(frozen=True)
class FollowUpContext:
    """Hold the endpoint, the address's family and sources, and the runner of the measurement's flows.

    `roots` are the public ones and the target's own, `public_roots` only the public ones. `priority` is that of the
    attempt, for the innocuous flow before it. `method` and `options` are those of the nettest's HTTP requests.
    """

    runner: FlowRunner
    roots: Roots
    public_roots: Roots
    service: str
    endpoint: Endpoint
    family: Family
    address_sources: tuple[str, ...] = ()
    corroborated: bool = False
    echo_offer: EchoOffer | None = None
    priority: Priority = Priority.LATER
    method: Method = always_get
    options: RequestOptions | None = None
    target: str = ""

    def transaction(self, flow: PlannedFlow) -> TransactionFacts:
        return TransactionFacts(
            kind=flow.kind,
            followup=flow.followup,
            cause=flow.cause,
            service=self.service,
            endpoint=self.endpoint.url,
            address=flow.address,
            port=flow.port,
            family=self.family,
            sent_name=flow.sent_name,
        )

    def trigger(self, flow: PlannedFlow, transport: str) -> Trigger | None:
        """Return the trigger that the flow spends, None if it spends none."""
        return Trigger(self.endpoint.host, flow.address, transport, flow.port) if flow.cost else None
