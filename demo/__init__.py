"""The fictional registry, telegrams built from scenarios, and simulated residents: for the demo and for drills."""
