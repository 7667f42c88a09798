"""Attack the real command `probe helper` over loopback, and measure what it withstands (`make attack`)."""
