"""Writes examples/models/torchvision.json: torchvision's classifiers as lists of blocks.

The widths, depths and rules are those of the published papers as torchvision 0.2x builds them; the
parameters and MACs to compare with are in golden/torchvision_golden.csv of the test data, not here.

    python Tests/reference/torchvision_models.py > examples/models/torchvision.json
"""

import json
import math


def divisible(value, divisor=8):
    width = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return width + divisor if width < 0.9 * value else width


def block(op, channels, kernel=3, stride=1, repeat=1, **attributes):
    entry = {"op": op, "kernel": kernel, "channels": channels, "stride": stride, "repeat": repeat}
    if op in ("pool", "linear"):
        entry.pop("channels" if op == "pool" else "kernel")
    return entry | {key: value for key, value in attributes.items() if value is not None}


def model(name, blocks, size=224):
    return {"name": name, "input": size, "convention": "torch", "blocks": blocks}


def mobilenet_v2():
    rows = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
            (6, 160, 3, 2), (6, 320, 1, 1)]
    act = "relu6"
    return model("MobileNet_V2", [block("conv", 32, stride=2, activation=act)] + [
        block("mbconv", c, stride=s, repeat=n, expansion=t, activation=act)
        for t, c, n, s in rows
    ] + [block("conv", 1280, 1, activation=act)])


def mobilenet_v3(name, rows, last, hidden):
    blocks = [block("conv", 16, stride=2, activation="hswish")]
    width = 16
    for kernel, expanded, out, se, activation, stride in rows:
        blocks.append(block(
            "mbconv", out, kernel, stride, expansion=expanded / width, se=bool(se),
            activation=activation, gate="hsigmoid", width_rounding="8/0.9",
            se_rounding="8/0.9"))
        width = out
    return model(name, blocks + [
        block("conv", last, 1, activation="hswish"),
        block("linear", hidden, activation="hswish")])


def mnasnet(name, alpha):
    depths = [divisible_up(c * alpha) for c in (32, 16, 24, 40, 80, 96, 192, 320)]
    rows = [(3, 2, 3, 3), (5, 2, 3, 3), (5, 2, 6, 3), (3, 1, 6, 2), (5, 2, 6, 4), (3, 1, 6, 1)]
    return model(name, [
        block("conv", depths[0], stride=2),
        block("mbconv", depths[1], shortcut="none"),
    ] + [
        block("mbconv", out, kernel, stride, repeat, expansion=expansion)
        for (kernel, stride, expansion, repeat), out in zip(rows, depths[2:])
    ] + [block("conv", 1280, 1)])


def divisible_up(value, divisor=8, bias=0.9):
    width = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return width if width >= bias * value else width + divisor


def efficientnet(name, width, depth, size):
    rows = [(1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3),
            (6, 5, 1, 112, 3), (6, 5, 2, 192, 4), (6, 3, 1, 320, 1)]
    act = "swish"
    last = divisible(320 * width)
    return model(name, [block("conv", divisible(32 * width), stride=2, activation=act)] + [
        block("mbconv", divisible(out * width), kernel, stride, math.ceil(repeat * depth),
              expansion=expansion, activation=act, se=True, se_of="input", se_rounding="floor",
              width_rounding="8/0.9")
        for expansion, kernel, stride, out, repeat in rows
    ] + [block("conv", 4 * last, 1, activation=act)], size)


def efficientnet_v2(name, rows, size):
    act = "swish"
    blocks = [block("conv", rows[0][3], stride=2, activation=act)]
    for op, expansion, stride, _, out, repeat in rows:
        se = {"se": True, "se_of": "input", "se_rounding": "floor"} if op == "mbconv" else {}
        blocks.append(block(op, out, 3, stride, repeat, expansion=expansion, activation=act,
                            width_rounding="8/0.9", **se))
    return model(name, blocks + [block("conv", 1280, 1, activation=act)], size)


def resnet(name, op, repeats, expansion=None, groups=None):
    factor = 1 if op == "basic" else 4
    return model(name, [block("conv", 64, 7, 2), block("pool", 0, 3, 2, pool="maximum")] + [
        block(op, 64 * factor << stage, 3, 1 if stage == 0 else 2, repeat, expansion=expansion,
              groups=groups)
        for stage, repeat in enumerate(repeats)
    ])


