"""Where things are: area codes, places, who is inside. The only home of shapely and geopy."""
