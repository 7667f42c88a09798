"""Name what became of the flows to the helper that serve a whole run: media pairs, test calls and transfers."""

from typing import ClassVar, Literal

from pydantic import Field

from probe.formats.entries import Part
from probe.formats.field_notes import PrivacyClass

MediaResult = Literal[
    "measured",
    "failed",
    "interrupted",
    "computer_busy",
    "helper_busy",
    "no_helper",
    "not_offered",
    "other_shape",
    "no_udp",
    "slow_line",
    "out_of_time",
    "no_followups",
]
"""Whether media flows to the helper were measured.

- measured: at least one flow was opened, and the pair ran to its end.
- failed: no flow was opened, because no request was answered.
- interrupted: the run was stopped while the flows were under way. They have the failure `interrupted`.
- computer_busy: this computer sent too many packets late, and in the repetition too, so that the pair shows nothing.
- helper_busy: the helper had no place for a flow.
- no_helper: no helper was asked, or none answered.
- not_offered: the helper does not reflect media flows of the shape of the target's calls.
- other_shape: the pairs of this round had the shapes of other apps.
- no_udp: no public server answered over UDP in the preflight.
- slow_line: the access line is slower than the flows and the other measurements need.
- out_of_time: the run would have ended before the flows.
- no_followups: the run makes no follow-ups.
"""


CallResult = Literal[
    "measured",
    "failed",
    "interrupted",
    "helper_busy",
    "no_extra",
    "no_helper",
    "not_offered",
    "token_too_old",
    "no_udp",
    "slow_line",
    "out_of_time",
    "no_followups",
]
"""Whether a test call to the helper was made.

- measured: the call was answered, or its keys were exchanged over WebRTC.
- failed: it was not. The entry has the failure, which accuses nothing.
- interrupted: the run was stopped during or before the call, or this computer was too busy.
- helper_busy: the helper had no place for a call.
- no_extra: aiortc is not installed (the extra `calls`), so that no WebRTC call is possible.
- no_helper: no helper was asked, or none answered.
- not_offered: the helper takes no such calls.
- token_too_old: the helper's last token expired before the call could begin, and the helper gave no new one.
- no_udp: no public server answered over UDP in the preflight.
- slow_line: the access line is slower than the call and the other measurements need.
- out_of_time: the run would have ended before the call.
- no_followups: the run makes no follow-ups.
"""


TransferResult = Literal[
    "measured",
    "failed",
    "interrupted",
    "helper_busy",
    "no_helper",
    "not_offered",
    "slow_line",
    "enough",
    "budget",
    "out_of_time",
    "no_followups",
]
"""Whether transfers from the helper were measured.

- measured: both transfers of a pair received bytes.
- failed: a transfer received nothing.
- interrupted, helper_busy, no_helper, out_of_time, no_followups: as for media flows.
- not_offered: the helper sends no transfers, or its token was too old.
- slow_line: the access line is slower than the two transfers.
- enough: the round has had its five pairs.
- budget: no trigger was left for the name.
"""


class CallResults(Part):
    """Say whether the test calls to the helper were made. A protocol is null if no service of the target uses it."""

    PRIVACY: ClassVar[PrivacyClass] = "machine"
    OMITTED: ClassVar[frozenset[str]] = frozenset({"sip", "webrtc"})

    sip: CallResult | None = Field(default=None, examples=["measured"])  # over SIP and UDP
    webrtc: CallResult | None = Field(default=None, examples=["not_offered"])  # over WebRTC
