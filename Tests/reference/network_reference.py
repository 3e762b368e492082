#!/usr/bin/env python3
"""Whole networks of every kind of block in PyTorch (float64), for Tests/SupernetTests.

    python3 Tests/reference/network_reference.py > Tests/SupernetTests/networks.txt

Needs torch. Every tensor's values are a formula of its number and index, so that only results are
stored, and of gradients only their sizes and products with fixed directions. Lines:

    network NAME
    slot NAME ROWS COLUMNS SCALE SHIFT NORM PRODUCT PRODUCT PRODUCT
    losses L0 ... L9

The losses are those of ten steps of SGD (rate 0.05, momentum 0.9, decay 1e-3 of weights alone).
"""
import torch
import torch.nn.functional as F

CLASSES, BATCH, HEIGHT, WIDTH, CHANNELS = 3, 8, 9, 7, 2


def uniform(number, count):
    """Fractions in [-1/2, 1/2) from a multiplicative hash; exact in both languages."""
    return [
        ((i * 2654435761 + number * 40503 + 12345) * 2246822519 % 2**32 >> 8) / 2**24 - 0.5
        for i in range(count)
    ]


class Parameters:
    """Made on the first use of a name, found on later ones."""

    def __init__(self):
        self.slots = {}

    def get(self, name, rows, columns, scale, shift=0.0, decays=False):
        if name not in self.slots:
            values = [shift + scale * u for u in uniform(len(self.slots), rows * columns)]
            tensor = torch.tensor(values, dtype=torch.float32).double().reshape(rows, columns)
            tensor.requires_grad_(True)
            self.slots[name] = (rows, columns, scale, shift, decays, tensor)
        return self.slots[name][-1]


P = Parameters()


def activate(x, name):
    return {
        None: lambda x: x, "relu": F.relu, "relu6": F.relu6, "swish": F.silu,
        "hswish": F.hardswish,
    }[name](x)


def dense(name, rows, columns, fan_in):
    return P.get(name, rows, columns, 2 * (6 / fan_in) ** 0.5, decays=True)


def vector(name, columns, scale, shift=0.0):
    return P.get(name, 1, columns, scale, shift)[0]


def norm(name, x):
    c = x.shape[1]
    gamma, beta = vector(name + ".gamma", c, 0.6, 1.0), vector(name + ".beta", c, 0.8)
    return F.batch_norm(x, None, None, gamma, beta, True, 0.1, 1e-5)


def conv(name, x, out, k, stride=1, act=None, pad=None, dilation=1, groups=1, bn=True, bias=False):
    each = x.shape[1] // groups
    pad = (k - 1) // 2 if pad is None else pad
    if groups > 1 and groups == x.shape[1] == out:
        w = dense(name, k * k, out, k * k).reshape(k, k, out).permute(2, 0, 1)[:, None]
    else:
        w = dense(name, k * k * each, out, k * k * each)
        w = w.reshape(k, k, each, out).permute(3, 2, 0, 1)
    b = vector(name + ".bias", out, 0.5) if bias else None
    y = F.conv2d(x, w, b, stride, pad, dilation, groups)
    return activate(norm(name, y) if bn else y, act)


def linear(name, x, out, act=None, bias=True):
    w = P.get(name, x.shape[1], out, 1.5, decays=True)
    y = x.flatten(1) @ w
    if bias:
        y = y + vector(name.removesuffix(".weight") + ".bias", out, 0.5)
    return activate(y, act)[:, :, None, None]


def attention(base, parts, width, hard=False):
    r, c = len(parts), parts[0].shape[1]
    prefix = f"{base}.split{r}" if r > 1 else base
    pooled = sum(parts).mean((2, 3))
    w1 = dense(prefix + ".squeeze", c, width, c)
    b1 = vector(prefix + ".squeeze.bias", width, 0.5, 0.3)
    s = F.relu(pooled @ w1 + b1)
    rows = []
    for i in range(r):
        n = prefix + ".excite" + (str(i) if r > 1 else "")
        rows.append(s @ dense(n, width, c, width) + vector(n + ".bias", c, 0.5))
    if r == 1:
        gates = [F.hardsigmoid(rows[0]) if hard else torch.sigmoid(rows[0])]
    else:
        gates = torch.softmax(torch.stack(rows), 0)
    return sum(p * g[:, :, None, None] for p, g in zip(parts, gates))


