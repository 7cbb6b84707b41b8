"""Keep it alive: the loops, what is due, health, the command line's work."""
