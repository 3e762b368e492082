"""The ask/tell loop on a toy objective: pip install ./bindings/python, then run this file.

The objective stands for your own training code: it takes an architecture and returns the mean
log-likelihood of its predictions.
"""

import fpnas

space = fpnas.Space.build("toy", [
    {"name": f"layer{i}", "op": ["skip", "conv", "pool"], "width": [8, 16, 32]} for i in range(6)
])
print(f"{space.count():,} networks in {len(space)} variables")


def evaluate(architecture):
    """Convolutions help, above all wide ones; two poolings in a row hurt."""
    layers = list(space.describe(architecture).values())
    score = sum(layer["width"] / 32 for layer in layers if layer["op"] == "conv")
    score -= sum(a["op"] == b["op"] == "pool" for a, b in zip(layers, layers[1:]))
    return score / 6 - 1


search = fpnas.Search(
    space, seed=1, samples_per_nat=0.5, likelihood_scale=8, learning_rate=0.1, maximum_steps=150)
for ask in search:
    ask.tell([evaluate(architecture) for architecture in ask.architectures])
    progress = search.progress
    if progress.steps % 30 == 0:
        print(f"step {progress.steps:3}  K {progress.sample_count}  "
              f"entropy {progress.entropy:5.2f} nats  "
              f"mean log-likelihood {progress.mean_log_likelihood:6.3f}")

architecture, log_probability = search.distribution.mode()
print(f"mode, log P {log_probability:.3f}, log-likelihood {evaluate(architecture):.3f}:")
for layer, choices in space.describe(architecture).items():
    print(f"  {layer}: {choices['op']} {choices['width']}")
