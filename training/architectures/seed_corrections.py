"""Structured corrections of K nets at once: what the predictions of the other tasks add to a task's own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from screener.errors import InputError
from training.architectures.multitask_net import MultiTaskNet
from training.architectures.structured import StructuredNet


class StackedCorrections(nn.Module):
    """The relation graphs and pair functions of K structured nets, stacked.

    Predictions that are read are detached, so that the way back to them is the identity.

    Args:
        nets: K nets of one shape with ``detach``.

    Raises:
        InputError: corrections train the predictions that they read.
    """

    def __init__(self, nets: Sequence[StructuredNet]) -> None:
        super().__init__()
        first = nets[0]
        if not first.detach:
            raise InputError(
                "`structured` nets without `detach` cannot be trained at once",
                "choose detach = true, or fit the seeds one by one",
            )
        self.paper, self.alpha = first.graph.gcn == "paper", first.alpha
        self.lambda1, self.lambda2 = first.lambda1, first.lambda2
        self.register_buffer("adjacency", first.graph.get_buffer("adjacency"), persistent=False)
        self.register_buffer("others", first.get_buffer("others"), persistent=False)
        stacks = zip(*(parts_of(net) for net in nets), strict=True)
        stacked = [nn.Parameter(torch.stack([part.detach() for part in group])) for group in stacks]
        self.embedding, self.first, self.second, self.edge, self.edge_bias = stacked[:5]
        self.out, self.out_bias, self.slope, self.offset, self.weight, self.bias = stacked[5:]
        self._both: tuple[Tensor, Tensor] | None = None

    def forward(self, primary: Tensor) -> Tensor:
        """Correct predictions, shape (K, t, b) → (K, t, b)."""
        return self._corrected(primary, self._graph() * self.get_buffer("others"))

    def begin(self, primary: Tensor) -> Tensor:
        """Correct predictions for a training step, and keep what `backward` needs."""
        graph = self._graph()
        edges = graph * self.get_buffer("others")
        penalty = self.lambda1 * edges.sum()
        if self.paper:
            penalty = penalty - self.lambda2 * graph.diagonal(dim1=1, dim2=2).sum()
        out = self._corrected(primary, edges)
        self._both = (out, penalty)
        return out.detach()

    def backward(self, slope: Tensor) -> None:
        """Write gradients from that on the corrected predictions, shape (K, t, b); the penalty has its own."""
        assert self._both is not None
        (out, penalty), self._both = self._both, None
        own = list(self.parameters())
        found = torch.autograd.grad([out, penalty], own, [slope, torch.ones_like(penalty)])
        for parameter, gradient in zip(own, found, strict=True):
            assert parameter.grad is not None
            parameter.grad.copy_(gradient)

    def copy_to(self, nets: Sequence[StructuredNet]) -> None:
        """Give the nets their values."""
        for k, net in enumerate(nets):
            for part, stacked in zip(parts_of(net), self.parameters(), strict=True):
                part.copy_(stacked[k])

    def _graph(self) -> Tensor:
        """W of every net, shape (K, t, t)."""
        h: Tensor = self.embedding
        adjacency = self.get_buffer("adjacency")
        for convolution in (self.first, self.second):
            passed = torch.relu(adjacency @ torch.bmm(h, convolution.transpose(1, 2)))
            h = passed if self.paper else h + passed
        tasks, width = h.shape[1:]
        # The edge net's first layer on [h_i, h_j] is a sum of one product per end.
        ends = torch.bmm(h, self.edge.reshape(len(h), width, 2, width).permute(0, 3, 2, 1).reshape(len(h), width, -1))
        one, other = torch.chunk(ends, 2, dim=2)
        hidden = torch.relu(one[:, :, None] + other[:, None] + self.edge_bias[:, None, None])
        flat = torch.baddbmm(self.out_bias[:, None], hidden.reshape(len(h), -1, width), self.out.transpose(1, 2))
        return torch.sigmoid(flat).view(len(h), tasks, tasks)

    def _corrected(self, primary: Tensor, edges: Tensor) -> Tensor:
        """Add α Σ_{j≠i} W_ij u_ij(ŷ_j)."""
        read = primary.detach()[:, None, :, None]  # (K, target, source, unit, row)
        hidden = torch.relu(read * self.slope[..., None] + self.offset[..., None])
        added = (hidden * self.weight[..., None]).sum(dim=3) + self.bias[..., None]
        return primary + self.alpha * (added * edges[..., None]).sum(dim=2)


def parts_of(net: MultiTaskNet) -> Iterator[nn.Parameter]:
    """Yield the parameters of a structured net's corrections, in the order in which they are stacked."""
    assert isinstance(net, StructuredNet)
    graph, functions = net.graph, net.functions
    yield from (graph.embedding, *graph.convolutions.parameters(), *graph.edge.parameters())
    yield from (functions.slope, functions.offset, functions.out, functions.bias)
