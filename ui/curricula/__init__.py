"""The curricula page: ask for a search, follow it, read what it found, take it away."""
