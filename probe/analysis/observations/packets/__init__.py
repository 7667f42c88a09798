"""Read what the captured packets of a flow show: forged resets and prints of devices."""
