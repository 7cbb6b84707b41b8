"""Fuzz target: see fuzzing.py."""

from fuzzing import run

run("p2pquake")
