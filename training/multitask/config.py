"""What a multi-task fit uses: every method by name with its options, checked when it is written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from screener.errors import InputError
from training.imbalance.choices import require_choice
from training.multitask.config_parts import Balance, Method, Option, Training
from training.toml_file import read_toml

EVERY = "*"
"""Key of the balance of all regression tasks that have none of their own."""
ABSENT = ("drop", "zero")


@dataclass(frozen=True, slots=True)
class MultiTaskConfig:
    """A multi-task fit.

    Attributes:
        architecture: of `training.architectures`.
        weighting: of `training.weighting`; None for the plain sum of the losses.
        aggregator: of `training.aggregators`; None for one backward pass.
        sampler: how batches are drawn.
        balance: remedies by task, or under `*` for every regression task.
        absent: `drop`: a task without a label in a batch is left alone by the optimiser; `zero`: its head still moves
            by momentum and weight decay, as in a plain loop.
        training: optimisation.

    Raises:
        InputError: an unknown method or option, or methods that do not go together.
    """

    architecture: Method = field(default_factory=lambda: Method("hard"))
    weighting: Method | None = None
    aggregator: Method | None = None
    sampler: Method = field(default_factory=lambda: Method("union"))
    balance: Mapping[str, Balance] = field(default_factory=dict)
    absent: str = "drop"
    training: Training = field(default_factory=Training)

    def __post_init__(self) -> None:
        from training.multitask.checks import check_methods

        require_choice("policy for absent tasks", self.absent, ABSENT)
        check_methods(self)

    @classmethod
    def named(
        cls,
        architecture: str = "hard",
        weighting: str | None = None,
        aggregator: str | None = None,
        sampler: str = "union",
        **rest: object,
    ) -> MultiTaskConfig:
        """Make it from names, every method with its usual options.

        Args:
            architecture: its name.
            weighting: its name, None for the plain sum.
            aggregator: its name, None for none.
            sampler: its name.
            rest: `balance`, `absent` and `training` as in a file.

        Raises:
            InputError: as the class.
        """
        names = {"architecture": architecture, "weighting": weighting, "aggregator": aggregator, "sampler": sampler}
        return config_of({**{kind: name for kind, name in names.items() if name is not None}, **rest})

    def balance_of(self, task: str, is_label: bool) -> Balance:
        """Return the remedies of one task."""
        return self.balance.get(task, Balance() if is_label else self.balance.get(EVERY, Balance()))

    def table(self) -> dict[str, object]:
        """Return it as tables of TOML, which `config_of` reads back."""
        table: dict[str, object] = {"absent": self.absent}
        for kind in ("architecture", "weighting", "aggregator", "sampler"):
            method: Method | None = getattr(self, kind)
            if method is not None:
                table[kind] = method.table()
        if self.balance:
            table["balance"] = {task: _balance_table(balance) for task, balance in self.balance.items()}
        table["training"] = {each.name: getattr(self.training, each.name) for each in fields(Training)}
        return table


def read_config(path: Path) -> MultiTaskConfig:
    """Read a TOML file.

    Raises:
        InputError: the file does not read, or says something that does not exist.
    """
    return config_of(read_toml(path, _EXAMPLE))


def config_of(content: Mapping[str, object]) -> MultiTaskConfig:
    """Read the tables of a configuration; a method is a name, or a table with `name` and options.

    Raises:
        InputError: an unknown key, method or option.
    """
    for key in content:
        require_choice("setting", key, [each.name for each in fields(MultiTaskConfig)])
    read: dict[str, object] = {}
    for key, value in content.items():
        if key == "balance":
            tables = _table("balance", value)
            read[key] = {task: _balance(task, _table(f"balance of `{task}`", body)) for task, body in tables.items()}
        elif key == "training":
            body = _table(key, value)
            for name in body:
                require_choice("setting of training", name, [each.name for each in fields(Training)])
            read[key] = Training(**body)  # type: ignore[arg-type]
        elif key == "absent":
            read[key] = str(value)
        else:
            read[key] = _method(key, value)
    return MultiTaskConfig(**read)  # type: ignore[arg-type]


_EXAMPLE = 'write, for example, architecture = "hard" and weighting = "uncertainty"'


def _method(kind: str, value: object, name: str | None = None) -> Method:
    """Read a name, or a table with a name and options."""
    if isinstance(value, str):
        return Method(value)
    body = dict(_table(kind, value))
    chosen = body.pop("name", name)
    if not isinstance(chosen, str):
        raise InputError(f"{kind} has no name", f'write {kind} = {{ name = "…" }}')
    return Method(chosen, {key: _frozen(f"option `{key}` of {kind}", option) for key, option in body.items()})


def _yes_or_no(task: str, value: object) -> bool:
    """Take true or false.

    Raises:
        InputError: it is something else.
    """
    if not isinstance(value, bool):
        raise InputError(f"class_weights of `{task}` is `{value}`, not true or false", "write `class_weights = true`")
    return value


def _balance(task: str, body: Mapping[str, object]) -> Balance:
    """Read the remedies of one task; `true` asks for one with its usual options."""
    read: dict[str, object] = {}
    for key, value in body.items():
        require_choice(f"remedy of `{task}`", key, [each.name for each in fields(Balance)])
        if key == "class_weights" or value is False:
            read[key] = _yes_or_no(task, value) if key == "class_weights" else None
        elif key == "loss":
            read[key] = _method("loss", value)
        else:
            read[key] = Method(key) if value is True else _method(key, value, key)
    return Balance(**read)  # type: ignore[arg-type]


def _balance_table(balance: Balance) -> dict[str, object]:
    """Remedies as a table of TOML."""
    methods = {kind: getattr(balance, kind) for kind in ("lds", "fds", "loss")}
    table: dict[str, object] = {kind: method.table() for kind, method in methods.items() if method is not None}
    return table | ({"class_weights": True} if balance.class_weights else {})


def _table(name: str, value: object) -> Mapping[str, object]:
    """A value that must be a table."""
    if not isinstance(value, Mapping):
        raise InputError(f"{name} is `{value}`, not a table", _EXAMPLE)
    return value


def _frozen(what: str, value: object) -> Option:
    """A value of TOML, lists as tuples."""
    if isinstance(value, list | tuple):
        return tuple(_frozen(what, each) for each in value)
    if isinstance(value, bool | int | float | str):
        return value
    raise InputError(f"{what} is `{value}`", "options are numbers, texts, true, false, or lists of them")
