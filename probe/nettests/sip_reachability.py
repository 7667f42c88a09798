"""SIP: do the providers of calls answer OPTIONS from a stranger, over UDP, TCP and TLS?

Spec: probe/nettests/README.md (ours; OONI's backend keeps such lines and does not interpret them).
"""

from probe.nettests.nettest import OURS, Nettest

NETTEST = Nettest("sip_reachability", "0.1.0", OURS, one_address=True)
