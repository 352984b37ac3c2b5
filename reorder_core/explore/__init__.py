"""What to try next: suggested moves, named orders, guided questions."""
