"""The channels, one file each. A new file that defines `CHANNEL` is found by itself (alerts.channels_setup)."""
