"""Committees of nets: several small nets trained side by side on the same rows in different orders, answers averaged.

Deep ensembles (Lakshminarayanan 2017, doi:10.48550/arXiv.1612.01474), batched so that the members cost little more than
one (as in TabM, doi:10.48550/arXiv.2410.24210, without shared weights). Every member has its own loss; only answers are
averaged.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as nnf

from training.bodies import Body, standardised_body
from training.nets import single_thread

Array = NDArray[np.floating]
CLIP = 6.0
"""Standardised inputs are kept within ±6: far outside the training, a net must not run away."""


class CommitteeNet(nn.Module):
    """k independent ReLU nets in one batch.

    Shape:
        input (k, b, f) or (1, b, f), standardised; output (k, b).
    """

    def __init__(self, members: int, sizes: Sequence[int], dropout: float) -> None:
        super().__init__()
        pairs = list(itertools.pairwise(sizes))
        self.weights = nn.ParameterList(torch.randn(members, i, o) * (2.0 / i) ** 0.5 for i, o in pairs)
        self.biases = nn.ParameterList(torch.zeros(members, 1, o) for _, o in pairs)
        self.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:
        """Answer with every member."""
        last = len(self.weights) - 1
        x = x.expand(len(self.weights[0]), -1, -1)
        for k, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = torch.baddbmm(bias, x, weight)
            if k < last:
                x = nnf.dropout(nnf.relu(x), self.dropout, self.training)
        return x[..., 0]


class Committee:
    """A committee that fits and predicts one column.

    Args:
        options: `members`, `width` and `width_two` (hidden widths), `epochs`, `batch`, `rate`, `decay`, `dropout`.
        seed: of initialisation and order.
        classes: learn labels by cross-entropy and answer with logits.
    """

    def __init__(self, options: Mapping[str, float | int | str], seed: int, *, classes: bool) -> None:
        self._options = {"members": 5, "width": 128, "width_two": 64, "epochs": 30, "batch": 256, "rate": 2e-3}
        self._options |= {"decay": 1e-2, "dropout": 0.1, **{k: float(v) for k, v in options.items()}}
        self._seed, self._classes = seed, classes
        self.centre, self.scale = np.zeros(0), np.ones(0)
        self.layers: list[tuple[NDArray[np.float32], NDArray[np.float32]]] = []

    def fit(self, x: Array, y: Array, sample_weight: Array | None = None) -> Committee:
        """Learn y (b,) from x (b, f)."""
        single_thread()
        torch.manual_seed(self._seed)
        weight = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight)
        self.centre, spread = x.mean(axis=0, dtype=np.float64), x.std(axis=0, dtype=np.float64)
        self.scale = np.where(spread > 1e-6, spread, 1.0)
        low, unit = (0.0, 1.0) if self._classes else (float(np.average(y, weights=weight)), float(y.std()) or 1.0)
        o = self._options
        sizes = (x.shape[1], int(o["width"]), int(o["width_two"]), 1)
        net = CommitteeNet(int(o["members"]), sizes, o["dropout"])
        target = torch.from_numpy(((y - low) / unit).astype(np.float32))
        share = torch.from_numpy((weight / weight.mean()).astype(np.float32))
        self._learn(net, torch.from_numpy(self._standardised(x)), target, share)
        self.layers = merged_layers(net, unit, low)
        return self

    def predict(self, x: Array) -> Array:
        """Predict values or logits, shape (b,)."""
        blocks = [self._run(x[start : start + 8192]) for start in range(0, len(x), 8192)]
        return np.concatenate(blocks) if blocks else np.zeros(0)

    def body(self, name: str, *, exponential: bool) -> Body:
        """Write it as part of a graph."""
        return standardised_body(self.centre, self.scale, CLIP, self.layers, name, exponential)

    def _standardised(self, x: Array) -> NDArray[np.float32]:
        return np.clip((x - self.centre) / self.scale, -CLIP, CLIP).astype(np.float32)

    def _run(self, x: Array) -> Array:
        """Evaluate a block with the merged layers."""
        value = self._standardised(x)
        for k, (weight, bias) in enumerate(self.layers):
            value = value @ weight + bias
            if k < len(self.layers) - 1:
                value = np.maximum(value, np.float32(0.0))
        return value[:, 0].astype(np.float64)

    def _learn(self, net: CommitteeNet, x: Tensor, y: Tensor, share: Tensor) -> None:
        """Run the training loop; every member sees the rows in an order of its own."""
        o, rng = self._options, np.random.default_rng(self._seed)
        batch, members = int(o["batch"]), int(o["members"])
        steps, epochs = -(-len(x) // batch), int(o["epochs"])
        optimiser = torch.optim.AdamW(net.parameters(), lr=o["rate"], weight_decay=o["decay"])
        cycle = torch.optim.lr_scheduler.OneCycleLR(optimiser, o["rate"], total_steps=steps * epochs, pct_start=0.1)
        for _ in range(epochs):
            order = torch.from_numpy(np.stack([rng.permutation(len(x)) for _ in range(members)]))
            for start in range(0, len(x), batch):
                rows = order[:, start : start + batch]
                out, wanted, weight = net(x[rows]), y[rows], share[rows]
                if self._classes:
                    loss = nnf.binary_cross_entropy_with_logits(out, wanted, reduction="none")
                else:
                    loss = (out - wanted).square()
                optimiser.zero_grad(set_to_none=True)
                mean = (loss * weight).sum() / weight.sum() * members
                mean.backward()  # type: ignore[no-untyped-call]
                optimiser.step()
                cycle.step()
        net.eval()


def merged_layers(net: CommitteeNet, unit: float, low: float) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Lay the members side by side in one net: wide first layer, block-diagonal ones, the mean at the end.

    Args:
        net: trained members.
        unit: factor from an answer to the target.
        low: offset of the target.

    Returns:
        Layers [(weight (in, out), bias (out,))] on standardised inputs, ReLU between them.
    """
    weights = [w.detach().numpy().astype(np.float64) for w in net.weights]
    biases = [b.detach().numpy().astype(np.float64)[:, 0, :] for b in net.biases]
    k = len(weights[0])
    layers = [(np.concatenate(list(weights[0]), axis=1), biases[0].reshape(-1))]
    for weight, bias in zip(weights[1:-1], biases[1:-1], strict=True):
        wide = np.zeros((k * weight.shape[1], k * weight.shape[2]))
        for m in range(k):
            row, column = m * weight.shape[1], m * weight.shape[2]
            wide[row : row + weight.shape[1], column : column + weight.shape[2]] = weight[m]
        layers.append((wide, bias.reshape(-1)))
    layers.append((weights[-1].reshape(-1, 1) * unit / k, np.array([biases[-1].mean() * unit + low])))
    return [(w.astype(np.float32), b.astype(np.float32)) for w, b in layers]
