"""Pure domain logic: what may happen, and what follows when it has.

Nothing under this package reads a clock, draws a random number, or touches a
socket. Such things reach it as arguments or as the ports in `mabeam.core.ports`.
"""
