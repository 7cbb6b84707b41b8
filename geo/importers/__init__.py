"""Files that others publish about places, read row by row: what cannot be used is reported, the rest goes in."""
