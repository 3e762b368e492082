#!/usr/bin/env python3
"""Loss and gradients of one small network in PyTorch (float64), for Tests/SupernetTests.

    python3 Tests/reference/supernet_reference.py > Tests/SupernetTests/reference.txt

Needs torch. Every tensor's values are a formula of its number and index, so that only results are
stored. A file of lines: `result name value`, and per parameter tensor `slot name rows columns
scale shift` followed by one line with its gradient.
"""
import torch
import torch.nn.functional as F

CLASSES, BATCH, HEIGHT, WIDTH, CHANNELS = 3, 6, 9, 7, 2


def uniform(number, count):
    """Fractions in [-1/2, 1/2) from a multiplicative hash; exact in both languages."""
    return [
        ((i * 2654435761 + number * 40503 + 12345) * 2246822519 % 2**32 >> 8) / 2**24 - 0.5
        for i in range(count)
    ]


slots = []


def parameter(name, rows, columns, scale, shift=0.0):
    values = [shift + scale * u for u in uniform(len(slots), rows * columns)]
    tensor = torch.tensor(values, dtype=torch.float32).double().reshape(rows, columns)
    tensor.requires_grad_(True)
    slots.append((name, rows, columns, scale, shift, tensor))
    return tensor


def dense(name, rows, columns, fan_in):
    return parameter(name, rows, columns, 2 * (6 / fan_in) ** 0.5)


def norm(name, x):
    gamma = parameter(name + ".gamma", 1, x.shape[1], 0.6, 1.0)
    beta = parameter(name + ".beta", 1, x.shape[1], 0.8)
    return F.batch_norm(x, None, None, gamma[0], beta[0], True, 0.1, 1e-5)


def activate(x, activation):
    return F.relu(x) if activation == "relu" else F.silu(x) if activation == "swish" else x


def convolution(name, x, k, out, stride, activation):
    into = x.shape[1]
    weight = dense(name, k * k * into, out, k * k * into)
    weight = weight.reshape(k, k, into, out).permute(3, 2, 0, 1)
    return activate(norm(name, F.conv2d(x, weight, None, stride, k // 2)), activation)


def mbconv(name, x, k, activation, se, expansion, out, stride):
    into = x.shape[1]
    hidden = round(into * expansion)
    h = x
    if expansion != 1:
        h = convolution(name + ".expand", h, 1, hidden, 1, activation)
    # Weights are not shared between blocks with and without squeeze-and-excitation.
    inner = f"{name}.depthwise{k}" + (".1.0" if se else "")
    weight = dense(inner, k * k, hidden, k * k)
    weight = weight.reshape(k, k, hidden).permute(2, 0, 1)[:, None]
    h = F.conv2d(h, weight, None, stride, k // 2, groups=hidden)
    h = activate(norm(inner, h), activation)
    if se:
        narrow = (hidden + 3) // 4
        w1 = dense(name + ".squeeze", hidden, narrow, hidden)
        b1 = parameter(name + ".squeeze.bias", 1, narrow, 0.5, 0.3)
        w2 = dense(name + ".excite", narrow, hidden, narrow)
        b2 = parameter(name + ".excite.bias", 1, hidden, 0.5)
        gate = torch.sigmoid(F.relu(h.mean((2, 3)) @ w1 + b1) @ w2 + b2)
        h = h * gate[:, :, None, None]
    h = convolution(name + ".project", h, 1, out, 1, None)
    return h + x if stride == 1 and out == into else h


pixels = torch.tensor(uniform(1000, BATCH * HEIGHT * WIDTH * CHANNELS), dtype=torch.float32)
x = 2 * pixels.double().reshape(BATCH, HEIGHT, WIDTH, CHANNELS).permute(0, 3, 1, 2)
labels = torch.tensor([i * 7 % CLASSES for i in range(BATCH)])
x = convolution("stem.0.conv3", x, 3, 5, 1, "relu")
x = mbconv("wide.0", x, 5, "swish", 1, 2.25, 6, 2)
x = mbconv("plain.0", x, 3, "relu", 0, 1, 6, 1)
x = convolution("shrink.0.skip", x, 1, 9, 2, None)
x = mbconv("pair.0", x, 3, "swish", 1, 1.5, 9, 1)
x = mbconv("pair.1", x, 3, "swish", 1, 1.5, 9, 1)
x = convolution("mix.0.conv3", x, 3, 4, 1, "swish")
x = convolution("head.0.conv1", x, 1, 10, 1, "relu")
weight = parameter("classifier.0.weight", 10, CLASSES, 1.5)
bias = parameter("classifier.0.bias", 1, CLASSES, 0.5)
logits = x.mean((2, 3)) @ weight + bias
loss = F.cross_entropy(logits, labels)
loss.backward()

print(f"result loss {loss.item():.12g}")
print(f"result correct {(logits.argmax(1) == labels).sum().item()}")
for name, rows, columns, scale, shift, tensor in slots:
    print(f"slot {name} {rows} {columns} {scale!r} {shift!r}")
    print(" ".join(f"{v:.9g}" for v in tensor.grad.reshape(-1).tolist()))
