"""Decide whom to tell, find the words, and tell them."""
