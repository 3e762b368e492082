import gc
import pickle

import pytest

import fpnas


def test_use_after_close(flat):
    distribution = fpnas.Distribution(flat)
    search = fpnas.Search(flat)
    ask = search.ask()
    builder = fpnas.SpaceBuilder("s")
    space = fpnas.Space.from_json(flat.to_json())
    for thing in (distribution, search, builder, space):
        assert not thing.closed
        thing.close()
        thing.close()
        assert thing.closed
    for call in (
        lambda: distribution.entropy(), lambda: distribution.logits, lambda: search.ask(),
        lambda: ask.close(), lambda: search.progress, lambda: builder.finish(),
        lambda: space.count(), lambda: fpnas.Search(space), lambda: fpnas.Distribution(space),
    ):
        with pytest.raises(fpnas.HandleError, match="closed"):
            call()
    assert repr(space) == "<closed Space>"


def test_context_managers(flat):
    with fpnas.Search(flat) as search, search.distribution as distribution:
        assert distribution.entropy() > 0
    assert search.closed and distribution.closed
    with pytest.raises(fpnas.HandleError), search:
        pass


def test_free_in_any_order():
    space = fpnas.Space.build("s", [{"name": "a", "k": [1, 2]}])
    search = fpnas.Search(space)
    distribution = search.distribution
    space.close()
    search.close()
    assert distribution.entropy() > 0
    assert distribution.space.name == "s" and len(distribution.sample(3)) == 3


def test_garbage_is_freed(flat):
    gc.collect()
    before = fpnas.live_handles()
    things = [fpnas.Search(flat) for _ in range(10)]
    things += [fpnas.Search(flat).distribution for _ in range(10)]
    assert fpnas.live_handles() == before + 20
    del things
    gc.collect()
    assert fpnas.live_handles() == before


def test_failed_makes_leave_nothing(flat):
    before = fpnas.live_handles()
    for _ in range(5):
        with pytest.raises(fpnas.InvalidError):
            fpnas.Search(flat, learning_rate=-1)
    gc.collect()
    assert fpnas.live_handles() == before


def test_handles_are_not_pickled(flat):
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(flat)
