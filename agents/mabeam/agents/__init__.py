"""The running of agents and coordinators over any store."""
