"""Send OPTIONS to SIP providers over UDP, TCP and TLS without an account.

Spec: probe/nettests/README.md (OONI's backend keeps such measurements without interpreting them).
"""

from probe.nettests.nettest import OURS, Nettest

NETTEST = Nettest("sip_reachability", "0.1.0", OURS, one_address=True)
