"""Mail: can a provider's web client and mail servers be reached by their own protocols?

Spec: probe/nettests/README.md (ours; OONI's backend keeps such lines and does not interpret them).
"""

from probe.nettests.nettest import OURS, Nettest

NETTEST = Nettest("mail_reachability", "0.2.0", OURS)
