"""Raw packets of the probe's own flows, where the system lets us see them (CAP_NET_RAW); nothing depends on them."""