def mbconv(base, x, k, act, ratio, out, stride=1, radix=0, hard=False, width=1, groups=1):
    hidden = int(x.shape[1] * ratio + 0.5)
    h = x
    g = ".grouped1" if groups > 1 else ""
    if hidden != x.shape[1]:
        h = conv(base + ".expand" + g, h, hidden, 1, act=act, groups=groups)
    parts = []
    for i in range(max(1, radix)):
        name = f"{base}.depthwise{k}" if width == 1 else f"{base}.inner.grouped{k}"
        name += f".{radix}.{i}" if radix else ""
        parts.append(conv(name, h, hidden, k, stride, act, groups=hidden // width))
    h = parts[0]
    if radix == 1:
        h = attention(base, parts, (hidden + 3) // 4, hard)
    elif radix > 1:
        h = attention(base, parts, max(hidden * radix // 4, 32))
    h = conv(base + ".project" + g, h, out, 1, groups=groups)
    return h + x if h.shape == x.shape else h


def splits(x):
    x = conv("stem.0.conv3", x, 6, 3, act="relu6")
    x = mbconv("two.0", x, 3, "swish", 2, 6, radix=2)
    x = mbconv("four.0", x, 5, "hswish", 1.5, 8, stride=2, radix=4)
    x = mbconv("hard.0", x, 3, "hswish", 1, 8, radix=1, hard=True)
    x = conv("head.0.expand", x, 12, 1, act="hswish").mean((2, 3), keepdim=True)
    x = linear("head.0.project", x, 10, "hswish", bias=False)
    return linear("classifier.0.weight", x, CLASSES)


def fused(x):
    x = conv("stem.0.conv3", x, 6, 3, act="swish")
    h = conv("a.0.inner.conv3", x, 12, 3, 2, "swish")
    h = attention("a.0", [h], 3)
    x = conv("a.0.project", h, 7, 1)
    x = x + conv("b.0.inner.conv3", x, 7, 3, act="relu")
    h = conv("c.0.inner.conv5", x, 14, 5, act="relu6")
    x = x + conv("c.0.project", h, 7, 1)
    return linear("classifier.0.weight", x.mean((2, 3)), CLASSES)


def residual(x):
    x = conv("stem.0.conv5", x, 8, 5, act="relu")
    for i in range(2):
        h = conv(f"a.{i}.expand.conv3", x, 8, 3, act="relu")
        x = F.relu(x + conv(f"a.{i}.project.conv3", h, 8, 3))
    h = conv("b.0.expand.conv3", x, 12, 3, 2, "relu")
    h = conv("b.0.project.conv3", h, 12, 3)
    x = F.relu(h + conv("b.0.skip", x, 12, 1, 2))
    h = conv("c.0.expand", x, 8, 1, act="relu")
    h = conv("c.0.inner.grouped3", h, 8, 3, act="relu", groups=2)
    h = attention("c.0", [h], 2)
    x = F.relu(conv("c.0.project", h, 16, 1) + conv("c.0.skip", x, 16, 1))
    h = conv("d.0.expand.conv3", x, 10, 3, 2, "relu")
    h = conv("d.0.project.conv3", h, 10, 3)
    s = F.avg_pool2d(x, 2, 2, ceil_mode=True, count_include_pad=False)
    x = F.relu(h + conv("d.0.skip", s, 10, 1, bn=False))
    return linear("classifier.0.weight", x.mean((2, 3)), CLASSES)


def grouped(x):
    x = conv("stem.0.conv4", x, 8, 4, act="relu", pad=2)
    x = conv("a.0.grouped3", x, 12, 3, 2, "swish", groups=4)
    x = mbconv("b.0", x, 3, "relu", 2, 12, width=2)
    x = mbconv("c.0", x, 5, "relu6", 2, 16, groups=4)
    x = conv("d.0.conv3", x, 10, 3, act="hswish", bn=False, bias=True, pad=0)
    x = conv("e.0.main.depthwise3", x, 10, 3, act="relu", groups=10)
    x = conv("f.0.conv1", x, 9, 1, act="relu", bias=True)
    return linear("classifier.0.weight", x.mean((2, 3)), CLASSES)


def leading(x, y):
    """y and the leading channels of x that it has, of the pixels that the stride meets."""
    stride = -(-x.shape[2] // y.shape[2])
    kept = min(x.shape[1], y.shape[1])
    return F.pad(x[:, :kept, ::stride, ::stride], (0, 0, 0, 0, 0, y.shape[1] - kept)) + y


def leading_channels(x):
    x = conv("stem.0.conv3", x, 6, 3, act="swish")
    x = leading(x, mbconv("wider.0", x, 3, "swish", 2, 11))
    x = x[:, :7]
    h = conv("half.0.inner.conv3", x, 14, 3, 2, "relu6")
    x = leading(x, conv("half.0.project", h, 9, 1))
    x = mbconv("same.0", x, 5, "swish", 1, 9)
    h = conv("narrower.0.expand.conv3", x, 6, 3, act="swish")
    x = F.silu(leading(x, conv("narrower.0.project.conv3", h, 6, 3)))
    x = leading(x, x.new_zeros(len(x), 10, 3, 2))
    for i in range(2):
        h = conv(f"last.{i}.expand", x, 6, 1, act="swish")
        h = conv(f"last.{i}.inner.conv3", h, 6, 3, act="swish")
        x = F.silu(leading(x, conv(f"last.{i}.project", h, 12, 1)))
    return linear("classifier.0.weight", x.mean((2, 3)), CLASSES)


def pools(x):
    x = conv("stem.0.conv3", x, 6, 3, act="swish")
    x = F.max_pool2d(x, 3, 2, 1)
    x = conv("a.0.conv1", x, 7, 1, act=None)
    x = F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
    x = conv("b.0.conv3", x, 9, 3, 2, act="relu")
    x = x.mean((2, 3), keepdim=True)
    x = linear("c.0.weight", x, 11, "relu")
    x = linear("d.0.weight", x, 8, "swish", bias=False)
    return linear("classifier.0.weight", x, CLASSES)


def relu_conv(name, x, out, k, stride=1):
    return conv(name, F.relu(x), out, k, stride)


def average(x):
    return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)


def nas_bench_201(edges):
    """Edges 01 02 12 03 13 23; one cell a stage, 4 channels."""

    def forward(x):
        place = iter(range(1000))

        def fixed():
            return f"fixed.{next(place)}"

        x = conv(fixed() + ".conv3", x, 4, 3)
        for stage in range(3):
            if stage:
                c = 4 << stage
                y = relu_conv(fixed() + ".conv3", x, c, 3, 2)
                y = relu_conv(fixed() + ".conv3", y, c, 3)
                fixed()
                s = F.avg_pool2d(x, 2, 2, ceil_mode=True, count_include_pad=False)
                x = y + conv(fixed() + ".conv1", s, c, 1, bn=False)
                fixed()
            nodes = [x]
            for target in (1, 2, 3):
                terms = []
                for source in range(target):
                    op = edges[target * (target - 1) // 2 + source]
                    name, v = f"edge{source}{target}.{stage}", nodes[source]
                    if op == 0:
                        terms.append(torch.zeros_like(v))
                    elif op == 1:
                        terms.append(v)
                    elif op == 4:
                        terms.append(average(v))
                    else:
                        k = 1 if op == 2 else 3
                        terms.append(relu_conv(f"{name}.conv{k}", v, v.shape[1], k))
                nodes.append(sum(terms[1:], terms[0]))
                if target > 1:
                    fixed()
            x = nodes[3]
        x = F.relu(norm(fixed() + ".join", x))
        return linear(fixed() + ".weight", x.mean((2, 3)), CLASSES)

    return forward


def factorised(base, x, out):
    x = F.relu(x)
    even = conv(base + ".conv1.0", x, out // 2, 1, 2, bn=False)
    shifted = F.pad(x, (0, 1, 0, 1))[:, :, 1:, 1:]
    odd = conv(base + ".conv1", shifted, out - out // 2, 1, 2, bn=False)
    return norm(base + ".join", torch.cat([even, odd], 1))


def darts_edge(base, op, x, stride):
    c = x.shape[1]
    if op == 0:
        return F.max_pool2d(x, 3, stride, 1)
    if op == 1:
        return F.avg_pool2d(x, 3, stride, 1, count_include_pad=False)
    if op == 2:
        return x if stride == 1 else factorised(base, x, c)
    k = 3 if op % 2 else 5
    dilation = 2 if op >= 5 else 1
    for i in range(1 if op >= 5 else 2):
        x = conv(f"{base}.depthwise{k}.{dilation}.{i}", F.relu(x), c, k, stride if i == 0 else 1,
                 pad=k // 2 * dilation, dilation=dilation, groups=c, bn=False)
        x = conv(f"{base}.project.{dilation}.{i}.{k}", x, c, 1)
    return x


def darts(normal, reduce, cells, channels):
    """Genotypes: four times ((input, operation), (input, operation))."""

    def forward(x):
        place = iter(range(1000))

        def fixed():
            return f"fixed.{next(place)}"

        width = channels
        before = last = conv(fixed() + ".conv3", x, 3 * channels, 3)
        was_reduced = False
        for cell in range(cells):
            reduces = cell in (cells // 3, 2 * cells // 3)
            width *= 2 if reduces else 1
            name = fixed()
            nodes = [factorised(name, before, width) if was_reduced
                     else relu_conv(name + ".conv1", before, width, 1)]
            nodes.append(relu_conv(fixed() + ".conv1", last, width, 1))
            for node, pair in enumerate(reduce if reduces else normal):
                layer = f"{'reduce' if reduces else 'normal'}{node}"
                nodes.append(sum(
                    darts_edge(f"{layer}.{8 * cell + source}", op, nodes[source],
                               2 if reduces and source < 2 else 1)
                    for source, op in pair))
                fixed()
            before, last, was_reduced = last, torch.cat(nodes[2:], 1), reduces
            fixed()
        return linear(fixed() + ".weight", last.mean((2, 3)), CLASSES)

    return forward


NETWORKS = {
    "splits": splits, "fused": fused, "residual": residual, "grouped": grouped, "pools": pools,
    "leading": leading_channels,
    "nas-bench-201-a": nas_bench_201([3, 1, 2, 4, 3, 1]),
    "nas-bench-201-b": nas_bench_201([1, 1, 1, 0, 3, 4]),
    "darts": darts(
        [((0, 3), (1, 4)), ((0, 2), (2, 5)), ((1, 0), (3, 6)), ((2, 1), (4, 2))],
        [((0, 2), (1, 6)), ((0, 4), (2, 0)), ((1, 1), (3, 2)), ((0, 5), (1, 0))], 3, 4),
}


def main():
    global P
    pixels = torch.tensor(uniform(1000, BATCH * HEIGHT * WIDTH * CHANNELS), dtype=torch.float32)
    images = 2 * pixels.double().reshape(BATCH, HEIGHT, WIDTH, CHANNELS).permute(0, 3, 1, 2)
    labels = torch.tensor([i * 7 % CLASSES for i in range(BATCH)])
    for name, network in NETWORKS.items():
        P = Parameters()
        print("network", name)
        losses, momentum = [], {}
        for step in range(10):
            loss = F.cross_entropy(network(images).flatten(1), labels)
            tensors = [slot[-1] for slot in P.slots.values()]
            gradients = torch.autograd.grad(loss, tensors)
            losses.append(loss.item())
            for number, ((key, slot), g) in enumerate(zip(P.slots.items(), gradients)):
                rows, columns, scale, shift, decays, tensor = slot
                if step == 0:
                    flat = g.reshape(-1)
                    products = [
                        (flat * torch.tensor(uniform(5000 + 10 * number + i, flat.numel()),
                                             dtype=torch.float64)).sum().item()
                        for i in range(3)
                    ]
                    numbers = " ".join(f"{v:.9g}" for v in [flat.norm().item(), *products])
                    print(f"slot {key} {rows} {columns} {scale!r} {shift!r} {numbers}")
                g = g + (1e-3 * tensor.detach() if decays else 0)
                momentum[key] = 0.9 * momentum[key] + g if key in momentum else g
                with torch.no_grad():
                    tensor -= 0.05 * momentum[key]
        print("losses", " ".join(f"{v:.10g}" for v in losses))


if __name__ == "__main__":
    main()
