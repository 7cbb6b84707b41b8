"""Earthquakes located by the US Geological Survey: context for operators, never a Japanese intensity.

Source: https://earthquake.usgs.gov/earthquakes/feed/v1.0/geojson.php.
"""
