"""The built-in run on the digits that ship with the project."""

import dataclasses
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

import fpnas

DIGITS = Path(__file__).resolve().parents[3] / "data" / "digits"
FAST = {"epochs": 2, "batch_size": 100, "warm_up_epochs": 0, "threads": 1, "seed": 3}

pytestmark = pytest.mark.skipif(not DIGITS.is_dir(), reason="needs data/digits of the checkout")


@pytest.fixture
def small():
    return fpnas.Space.build("small", [
        {"name": "stem", "operation": "conv", "kernel": 3, "stride": 2, "channels": 4},
        {"name": "down", "operation": "mbconv", "stride": 2, "kernel": [0, 3, 5],
         "expansion": [1, 2], "channels": [4, 8]},
        {"name": "block", "operation": "mbconv", "kernel": [0, 3, 5], "expansion": [1, 2, 4],
         "channels": [4, 8, 16]},
        {"name": "classifier", "operation": "classifier"},
    ], input=(16, 16, 1), classes=10)


def test_options_of_training_and_a_teacher(small):
    row = [1, 0, 1, 1, 2, 2]
    teacher = fpnas.Retraining(DIGITS, small, row, epochs=2, threads=1)
    for _ in teacher:
        pass
    logits = teacher.logits()
    assert logits.dtype == np.float32 and np.isfinite(logits).all() and logits.size % 10 == 0
    pupil = fpnas.Retraining(
        DIGITS, small, row, epochs=2, threads=1, optimiser="rmsprop", weight_rate=0.002,
        label_smoothing=0.1, dropout=0.2, stochastic_depth=0.1, zero_last_gamma=True,
        weight_averaging=0.95, rate_warm_up=0.2)
    pupil.distil(logits, weight=0.7, temperature=2)
    steps = [progress.train_log_likelihood for progress in pupil]
    assert np.mean(steps[-5:]) > np.mean(steps[:5])
    assert pupil.test().accuracy > 0.2
    with pytest.raises(fpnas.InvalidError, match="are needed"):
        pupil.distil(logits[1:])
    with pytest.raises(fpnas.InvalidError, match="temperature"):
        pupil.distil(logits, temperature=0)
    with pytest.raises(ValueError, match="optimiser"):
        fpnas.RunOptions(optimiser="newton")._to_c()


def test_batches_divide_into_calls_as_one_likes(small):
    row = [1, 0, 1, 1, 2, 2]
    one, several = (
        fpnas.Retraining(DIGITS, small, row, epochs=2, threads=1) for _ in range(2))
    for _ in one:
        pass
    several.step(7)
    assert several.progress.step == 7
    several.step(1_000_000)
    assert several.progress.is_done
    assert several.progress.train_log_likelihood == one.progress.train_log_likelihood
    for count in (0, -1):
        with pytest.raises(fpnas.InvalidError, match=f"count must be >= 1, got {count}"):
            several.step(count)


def test_a_teacher_knows_images_it_was_not_trained_on(small):
    row = [1, 0, 1, 1, 2, 2]
    with fpnas.Retraining(
            DIGITS, small, row, epochs=4, threads=1, training_images=300) as teacher:
        for _ in teacher:
            pass
        rows = teacher.logits().reshape(-1, 10)
    assert len(rows) > 300 and (rows.std(axis=1) > 0).all()


def test_run_report_and_retraining(small, tmp_path):
    run = fpnas.Run(DIGITS, small, **FAST)
    assert run.options == fpnas.RunOptions(**FAST)
    assert run.space.count() == small.count()
    epochs = list(run.epochs())
    assert [progress.epoch for progress in epochs] == [1, 2]
    progress = run.progress
    assert progress.is_done and progress.step == progress.steps
    assert 0 <= progress.validation_accuracy <= 1 and progress.train_log_likelihood < 0
    assert progress.entropy < progress.initial_entropy == pytest.approx(np.log(12 * 27))
    assert progress.samples_drawn >= 2 * progress.steps
    with pytest.raises(fpnas.StateError):
        run.step()
    with run.distribution as distribution:
        architecture, log_p = run.result()
        assert distribution.log_probability(architecture, canonical=True) == pytest.approx(log_p)
    assert run.space.cost(architecture).macs <= 1.02 * progress.cost_target
    run.report(tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "architecture.json", "distribution.png", "history.csv", "history.png"]
    space, stored = fpnas.load_architecture(tmp_path / "out" / "architecture.json")
    assert np.array_equal(stored, architecture)

    training = fpnas.Retraining(DIGITS, space, stored, epochs=3, threads=1)
    first = next(iter(training)).train_log_likelihood
    last = [progress for progress in training][-1]
    assert last.is_done and last.step == last.steps
    assert last.train_log_likelihood > first
    result = training.test()
    assert 0.15 < result.accuracy <= 1 and result.log_likelihood < 0
    with pytest.raises(fpnas.StateError):
        training.step()


