"""The Common Alerting Protocol 1.2, so that any agency that publishes it can be added by an address.

Source: OASIS Standard CAP-v1.2, https://docs.oasis-open.org/emergency/cap/v1.2/CAP-v1.2.html.
"""
