"""Words and wires everyone shares; no decisions."""
