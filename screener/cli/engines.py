"""`--engine`: what evaluates candidates and lists."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from screener.errors import InputError

if TYPE_CHECKING:
    from screener.distributed import Cluster


@dataclass(frozen=True, slots=True)
class Engine:
    """What evaluates candidates: this process, or a Ray cluster.

    Attributes:
        ray: whether it is Ray.
        address: of a running cluster; None starts one.
    """

    ray: bool = False
    address: str | None = None

    @classmethod
    def named(cls, name: str, address: str | None) -> Engine:
        """Read `--engine` and `--ray-address`.

        Raises:
            InputError: there is no such engine, or the address is of no use to it.
        """
        if name not in ("local", "ray"):
            raise InputError(f"unknown engine `{name}`", "use `--engine local` or `--engine ray`")
        if address is not None and name != "ray":
            raise InputError("`--ray-address` without `--engine ray`", "add `--engine ray`")
        return cls(name == "ray", address)

    def open(self, device: str) -> AbstractContextManager[Cluster | None]:
        """Connect to the cluster or start one; None is this process.

        Raises:
            InputError: Ray is not installed, or no cluster answers.
        """
        if not self.ray:
            return nullcontext()
        from screener.cluster_opening import open_cluster

        return open_cluster(self.address, device)
