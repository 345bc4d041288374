"""The pitfall of a derived property: a second target that is computed from the first brings no new measurement.

Thermal conductivity of the electrons follows from resistivity, κ = L₀T/ρ (Wiedemann & Franz 1853,
doi:10.1002/andp.18531650802) with Sommerfeld's L₀ = 2.44e-8 WΩ/K². Whether learning it beside resistivity does anything
but weigh resistivity twice is seen against an arm that has a plain copy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from screener.errors import InputError
from training.sources.table import AMORPHOUS, HARDNESS, RESISTIVITY

Array = NDArray[np.floating]
LORENZ = 2.44e-8
"""WΩ/K²."""
ROOM = 300.0
"""K."""
CONDUCTIVITY = "thermal_conductivity_w_mk"
COPY = "resistivity_copy_uohm_cm"
PARENTS: Mapping[str, str] = {CONDUCTIVITY: RESISTIVITY, COPY: RESISTIVITY}
"""What each derived target is computed from."""
ARMS: Mapping[str, tuple[str, ...]] = {
    "measured": (RESISTIVITY, HARDNESS, AMORPHOUS),
    "derived": (RESISTIVITY, CONDUCTIVITY, AMORPHOUS),
    "without": (RESISTIVITY, AMORPHOUS),
    "copy": (RESISTIVITY, COPY, AMORPHOUS),
}
"""Tasks learned together in each arm."""


@dataclass(frozen=True, slots=True)
class Arm:
    """Targets of one arm: tasks and their values, NaN where absent, shape (n, t)."""

    tasks: tuple[str, ...]
    y: NDArray[np.float64]


def thermal_conductivity(resistivity: Array, temperature: float = ROOM) -> NDArray[np.float64]:
    """Electronic thermal conductivity in W/(m·K) of resistivities in µΩ·cm at a temperature in K, shape (b,).

    Raises:
        InputError: a resistivity or temperature that is not positive.
    """
    rho = np.asarray(resistivity, np.float64)
    if (rho <= 0.0).any() or not temperature > 0.0:
        raise InputError("thermal conductivity needs positive resistivities and temperatures", "leave these rows out")
    return LORENZ * temperature / (rho * 1e-8)


def arms(tasks: Sequence[str], y: NDArray[np.float64]) -> dict[str, Arm]:
    """Lay out the targets of every arm.

    Args:
        tasks: columns of ``y``; resistivity, hardness and the glass label among them.
        y: measured values, NaN where absent, shape (n, t).

    Raises:
        InputError: a measured task is missing.
    """
    columns = {task: y[:, i] for i, task in enumerate(tasks)}
    for task in ARMS["measured"]:
        if task not in columns:
            raise InputError(f"no task `{task}` in the table", f"its tasks are {', '.join(tasks)}")
    columns[CONDUCTIVITY] = thermal_conductivity(columns[RESISTIVITY])
    columns[COPY] = columns[RESISTIVITY]
    return {name: Arm(of, np.stack([columns[task] for task in of], axis=1)) for name, of in ARMS.items()}


def refuse_parents_as_inputs(features: Sequence[str], tasks: Sequence[str]) -> None:
    """Check that no target can be computed from a feature.

    Raises:
        InputError: a feature is a target, or is derived from one, or a target from it.
    """
    for task in tasks:
        kin = {task, PARENTS.get(task, task), *(name for name, parent in PARENTS.items() if parent == task)}
        for feature in features:
            if feature in kin:
                raise InputError(f"feature `{feature}` gives away the target `{task}`", "leave the feature out")
