"""The Timeline page: its events and what follows from them."""
