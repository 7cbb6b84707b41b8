"""P2PQuake's relay of JMA's reports in JSON: names instead of codes, no drills, no cancellations to rely on.

Source: https://www.p2pquake.net/develop/json_api_v2/ (JSON API v2).
"""
