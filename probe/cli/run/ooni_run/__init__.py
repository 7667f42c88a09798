"""Take the targets of `probe run --ooni-run` from a descriptor of OONI Run v2, and ask whether to measure them."""
