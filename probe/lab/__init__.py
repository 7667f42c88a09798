"""Emulate an Internet on one computer, with routers, censors and servers. It measures nothing (P1)."""
