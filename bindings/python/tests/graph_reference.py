"""The operators of "fpnas-network" in plain NumPy, written from docs/file-formats.md alone."""

from __future__ import annotations

import numpy as np

ACTIVATIONS = {
    None: lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.clip(x, 0, 6),
    "swish": lambda x: x / (1 + np.exp(-x)),
    "hswish": lambda x: x * np.clip(x + 3, 0, 6) / 6,
}
GATES = {
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "hsigmoid": lambda x: np.clip(x + 3, 0, 6) / 6,
}


def windows(x, op, outside):
    """For every tap its row and column in the kernel and what it sees: (k, k, ...NHWC)."""
    count, height, width, channels = x.shape
    rows, columns, _ = op["output_shape"]
    kernel, stride, dilation = op["kernel"], op["stride"], op.get("dilation", 1)
    seen = np.full((kernel, kernel, count, rows, columns, channels), outside)
    for ky in range(kernel):
        for kx in range(kernel):
            for y in range(rows):
                for z in range(columns):
                    row = y * stride - op["padding"] + ky * dilation
                    column = z * stride - op["padding"] + kx * dilation
                    if 0 <= row < height and 0 <= column < width:
                        seen[ky, kx, :, y, z] = x[:, row, column]
    return seen


def convolve(x, op, weight):
    groups = op["groups"]
    out = weight.shape[0] // groups
    each = weight.shape[1]
    seen = windows(x, op, 0.0)
    return np.concatenate([
        np.einsum("ijnyxc,ocij->nyxo", seen[..., g * each:(g + 1) * each],
                  weight[g * out:(g + 1) * out]) for g in range(groups)], axis=-1)


def compute(op, inputs, t, count):
    kind, x = op["kind"], inputs[0] if inputs else None
    if kind == "conv":
        y = convolve(x, op, t["weight"])
        return y + t.get("bias", 0)
    if kind == "linear":
        return x.reshape(count, 1, 1, -1) @ t["weight"].T + t.get("bias", 0)
    if kind == "pool":
        seen = windows(x, op, np.nan)
        mean = np.nanmax if op["pool"] == "maximum" else np.nanmean
        return mean(seen, axis=(0, 1))
    if kind == "global_pool":
        return x.mean((1, 2), keepdims=True)
    if kind in ("squeeze_excite", "split_attention"):
        pooled = sum(inputs).mean((1, 2))
        squeezed = np.maximum(pooled @ t["squeeze.weight"].T + t["squeeze.bias"], 0)
        if kind == "squeeze_excite":
            gate = GATES[op["gate"]](squeezed @ t["excite.weight"].T + t["excite.bias"])
            return x * gate[:, None, None]
        rows = np.stack([
            squeezed @ t[f"excite.{i}.weight"].T + t[f"excite.{i}.bias"]
            for i in range(len(inputs))])
        weights = np.exp(rows - rows.max(0))
        weights /= weights.sum(0)
        return sum(v * w[:, None, None] for v, w in zip(inputs, weights))
    if kind == "sum":
        return sum(inputs)
    if kind == "leading":
        met = x[:, ::op["stride"], ::op["stride"], :op["output_shape"][2]]
        behind = op["output_shape"][2] - met.shape[-1]
        return np.pad(met, ((0, 0), (0, 0), (0, 0), (0, behind)))
    if kind == "concat":
        return np.concatenate(inputs, -1)
    assert kind == "zero"
    return np.zeros((count, *op["output_shape"]))


def predict(graph, tensors, images):
    """Logits of prepared images (NHWC), in doubles."""
    results = {"image": np.asarray(images, float)}
    for op in graph["operators"]:
        t = {name.removeprefix(op["name"] + "."): np.asarray(tensors[name], float)
             for name in op["tensors"]}
        inputs = [ACTIVATIONS[op.get("input_activation")](results[i]) for i in op["inputs"]]
        for x in inputs:
            assert x.shape[1:] == tuple(op["input_shape"])
        y = compute(op, inputs, t, len(images))
        if op["norm"]:
            y = (y - t["norm.mean"]) / np.sqrt(t["norm.variance"] + graph["epsilon"])
            y = y * t["norm.gamma"] + t["norm.beta"]
        y = ACTIVATIONS[op.get("activation")](y)
        assert y.shape[1:] == tuple(op["output_shape"])
        results[op["name"]] = y
    return y.reshape(len(images), -1)
