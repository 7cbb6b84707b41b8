"""Hear what happened: bytes -> reports -> events. Meets `alerts` only in the event table."""
