"""Any service: can its endpoints be reached by their own protocols? A new service needs a target file and no code.

Spec: probe/nettests/README.md (ours; OONI's backend keeps such lines and does not interpret them).
"""

from probe.nettests.nettest import OURS, Nettest

NETTEST = Nettest("endpoint_reachability", "0.1.0", OURS)
