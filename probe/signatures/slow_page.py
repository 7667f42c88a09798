"""State when a page came slowly. Probe and analysis apply the same limits."""

SLOW = 64_000.0  # bytes a second. A faster page is not slow, whatever it is compared with.
SLOW_ALONE = 16_000.0  # the same of one page, where others under its name are fast
SLOW_OVER_QUIC = 20_000.0  # the same over QUIC, which a busy computer reads slower than TLS
LEAST_SHARE = 1 / 3  # of the page that it is compared with
LEAST_PACE = 0.8  # share of the helper's pace that a transfer must reach, so that the line was free
FAST_FROM, FAST_BELOW = 0.3, 0.75  # ratios of a pair, between which one at a higher pace is more certain
MUCH_LOST = 0.2  # share of packets of both media flows, from which on TCP is compared with UDP
