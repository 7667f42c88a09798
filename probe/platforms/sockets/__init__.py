"""Set and read what sockets show of packets: TTL, ICMP errors, times of arrival, the state of TCP."""
