"""Reorder's estimation core: what would a model have learned in another order?

Nothing heavy is imported here. The query side (orders, estimators, metrics,
store) needs NumPy and DuckDB only; the build side imports torch.
"""

__version__ = "0.1.0"
