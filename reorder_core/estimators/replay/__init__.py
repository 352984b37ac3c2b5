"""The replay of an order on sampled coordinates, and what it knows of its own error."""
