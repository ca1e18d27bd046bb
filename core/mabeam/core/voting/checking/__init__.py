"""Checks of counts, each by other means than the rule that made it.

Nothing here may import the modules of the rules: a fault in a rule would be its own proof.
"""
