"""`perplexity`: a loss, as the number of tokens one would be as unsure among."""

import numpy as np

from reorder_core.quantities.quantity import Derived

QUANTITY = Derived(
    name="perplexity",
    title="Perplexity",
    unit="tokens",
    better="lower",
    sentence="exp of the loss after the last step, of a sample or of a held-out domain.",
    value=lambda before, after: np.exp(after),
    monotone=True,
)
