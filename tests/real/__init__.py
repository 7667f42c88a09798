"""The program against servers that others wrote, because our own servers share our own mistakes."""
