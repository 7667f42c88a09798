"""Provide the sentences for users that the rules about calls share."""

from probe.messages import mark

LOCAL_FAULT = mark(
    "{service} was not tested, because this computer was too busy or the run was stopped. Run the test again."
)
NOT_REACHED = mark("The test of {service} ended before its last step. Nothing can be concluded from it.")
INTERRUPTED = mark("The run was stopped before a failed test of {service} could be repeated. Run the test again.")
FAILS_EVERYWHERE = mark(
    "The test of {service} failed here, and it failed from a test helper outside this network too. There is no sign of "
    "blocking."
)
ANSWERS_OTHERWISE = mark("{service} answers, but not in the way that proves that it works. The cause is unclear.")
DATAGRAMS_CHANGED = mark(
    "The test of {service} failed. Packets arrive damaged in this network, so the cause may be a faulty device. Try "
    "another network, or start the router again."
)
NO_DATAGRAM_PASSES = mark(
    "Packets of the kind (UDP) that calls use get no answer here, neither from the server nor from a test helper. "
    "Name lookups get answers, and other ports may too. Outside this network the helper reaches the server. Access to "
    "{service} is probably blocked."
)
NO_DATAGRAM_PASSES_TECHNICAL = (
    "No datagram of this measurement except DNS gets an answer here, not even from the helper's echo, and the test "
    "helper succeeds. Other ports may differ."
)
UNREACHABLE_HERE = mark(
    "This network says, twice, that {host} cannot be reached. A test helper outside this network gets an answer. "
    "Access to {service} is probably blocked."
)
FAILS_HERE = mark(
    "The test of {service} failed here, twice. A test helper outside this network gets an answer. Access to {service} "
    "is probably blocked."
)
UNCONFIRMED = mark(
    "The test of {service} failed here and not from a test helper outside this network. The failures are too few or "
    "too different to name a cause. Run the test again."
)
NO_CONTROL = mark(
    "The test of {service} failed here. No test helper outside this network tried it, so the cause is unclear."
)
UNDECIDED = mark("The test of {service} gave a result that no rule covers. Nothing can be concluded from it.")
