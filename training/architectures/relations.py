"""A graph of tasks with learned relations, and what one task's prediction adds to another's."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from training.imbalance.choices import require_choice

GCNS = ("fixed", "paper")


class RelationGraph(nn.Module):
    """Edge strengths W (t, t) from task embeddings through two graph convolutions and an edge net.

    `paper` is the graph as published: with self-loops on a full graph, Â = 11ᵀ/t, so that one convolution makes all
    embeddings equal and every edge the same. `fixed` has no self-loops and keeps the embedding: H ← H + σ(ÂHΘ).

    Args:
        tasks: t.
        width: size of an embedding.
        gcn: `fixed` or `paper`.
    """

    def __init__(self, tasks: int, width: int = 64, gcn: str = "fixed") -> None:
        super().__init__()
        self.gcn = require_choice("gcn", gcn, GCNS)
        self.embedding = nn.Parameter(torch.randn(tasks, width) / width**0.5)
        self.convolutions = nn.ModuleList(nn.Linear(width, width, bias=False) for _ in range(2))
        self.edge = nn.Sequential(nn.Linear(2 * width, width), nn.ReLU(), nn.Linear(width, 1))
        full = torch.full((tasks, tasks), 1.0 / tasks)
        loopless = (torch.ones(tasks, tasks) - torch.eye(tasks)) / max(tasks - 1, 1)
        self.register_buffer("adjacency", full if gcn == "paper" else loopless, persistent=False)

    def forward(self) -> Tensor:
        """Return W in (0, 1): row i, column j is what task i takes from task j; the diagonal is not used."""
        adjacency = self.get_buffer("adjacency")
        h: Tensor = self.embedding
        for convolution in self.convolutions:
            passed = torch.relu(adjacency @ convolution(h))
            h = passed if self.gcn == "paper" else h + passed
        tasks = len(h)
        pairs = torch.cat([h.repeat_interleave(tasks, dim=0), h.repeat(tasks, 1)], dim=1)
        return torch.sigmoid(self.edge(pairs)).reshape(tasks, tasks)


class PairFunctions(nn.Module):
    """Small nets u_ij (1 → hidden → 1) on the prediction of task j, one per pair or one per target i.

    Args:
        tasks: t.
        hidden: hidden width.
        per: `pair` or `target`.
    """

    def __init__(self, tasks: int, hidden: int = 16, per: str = "pair") -> None:
        super().__init__()
        sources = tasks if require_choice("per", per, ("pair", "target")) == "pair" else 1
        self.slope = nn.Parameter(torch.randn(tasks, sources, hidden))
        self.offset = nn.Parameter(torch.randn(tasks, sources, hidden))
        self.out = nn.Parameter(torch.zeros(tasks, sources, hidden))  # wrong corrections would close their gates
        self.bias = nn.Parameter(torch.zeros(tasks, sources))

    def forward(self, predictions: Tensor) -> Tensor:
        """Return u_ij(ŷ_j), shape (b, t) → (b, t, t)."""
        hidden = torch.relu(predictions[:, None, :, None] * self.slope + self.offset)
        return (hidden * self.out).sum(dim=-1) + self.bias
