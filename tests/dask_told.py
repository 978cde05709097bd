"""Loaded by a Dask scheduler: writes down all that it is told of tasks and could show to others."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Any

from distributed import SchedulerPlugin

cloudpickle: Any = importlib.import_module("cloudpickle")  # Dask's own, and without types


class Told(SchedulerPlugin):
    """Writes down what a task is made of, and what comes of it."""

    def __init__(self, scheduler: Any) -> None:
        self._tasks = scheduler.tasks

    def transition(self, key: Any, start: Any, finish: Any, *args: Any, **kwargs: Any) -> None:
        """Write down what is known of a task when its state changes."""
        del start, finish, args
        with Path(os.environ["DASK_TOLD"]).open("ab") as file:
            file.write(cloudpickle.dumps(self._tasks[key].run_spec))
            file.writelines(getattr(kwargs.get("exception"), "frames", ()))


async def dask_setup(scheduler: Any) -> None:
    """Watch a scheduler."""
    scheduler.add_plugin(Told(scheduler))
