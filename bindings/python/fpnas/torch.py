"""A trained network as a PyTorch module. Needs torch, which fpnas itself does not.

    module = fpnas.torch.to_torch(training.network())
    logits = module(torch.from_numpy(inputs))        # NCHW: network.prepare(images), transposed
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .network import Network

if TYPE_CHECKING:
    import torch

__all__ = ["to_torch"]


def to_torch(network: Network) -> torch.nn.Module:
    """A `torch.nn.Module` that computes what the network does, with its weights, in eval mode.

    It takes NCHW floats (`network.prepare` gives NHWC) and returns logits (count, classes). Its
    modules are named after the operators, dots as underscores, and can be trained on: in train mode
    batch normalisation takes the batch's statistics, as the library does.
    """
    return _modules().TorchNetwork(network.graph, network.tensors)


def padding(op: dict[str, Any]) -> list[tuple[int, int]]:
    """Rows, then columns: how many zeros a window operator needs in front and behind.

    A negative number in front crops. What is left over behind is not read.
    """
    sides = []
    for size, out in zip(op["input_shape"][:2], op["output_shape"][:2]):
        reach = (out - 1) * op["stride"] + (op["kernel"] - 1) * op.get("dilation", 1) + 1
        sides.append((op["padding"], max(0, reach - size - op["padding"])))
    return sides


def _modules() -> Any:
    """The classes, which cannot exist without torch."""
    import types

    import torch
    import torch.nn.functional as F
    from torch import nn

    activations = {
        None: lambda x: x, "relu": F.relu, "relu6": F.relu6, "swish": F.silu,
        "hswish": F.hardswish,
    }
    gates = {"sigmoid": torch.sigmoid, "hsigmoid": F.hardsigmoid}

    def pad(x: Any, op: dict[str, Any], value: float = 0.0) -> Any:
        (top, bottom), (left, right) = padding(op)
        if top == bottom == left == right == 0:
            return x
        return F.pad(x, (left, right, top, bottom), value=value)

    class Operator(nn.Module):
        """One operator of the graph with its tensors."""

        def __init__(self, op: dict[str, Any], epsilon: float) -> None:
            super().__init__()
            self.op = op
            kind, out = op["kind"], op["output_shape"][2]
            roles = {name.removeprefix(op["name"] + ".") for name in op["tensors"]}
            if kind == "conv":
                self.core = nn.Conv2d(
                    op["input_shape"][2], out, op["kernel"], op["stride"],
                    dilation=op["dilation"], groups=op["groups"], bias="bias" in roles)
            elif kind == "linear":
                self.core = nn.Linear(op["input_shape"][2], out, bias="bias" in roles)
            if op["norm"]:
                self.norm = nn.BatchNorm2d(out, eps=epsilon)

        def load(self, tensors: dict[str, Any]) -> None:
            """Takes the values of its tensors, by their roles."""
            places = {
                "norm.gamma": "norm.weight", "norm.beta": "norm.bias",
                "norm.mean": "norm.running_mean", "norm.variance": "norm.running_var",
                "weight": "core.weight", "bias": "core.bias",
            }
            state = self.state_dict()
            for role, value in tensors.items():
                with torch.no_grad():
                    state[places.get(role, role)].copy_(torch.from_numpy(value))

        def forward(self, inputs: list[Any]) -> Any:
            op = self.op
            inputs = [activations[op.get("input_activation")](x) for x in inputs]
            y = self.compute(op["kind"], inputs)
            if op["norm"]:
                y = self.norm(y)
            return activations[op.get("activation")](y)

        def compute(self, kind: str, inputs: list[Any]) -> Any:
            op, x = self.op, inputs[0]
            if kind == "conv":
                return self.core(pad(x, op))
            if kind == "linear":
                return self.core(x.flatten(1))[:, :, None, None]
            if kind == "global_pool":
                return x.mean((2, 3), keepdim=True)
            if kind == "pool" and op["pool"] == "maximum":
                return F.max_pool2d(pad(x, op, -torch.inf), op["kernel"], op["stride"])
            if kind == "pool":  # the mean of what lies inside the image
                ones = torch.ones_like(x[:1, :1])
                inside = F.avg_pool2d(pad(ones, op), op["kernel"], op["stride"])
                return F.avg_pool2d(pad(x, op), op["kernel"], op["stride"]) / inside
            if kind == "sum":
                return sum(inputs[1:], x)
            if kind == "leading":
                kept = min(x.shape[1], op["output_shape"][2])
                met = x[:, :kept, ::op["stride"], ::op["stride"]]
                return F.pad(met, (0, 0, 0, 0, 0, op["output_shape"][2] - kept))
            if kind == "concat":
                return torch.cat(inputs, 1)
            if kind == "zero":
                height, width, channels = op["output_shape"]
                return x.new_zeros(len(x), channels, height, width)
            raise ValueError(f"operator {op['name']!r} is of the unknown kind {kind!r}")

    class Attention(Operator):
        """Squeeze-and-excitation of one input, or Split-Attention of several."""

        def __init__(self, op: dict[str, Any], epsilon: float) -> None:
            super().__init__(op, epsilon)
            channels, splits = op["output_shape"][2], len(op["inputs"])
            width = op["squeeze"]
            self.squeeze = nn.Linear(channels, width)
            self.excite = (
                nn.Linear(width, channels) if op["kind"] == "squeeze_excite"
                else nn.ModuleList(nn.Linear(width, channels) for _ in range(splits)))

        def compute(self, kind: str, inputs: list[Any]) -> Any:
            squeezed = F.relu(self.squeeze(sum(inputs[1:], inputs[0]).mean((2, 3))))
            if kind == "squeeze_excite":
                weights = [gates[self.op["gate"]](self.excite(squeezed))]
            else:
                rows = torch.stack([excite(squeezed) for excite in self.excite])
                weights = list(torch.softmax(rows, 0))
            terms = [x * w[:, :, None, None] for x, w in zip(inputs, weights)]
            return sum(terms[1:], terms[0])

    class TorchNetwork(nn.Module):
        """All operators of a graph, one after the other."""

        def __init__(self, graph: dict[str, Any], tensors: dict[str, Any]) -> None:
            super().__init__()
            self.graph = graph
            for op in graph["operators"]:
                kind = Attention if op["kind"].endswith(("excite", "attention")) else Operator
                module = kind(op, graph["epsilon"])
                module.load({
                    name.removeprefix(op["name"] + "."): tensors[name] for name in op["tensors"]})
                self.add_module(op["name"].replace(".", "_"), module)
            self.eval()

        def forward(self, images: Any) -> Any:
            results = {"image": images}
            y = images
            for op, module in zip(self.graph["operators"], self.children()):
                # An operator of no inputs makes its result of nothing but the number of images.
                y = module([results[name] for name in op["inputs"]] or [images])
                results[op["name"]] = y
            return y.flatten(1)

    return types.SimpleNamespace(TorchNetwork=TorchNetwork)