@pytest.mark.parametrize("algorithm", ["parsec", "random", "evolution", "reinforce"])
def test_other_algorithms(small, algorithm, tmp_path):
    """Two epochs, resumed in the middle and near the end: the same result, within the budget."""
    results = []
    for stops in (False, True):
        run = fpnas.Run(DIGITS, small, algorithm=algorithm, **FAST)
        steps = run.progress.steps
        while not run.progress.is_done:
            run.step()
            # Near the end finalists are being measured.
            if stops and run.progress.step in (steps // 3, steps - 3):
                run.save(tmp_path / "run.fpnas")
                run = fpnas.Run.load(tmp_path / "run.fpnas", DIGITS)
        architecture, log_p = run.result()
        assert run.space.cost(architecture).macs <= 1.02 * run.progress.cost_target
        moved = run.progress.entropy < run.progress.initial_entropy - 1e-9
        assert moved == (algorithm in ("parsec", "reinforce"))
        results.append((architecture.tolist(), log_p))
    assert results[0] == results[1]


@pytest.mark.parametrize("options", [
    {"algorithm": "darts"}, {"algorithm": "darts", "second_order": True}, {"algorithm": "fbnetv2"}])
def test_mixtures(small, options, tmp_path):
    """With a resume in the middle: the same logits; it learns, and keeps the budget."""
    found = []
    for stops in (False, True):
        run = fpnas.Run(DIGITS, small, **{**FAST, "epochs": 24, "batch_size": 50}, **options)
        while not run.progress.is_done:
            run.step()
            if stops and run.progress.step == run.progress.steps // 2:
                run.save(tmp_path / "run.fpnas")
                run = fpnas.Run.load(tmp_path / "run.fpnas", DIGITS)
        architecture, log_p = run.result()
        assert run.space.cost(architecture).macs <= 1.02 * run.progress.cost_target
        assert run.progress.entropy < run.progress.initial_entropy - 1e-3
        assert run.progress.validation_log_likelihood > np.log(0.1) + 0.2
        found.append((architecture.tolist(), log_p, run.distribution.logits.tolist()))
        assert run.options.algorithm == options["algorithm"]
    assert found[0] == found[1]
    with pytest.raises(fpnas.InvalidError, match="is not for"):
        fpnas.Run(DIGITS, small, stochastic_depth=0.5, **options)


def test_options_of_one_algorithm(small):
    """A population of 2 evolves otherwise than one of 100, which two epochs do not fill."""
    results = []
    for changes in ({}, {"population_size": 2, "tournament_size": 2}):
        run = fpnas.Run(DIGITS, small, algorithm="evolution", sample_count=2, **FAST, **changes)
        assert run.options == fpnas.RunOptions(
            algorithm="evolution", sample_count=2, **FAST, **changes)
        results.append([progress.validation_log_likelihood for progress in run][-1])
    assert results[0] != results[1]
    with pytest.raises(fpnas.InvalidError, match="clip_range"):
        fpnas.Run(DIGITS, small, algorithm="reinforce", clip_range=2.0, **FAST)


def test_resume_is_exact(small, tmp_path):
    def stop_at(run, step):
        while run.progress.step < step:
            run.step()
        return run

    whole = stop_at(fpnas.Run(DIGITS, small, **FAST), 5)
    part = stop_at(fpnas.Run(DIGITS, small, **FAST), 3)
    part.save(tmp_path / "run.fpnas")
    resumed = stop_at(fpnas.Run.load(tmp_path / "run.fpnas", DIGITS), 5)
    assert np.array_equal(resumed.distribution.logits, whole.distribution.logits)
    assert resumed.options == whole.options
    a, b = resumed.progress, whole.progress
    assert a.train_log_likelihood == b.train_log_likelihood


def test_hard_budget(small, tmp_path):
    cost = fpnas.AdditiveCost.metric(fpnas.Run(DIGITS, small, **FAST).space)
    target = sum(cost.range) // 2
    hard = {**FAST, "budget_mode": "hard", "cost_target": target}
    run = fpnas.Run(DIGITS, small, **hard)
    assert run.options.budget_mode == "hard"
    run.step()
    run.save(tmp_path / "run.fpnas")
    resumed = fpnas.Run.load(tmp_path / "run.fpnas", DIGITS)
    assert resumed.options == run.options
    for one in (run, resumed):
        one.step()
        assert cost.of(one.result()[0]) <= target
    assert np.array_equal(run.distribution.logits, resumed.distribution.logits)
    # Entropy is that of what keeps the budget.
    soft = fpnas.Run(DIGITS, small, **{**hard, "budget_mode": "soft"})
    assert run.progress.initial_entropy < soft.progress.initial_entropy
    with pytest.raises(fpnas.InfeasibleError):
        fpnas.Run(DIGITS, small, **{**hard, "cost_target": cost.range[0] - 1})
    with pytest.raises(fpnas.InvalidError, match="budget_mode must be one of soft, hard"):
        fpnas.Run(DIGITS, small, budget_mode="firm")


def test_resumed_retraining_is_exact(small, tmp_path):
    row = small.random_near(sum(small.cost_range()) // 2)

    def training():
        made = fpnas.Retraining(
            DIGITS, small, row, epochs=2, threads=1, maximum_shift=2, optimiser="rmsprop",
            weight_averaging=0.9, dropout=0.1, label_smoothing=0.1, flip=True)
        made.distil(teacher, weight=0.5, temperature=2)
        return made

    teacher = fpnas.Retraining(DIGITS, small, row, epochs=1, threads=1).logits()
    whole, part = training(), training()
    for _ in whole:
        pass
    for _ in range(30):  # the last steps of the first epoch are still to come
        part.step()
    part.save(tmp_path / "retraining.fpnas")
    resumed = fpnas.Retraining.load(tmp_path / "retraining.fpnas", DIGITS)
    assert resumed.progress == part.progress and "step 30 of" in repr(resumed)
    for _ in resumed:
        pass
    assert resumed.progress.train_log_likelihood == whole.progress.train_log_likelihood
    assert resumed.test() == whole.test()
    with pytest.raises(fpnas.FormatError, match="a retraining, not a built-in run"):
        fpnas.Run.load(tmp_path / "retraining.fpnas", DIGITS)
    bytes_ = bytearray((tmp_path / "retraining.fpnas").read_bytes())
    bytes_[200] ^= 1
    (tmp_path / "broken.fpnas").write_bytes(bytes_)
    with pytest.raises(fpnas.FormatError, match="broken.fpnas"):
        fpnas.Retraining.load(tmp_path / "broken.fpnas", DIGITS)


def test_warm_up_as_a_share_and_a_scale_of_the_weights(small):
    runs = [fpnas.Run(DIGITS, small, **FAST | options) for options in (
        {"warm_up_share": 1.0}, {"warm_up_share": 1.0, "weight_likelihood_scale": 30.0},
        {"warm_up_share": 1.0, "weight_likelihood_scale": 0.0}, {"warm_up_share": 0.5})]
    for run in runs:
        while not run.progress.is_done:
            run.step()
    same, given, alike, half = (run.progress for run in runs)
    assert same.entropy == same.initial_entropy and half.entropy < half.initial_entropy
    assert same.train_log_likelihood == given.train_log_likelihood
    assert same.train_log_likelihood != alike.train_log_likelihood


def test_each_draw_by_itself_costs_all_blocks_and_finds_the_same(small):
    shared, apart = (
        fpnas.Run(DIGITS, small, **FAST | {"evaluate_each_draw": each}) for each in (False, True))
    for run in (shared, apart):
        while not run.progress.is_done:
            run.step()
    a, b = shared.progress, apart.progress
    assert b.block_evaluations == b.blocks_drawn == a.blocks_drawn > a.block_evaluations
    assert b.samples_drawn == a.samples_drawn and b.evaluations == a.evaluations
    assert b.train_log_likelihood == pytest.approx(a.train_log_likelihood, abs=1e-3)
    with pytest.raises(ValueError, match="evaluate_each_draw is for .* not for 'darts'"):
        fpnas.Run(DIGITS, small, **FAST | {"evaluate_each_draw": True, "algorithm": "darts"})


def test_defaults_and_refusals(small, tmp_path):
    options = fpnas.RunOptions()
    assert options.algorithm == "fp-nas" and options.epochs > 0 and options.baseline == "mean"
    assert fpnas.RetrainOptions().epochs > 0
    with pytest.raises(TypeError, match="epoch"):
        fpnas.Run(DIGITS, small, epoch=1)
    for bad in ({"epochs": 0}, {"threads": -1}, {"weight_rate": float("nan")},
                {"algorithm": "enas"}, {"seed": -1}, {"batch_size": 1}, {"warm_up_share": 2},
                {"weight_likelihood_scale": -3}):
        with pytest.raises(fpnas.InvalidError, match=next(iter(bad))):
            fpnas.Run(DIGITS, small, **bad)
    with pytest.raises(fpnas.InvalidError, match="epochs"):
        fpnas.Retraining(DIGITS, small, [0] * 6, epochs=-1)
    with pytest.raises(fpnas.FPNASError, match="no-such-folder"):
        fpnas.Run(tmp_path / "no-such-folder")
    with pytest.raises(fpnas.InfeasibleError):
        fpnas.Run(DIGITS, small, cost_target=1)
    broken = tmp_path / "broken.fpnas"
    broken.write_bytes(b"not a checkpoint")
    with pytest.raises(fpnas.FormatError, match="broken.fpnas"):
        fpnas.Run.load(broken, DIGITS)
    assert dataclasses.replace(options, epochs=3) == options.replace(epochs=3)


def test_random_near(small):
    least, greatest = small.cost_range()
    target = (least + greatest) // 2
    rows = {tuple(small.random_near(target, seed)) for seed in range(8)}
    assert len(rows) > 1
    for row in rows:
        assert 0.9 * target <= small.cost(row).macs <= 1.02 * target
    with pytest.raises(fpnas.FPNASError):
        small.random_near(1)


def test_buffer_memory(small):
    current, peak = fpnas.buffer_memory(reset_peak=True)
    with fpnas.Run(DIGITS, small, **FAST) as run:
        run.step()
        busy, peak = fpnas.buffer_memory()
        assert current < busy <= peak
    assert fpnas.buffer_memory()[0] <= busy


def png(pixels):
    """A grey PNG file of 8-bit rows."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(
            ">I", zlib.crc32(kind + data))

    height, width = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


@pytest.fixture
def folder(tmp_path, random):
    """Two classes of unequal numbers of PNGs, 8x8."""
    for label, count in (("cat", 30), ("dog", 12)):
        (tmp_path / "images" / label).mkdir(parents=True)
        for i in range(count):
            pixels = random.integers(0, 256, (8, 8), dtype=np.uint8)
            (tmp_path / "images" / label / f"{i:02}.png").write_bytes(png(pixels))
    return tmp_path / "images"


def test_png_folders(small, folder, tmp_path):
    options = {**FAST, "batch_size": 4, "flip": True, "cutout": 3, "class_balance": 1}
    run = fpnas.Run(folder, small, check_files=True, **options)
    assert run.options.flip and run.options.cutout == 3 and run.options.test_share == 1 / 3
    # 20 and 8 of them are left to train with.
    assert run.class_weights == pytest.approx([28 / 40, 28 / 16])
    run.step()
    # A folder that vanishes stops the run where it is; when it is back the run goes on.
    whole = fpnas.Run(folder, small, **options)
    whole.step()
    folder.rename(tmp_path / "gone")
    with pytest.raises(fpnas.FileError, match=r"\.png"):
        run.step()
    assert run.progress.step == 1
    run.save(tmp_path / "run.fpnas")
    with pytest.raises(fpnas.FileError, match="images"):
        fpnas.Run.load(tmp_path / "run.fpnas", folder)
    (tmp_path / "gone").rename(folder)
    resumed = fpnas.Run.load(tmp_path / "run.fpnas", folder)
    for one in (run, whole, resumed):
        one.step()
    assert np.array_equal(run.distribution.logits, whole.distribution.logits)
    assert np.array_equal(resumed.distribution.logits, whole.distribution.logits)

    (folder / "dog" / "99.png").write_bytes(png(np.zeros((9, 8), np.uint8)))
    with pytest.raises(fpnas.FormatError, match="99.png' has 9x8 pixels"):
        fpnas.Run(folder, small, **options)
    with pytest.raises(fpnas.InvalidError, match="image_size"):
        fpnas.Run(folder, small, resize_unequal=True, **options)
    assert fpnas.Run(folder, small, resize_unequal=True, image_size=16, **options).progress.steps
    (folder / "dog" / "99.png").write_bytes((folder / "cat" / "03.png").read_bytes())
    with pytest.raises(fpnas.FormatError, match="cat/03.png' and .*two classes"):
        fpnas.Run(folder, small, check_files=True, **options)


FASHION = Path(os.environ.get("FPNAS_DATA", DIGITS.parents[2] / "shared" / "data")) / "fashion-mnist"


@pytest.mark.skipif(not FASHION.is_dir(), reason="needs fashion-mnist in $FPNAS_DATA")
def test_fashion_mnist(small):
    with fpnas.Run(FASHION, small, training_images=20_000, batch_size=500, epochs=1, threads=1) as run:
        assert run.progress.steps == 20
        run.step()
        assert run.progress.train_log_likelihood < 0
