"""Follow verdicts over time: series, events, shutdowns, and measurements that stopped."""
