"""Recall: what a model's real parameters say token by token; losses, greedy text, secrets."""
