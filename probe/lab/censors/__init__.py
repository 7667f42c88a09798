"""What stands between: one class per mechanism; its fields are the keys of a scenario's `[[censor]]`."""

from probe.lab.censors.addresses import IPBlackhole, IPReset, SYNProxy, UDPBlock
from probe.lab.censors.dns import DNSInjection, DNSIntercept, DNSLie
from probe.lab.censors.http import HTTPBlockpage, HTTPDrop, HTTPReset
from probe.lab.censors.intercept import TLSIntercept
from probe.lab.censors.kit.middlebox import Aimed, Ground, Middlebox
from probe.lab.censors.payloads import PayloadDrop
from probe.lab.censors.protocols import ProtocolFilter
from probe.lab.censors.quic import QUICDrop
from probe.lab.censors.sip import SIPAlg
from probe.lab.censors.starttls import StartTLSStrip
from probe.lab.censors.streams import StreamCut
from probe.lab.censors.tls import TLSDrop, TLSReset

CLASSES: dict[str, type[Middlebox]] = {
    kind.__name__: kind
    for kind in (
        DNSInjection,
        DNSIntercept,
        DNSLie,
        IPBlackhole,
        IPReset,
        SYNProxy,
        UDPBlock,
        PayloadDrop,
        ProtocolFilter,
        TLSReset,
        TLSDrop,
        TLSIntercept,
        HTTPBlockpage,
        HTTPReset,
        HTTPDrop,
        QUICDrop,
        StreamCut,
        SIPAlg,
        StartTLSStrip,
    )
}

__all__ = [
    "CLASSES",
    "Aimed",
    "DNSInjection",
    "DNSIntercept",
    "DNSLie",
    "Ground",
    "HTTPBlockpage",
    "HTTPDrop",
    "HTTPReset",
    "IPBlackhole",
    "IPReset",
    "Middlebox",
    "PayloadDrop",
    "ProtocolFilter",
    "QUICDrop",
    "SIPAlg",
    "SYNProxy",
    "StartTLSStrip",
    "StreamCut",
    "TLSDrop",
    "TLSIntercept",
    "TLSReset",
    "UDPBlock",
]
