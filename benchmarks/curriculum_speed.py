"""How fast a search's parts are, in processor time, which a busy machine does not stretch.

python benchmarks/curriculum_speed.py data/demo
"""

import sys
import time

import numpy as np

from reorder_core.curricula.additive import best_order, open_table
from reorder_core.curricula.constraints import Constraints, make_constraints
from reorder_core.curricula.genetic import breed
from reorder_core.curricula.objectives import parse_objective
from reorder_core.curricula.scoring import Live
from reorder_core.store.run import open_run

SLOTS, STEPS = 2048, 256


def main() -> None:
    """Print seconds for an assignment, evaluations a minute for table and live estimate."""
    run = open_run(sys.argv[1])
    random = np.random.default_rng(0)
    free = Constraints(np.arange(SLOTS, dtype=np.int32), SLOTS // STEPS, np.zeros(SLOTS, int))
    began = time.process_time()
    best_order(random.normal(size=(SLOTS, STEPS)).cumsum(1), free)
    print(f"assignment of {SLOTS} slots: {time.process_time() - began:.2f} s")
    objective, constraints = parse_objective(run, "heldout"), make_constraints(run)
    table, live = open_table(run, objective), Live(run)
    began = time.process_time()
    bred = breed(table.costs, 1, constraints, [], 100, 20, 0)
    print(f"table: {60 * bred.evaluations / (time.process_time() - began):,.0f} a minute")
    began = time.process_time()
    bred = breed(lambda o: live.scores([objective], list(o))[0].value, 1, constraints, [], 16, 2, 0)
    print(f"live: {60 * bred.evaluations / (time.process_time() - began):,.0f} a minute")
    began = time.process_time()
    live.slope(objective, run.reference_order)
    print(f"slope: {time.process_time() - began:.2f} s")


if __name__ == "__main__":
    main()
