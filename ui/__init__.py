"""Views, state and the timeline component; pages stand on it, it stands on reorder_core."""

import os

# Before NumPy is loaded. Estimates multiply small matrices: a second thread gains a sixth of the
# time on idle cores, and on busy ones waits for its turn several times as long as it computes.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