def models():
    large = [(3, 16, 16, 0, "relu", 1), (3, 64, 24, 0, "relu", 2), (3, 72, 24, 0, "relu", 1),
             (5, 72, 40, 1, "relu", 2), (5, 120, 40, 1, "relu", 1), (5, 120, 40, 1, "relu", 1),
             (3, 240, 80, 0, "hswish", 2), (3, 200, 80, 0, "hswish", 1),
             (3, 184, 80, 0, "hswish", 1), (3, 184, 80, 0, "hswish", 1),
             (3, 480, 112, 1, "hswish", 1), (3, 672, 112, 1, "hswish", 1),
             (5, 672, 160, 1, "hswish", 2), (5, 960, 160, 1, "hswish", 1),
             (5, 960, 160, 1, "hswish", 1)]
    small = [(3, 16, 16, 1, "relu", 2), (3, 72, 24, 0, "relu", 2), (3, 88, 24, 0, "relu", 1),
             (5, 96, 40, 1, "hswish", 2), (5, 240, 40, 1, "hswish", 1),
             (5, 240, 40, 1, "hswish", 1), (5, 120, 48, 1, "hswish", 1),
             (5, 144, 48, 1, "hswish", 1), (5, 288, 96, 1, "hswish", 2),
             (5, 576, 96, 1, "hswish", 1), (5, 576, 96, 1, "hswish", 1)]
    yield mobilenet_v2()
    yield mobilenet_v3("MobileNet_V3_Large", large, 960, 1280)
    yield mobilenet_v3("MobileNet_V3_Small", small, 576, 1024)
    for name, alpha in [("MNASNet0_5", 0.5), ("MNASNet0_75", 0.75), ("MNASNet1_0", 1.0),
                        ("MNASNet1_3", 1.3)]:
        yield mnasnet(name, alpha)
    scales = [(1.0, 1.0, 224), (1.0, 1.1, 240), (1.1, 1.2, 288), (1.2, 1.4, 300),
              (1.4, 1.8, 380), (1.6, 2.2, 456), (1.8, 2.6, 528), (2.0, 3.1, 600)]
    for number, (width, depth, size) in enumerate(scales):
        yield efficientnet(f"EfficientNet_B{number}", width, depth, size)
    yield efficientnet_v2("EfficientNet_V2_S", [
        ("fused_mbconv", 1, 1, 24, 24, 2), ("fused_mbconv", 4, 2, 24, 48, 4),
        ("fused_mbconv", 4, 2, 48, 64, 4), ("mbconv", 4, 2, 64, 128, 6),
        ("mbconv", 6, 1, 128, 160, 9), ("mbconv", 6, 2, 160, 256, 15)], 384)
    yield resnet("ResNet18", "basic", (2, 2, 2, 2))
    yield resnet("ResNet34", "basic", (3, 4, 6, 3))
    yield resnet("ResNet50", "bottleneck", (3, 4, 6, 3))
    yield resnet("ResNet101", "bottleneck", (3, 4, 23, 3))
    yield resnet("ResNet152", "bottleneck", (3, 8, 36, 3))
    yield resnet("ResNeXt50_32X4D", "bottleneck", (3, 4, 6, 3), 0.5, 32)
    yield resnet("ResNeXt101_32X8D", "bottleneck", (3, 4, 23, 3), 1.0, 32)
    yield resnet("Wide_ResNet50_2", "bottleneck", (3, 4, 6, 3), 0.5)


if __name__ == "__main__":
    entries = [
        {key: value for key, value in entry.items() if key != "blocks"} | {"blocks": []}
        for entry in models()
    ]
    lines = []
    for entry, full in zip(entries, models()):
        head = json.dumps(entry)[:-2]
        blocks = ",\n      ".join(json.dumps(b) for b in full["blocks"])
        lines.append(f"    {head}\n      {blocks}]}}")
    print('{"models": [\n' + ",\n".join(lines) + "\n]}")
