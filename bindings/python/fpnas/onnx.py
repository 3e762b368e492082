"""A trained network as an ONNX file. Needs the package onnx, which fpnas itself does not.

    fpnas.onnx.export_onnx(training.network(), "network.onnx")
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from .network import Network
from .torch import padding

__all__ = ["export_onnx", "to_onnx"]

OPSET = 17


def to_onnx(network: Network) -> Any:
    """An `onnx.ModelProto`: "image" (count, channels, rows, columns) in, "logits" out.

    The input is that of `network.prepare`, transposed to NCHW; the number of images is free. The
    preprocessing is among the model's metadata.
    """
    return _Builder(network).model()


def export_onnx(network: Network, path: str | os.PathLike[str]) -> None:
    """Writes `to_onnx(network)` to a file."""
    import onnx

    onnx.save(to_onnx(network), os.fspath(path))


class _Builder:
    """Nodes and constants in the making."""

    def __init__(self, network: Network) -> None:
        self.graph = network.graph
        self.tensors = network.tensors
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.count = 0

    def model(self) -> Any:
        import json

        from onnx import TensorProto, checker, helper

        results = {"image": "image"}
        y = "image"
        for op in self.graph["operators"]:
            y = results[op["name"]] = self.add(op, [results[name] for name in op["inputs"]])
        self.nodes.append(helper.make_node("Flatten", [y], ["logits"], axis=1))
        height, width, channels = self.graph["input"]
        graph = helper.make_graph(
            self.nodes, self.graph["name"],
            [helper.make_tensor_value_info(
                "image", TensorProto.FLOAT, ["count", channels, height, width])],
            [helper.make_tensor_value_info(
                "logits", TensorProto.FLOAT, ["count", self.graph["classes"]])],
            self.constants)
        model = helper.make_model(
            graph, producer_name="fpnas", opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=8)
        helper.set_model_props(model, {
            "preprocessing": json.dumps(self.graph["preprocessing"]),
            "class_names": json.dumps(self.graph["class_names"])})
        checker.check_model(model, full_check=True)
        return model

    # ---- Parts ----------------------------------------------------------------------------------

    def node(self, kind: str, inputs: list[str], **attributes: Any) -> str:
        from onnx import helper

        self.count += 1
        out = f"{kind}{self.count}"
        self.nodes.append(helper.make_node(kind, inputs, [out], **attributes))
        return out

    def constant(self, name: str, value: Any) -> str:
        from onnx import numpy_helper

        self.constants.append(numpy_helper.from_array(np.asarray(value, order="C"), name))
        return name

    def number(self, value: Any) -> str:
        self.count += 1
        return self.constant(f"constant{self.count}", value)

    def tensor(self, op: dict[str, Any], role: str) -> str | None:
        name = f"{op['name']}.{role}"
        return self.constant(name, self.tensors[name]) if name in op["tensors"] else None

    def activate(self, x: str, name: str | None) -> str:
        if name is None:
            return x
        if name == "relu":
            return self.node("Relu", [x])
        if name == "relu6":
            return self.node("Clip", [x, self.number(np.float32(0)), self.number(np.float32(6))])
        if name == "swish":
            return self.node("Mul", [x, self.node("Sigmoid", [x])])
        if name == "hswish":
            return self.node("HardSwish", [x])
        raise ValueError(f"the activation {name!r} is unknown")

    # ---- Operators ------------------------------------------------------------------------------

    def add(self, op: dict[str, Any], inputs: list[str]) -> str:
        inputs = [self.activate(x, op.get("input_activation")) for x in inputs]
        y = getattr(self, "add_" + op["kind"])(op, inputs)
        if op["norm"]:
            roles = ["norm.gamma", "norm.beta", "norm.mean", "norm.variance"]
            y = self.node(
                "BatchNormalization", [y, *(self.tensor(op, role) for role in roles)],
                epsilon=self.graph["epsilon"])
        return self.activate(y, op.get("activation"))

    def window(self, op: dict[str, Any], x: str) -> tuple[str, dict[str, Any]]:
        """The input, and attributes of what slides over it; a negative padding crops first."""
        (top, bottom), (left, right) = padding(op)
        if top < 0:
            starts, axes = np.array([-top, -left]), np.array([2, 3])
            x = self.node("Slice", [
                x, self.number(starts), self.number(np.array([2**31 - 1] * 2)), self.number(axes)])
            top = left = 0
        kernel = op["kernel"]
        return x, {
            "kernel_shape": [kernel, kernel], "strides": [op["stride"]] * 2,
            "pads": [top, left, bottom, right],
        }

    def add_conv(self, op: dict[str, Any], inputs: list[str]) -> str:
        x, attributes = self.window(op, inputs[0])
        parts = [x, self.tensor(op, "weight"), self.tensor(op, "bias")]
        return self.node(
            "Conv", [part for part in parts if part], group=op["groups"],
            dilations=[op["dilation"]] * 2, **attributes)

    def add_linear(self, op: dict[str, Any], inputs: list[str]) -> str:
        flat = self.node("Flatten", [inputs[0]], axis=1)
        y = self.dense(op, flat, "")
        return self.raised(y)

    def dense(self, op: dict[str, Any], x: str, prefix: str) -> str:
        parts = [x, self.tensor(op, prefix + "weight"), self.tensor(op, prefix + "bias")]
        return self.node("Gemm", [part for part in parts if part], transB=1)

    def raised(self, x: str) -> str:
        """Rows of channels as images of one pixel."""
        return self.node("Unsqueeze", [x, self.number(np.array([2, 3]))])

    def add_pool(self, op: dict[str, Any], inputs: list[str]) -> str:
        x, attributes = self.window(op, inputs[0])
        return self.node("MaxPool" if op["pool"] == "maximum" else "AveragePool", [x], **attributes)

    def add_global_pool(self, op: dict[str, Any], inputs: list[str]) -> str:
        return self.node("GlobalAveragePool", [inputs[0]])

    def squeezed(self, op: dict[str, Any], x: str) -> str:
        pooled = self.node("Flatten", [self.node("GlobalAveragePool", [x])], axis=1)
        return self.node("Relu", [self.dense(op, pooled, "squeeze.")])

    def add_squeeze_excite(self, op: dict[str, Any], inputs: list[str]) -> str:
        row = self.dense(op, self.squeezed(op, inputs[0]), "excite.")
        gate = (
            self.node("Sigmoid", [row]) if op["gate"] == "sigmoid"
            else self.node("HardSigmoid", [row], alpha=1 / 6, beta=0.5))
        return self.node("Mul", [inputs[0], self.raised(gate)])

    def add_split_attention(self, op: dict[str, Any], inputs: list[str]) -> str:
        squeezed = self.squeezed(op, self.node("Sum", inputs))
        axis = self.number(np.array([1]))
        rows = [
            self.node("Unsqueeze", [self.dense(op, squeezed, f"excite.{i}."), axis])
            for i in range(len(inputs))]
        weights = self.node("Softmax", [self.node("Concat", rows, axis=1)], axis=1)
        terms = []
        for i, x in enumerate(inputs):
            weight = self.node("Gather", [weights, self.number(np.array(i))], axis=1)
            terms.append(self.node("Mul", [x, self.raised(weight)]))
        return self.node("Sum", terms)

    def add_sum(self, op: dict[str, Any], inputs: list[str]) -> str:
        return self.node("Add" if len(inputs) == 2 else "Sum", inputs)

    def add_leading(self, op: dict[str, Any], inputs: list[str]) -> str:
        kept = min(op["input_shape"][2], op["output_shape"][2])
        ends = np.array([kept, 2**31 - 1, 2**31 - 1])
        x = self.node("Slice", [
            inputs[0], self.number(np.array([0, 0, 0])), self.number(ends),
            self.number(np.array([1, 2, 3])), self.number(np.array([1] + [op["stride"]] * 2))])
        behind = op["output_shape"][2] - kept
        return self.node("Pad", [x, self.number(np.array([0] * 5 + [behind, 0, 0]))])

    def add_concat(self, op: dict[str, Any], inputs: list[str]) -> str:
        return self.node("Concat", inputs, axis=1)

    def add_zero(self, op: dict[str, Any], inputs: list[str]) -> str:
        count = self.node("Slice", [
            self.node("Shape", ["image"]), self.number(np.array([0])), self.number(np.array([1]))])
        height, width, channels = op["output_shape"]
        shape = self.node("Concat", [count, self.number(np.array([channels, height, width]))],
                          axis=0)
        return self.node("ConstantOfShape", [shape])
