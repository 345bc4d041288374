"""Parts of a configuration: a method by name, the remedies of one task, the optimisation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from screener.errors import InputError

Option = bool | int | float | str | tuple["Option", ...]


@dataclass(frozen=True, slots=True)
class Method:
    """A method by name.

    Attributes:
        name: in its registry.
        options: arguments of its constructor.
    """

    name: str
    options: Mapping[str, Option] = field(default_factory=dict)

    def table(self) -> dict[str, object]:
        """Return it as a table of TOML."""
        return {"name": self.name, **{k: list(v) if isinstance(v, tuple) else v for k, v in self.options.items()}}


@dataclass(frozen=True, slots=True)
class Balance:
    """Remedies for unevenly spread targets of one task.

    Attributes:
        lds: weights by smoothed label density; regression only.
        fds: smoothed feature statistics; regression only.
        loss: `bmc`, `gai`, `focal` or `huber` instead of the squared error; regression only.
        class_weights: both classes count alike; labels only.
    """

    lds: Method | None = None
    fds: Method | None = None
    loss: Method | None = None
    class_weights: bool = False

    def __post_init__(self) -> None:
        from training.multitask.kinds import check_method

        for kind in ("lds", "fds", "loss"):
            method: Method | None = getattr(self, kind)
            if method is not None:
                check_method(kind, method)


@dataclass(frozen=True, slots=True)
class Training:
    """Optimisation; the values are those of Kang 2025 (doi:10.48550/arXiv.2512.22740) where it names them.

    Attributes:
        batch: rows of a step.
        epochs: at most so many.
        lr: learning rate of Adam.
        weight_decay: on the net alone, never on learned weights of losses.
        patience: epochs without a better joint validation loss before it stops.
        plateau_factor: of the learning rate on a plateau.
        plateau_patience: epochs without a better loss that make a plateau.
    """

    batch: int = 32
    epochs: int = 200
    lr: float = 1e-3
    weight_decay: float = 1e-5
    patience: int = 30
    plateau_factor: float = 0.5
    plateau_patience: int = 10

    def __post_init__(self) -> None:
        for name, least in (("batch", 2), ("epochs", 1), ("patience", 1), ("plateau_patience", 0)):
            _require_number(name, getattr(self, name), least, whole=True)
        for name in ("lr", "weight_decay", "plateau_factor"):
            _require_number(name, getattr(self, name), 0, whole=False)
        if not 0.0 < self.plateau_factor < 1.0:
            raise InputError(
                f"plateau_factor of `{self.plateau_factor}` lowers nothing", "choose a number between 0 and 1"
            )

    def as_many_steps(self, rows: int, of: int) -> Training:
        """Return the same for some of the rows, with epochs and patience for as many steps as all rows take."""
        factor = math.ceil(of / self.batch) / math.ceil(rows / self.batch)
        longer = {n: math.ceil(getattr(self, n) * factor) for n in ("epochs", "patience", "plateau_patience")}
        return replace(self, **longer)


def _require_number(name: str, value: object, least: float, *, whole: bool) -> None:
    """Check a number of the training."""
    right = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
    if not right or not least <= float(str(value)) < float("inf"):
        raise InputError(
            f"{name} of `{value}` does not train", f"give a {'whole ' if whole else ''}number of at least {least}"
        )
