"""A worker process: tasks in on stdin, a line each; shards out as files, told on stdout.

python -m reorder_core.execution.worker; started by `local`. It ends as soon as
its stdin does, so that none outlives the process that asked.
"""

import json
import os
import queue
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

from reorder_core.errors import ReorderError, told
from reorder_core.execution.task import Shards, Task, Workplace, perform, placed


def main() -> None:
    """Work until stdin ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints is no answer
    asked: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_listen, args=(asked,), daemon=True).start()
    workplace = None
    while True:
        value = json.loads(asked.get())
        place = placed(value["place"])
        if workplace is None or workplace.place != place:
            workplace = Workplace(place)
        answers.write(json.dumps(_answered(workplace, value)) + "\n")
        answers.flush()


def _listen(asked: "queue.Queue[str]") -> None:
    for line in sys.stdin:
        asked.put(line)
    os._exit(0)


def _answered(workplace: Workplace, value: dict[str, Any]) -> dict[str, Any]:
    task = Task(value["unit"], value["arguments"])
    shards = Shards(Path(value["shards"]), workplace.place.basis)
    try:
        shards.write(task, perform(workplace, task))
    except ReorderError as error:
        return {"done": False, "told": str(error)}
    except OSError as error:
        return {"done": False, "told": told(error)}
    except Exception as error:
        return {"done": False, "fault": repr(error), "trace": traceback.format_exc()}
    return {"done": True}


if __name__ == "__main__":
    main()
