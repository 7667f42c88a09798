"""Reach a provider's web client and mail servers by their own protocols.

Spec: probe/nettests/README.md (OONI's backend keeps such measurements without interpreting them).
"""

from probe.nettests.nettest import OURS, Nettest

NETTEST = Nettest("mail_reachability", "0.2.0", OURS)
