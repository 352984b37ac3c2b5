"""The Generalization page's parts: influence, single moves, needs, curves, their sentences."""
