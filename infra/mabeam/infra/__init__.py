"""Implementations of the core's ports: the log on JetStream, in memory, and its server."""
