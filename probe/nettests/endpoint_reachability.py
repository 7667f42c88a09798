"""Reach the endpoints of any service by their own protocols. A new service needs a target file and no code.

Spec: probe/nettests/README.md (OONI's backend keeps such measurements without interpreting them).
"""

from probe.nettests.nettest import OURS, Nettest

NETTEST = Nettest("endpoint_reachability", "0.1.0", OURS)
