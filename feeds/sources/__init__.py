"""One module per feed, found by itself (core.plugins); each defines FEED (feeds.feed.Feed)."""
