"""Hear back from people, and follow up on silence."""
