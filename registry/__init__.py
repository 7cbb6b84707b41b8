"""Who is registered, by whom, with what consent, and who may see what."""
