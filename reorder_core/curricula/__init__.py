"""Curricula: orders proposed and searched for by the estimate, verified by real training."""
