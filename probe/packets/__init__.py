"""Record raw packets of the probe's own flows, if the system allows it (CAP_NET_RAW). No verdict depends on them."""
