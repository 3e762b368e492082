"""The snippets in the docstrings run as shown."""

import doctest
import importlib
from pathlib import Path

import pytest

import fpnas

MODULES = ["fpnas"] + [
    f"fpnas.{path.stem}" for path in sorted(Path(fpnas.__file__).parent.glob("*.py"))
    if path.stem != "__init__"
]


@pytest.mark.parametrize("name", MODULES)
def test_doctests(name):
    result = doctest.testmod(importlib.import_module(name))
    assert result.failed == 0


def test_there_are_some():
    finder = doctest.DocTestFinder()
    modules = [importlib.import_module(name) for name in MODULES]
    assert sum(bool(test.examples) for m in modules for test in finder.find(m)) >= 7


def test_readme():
    readme = Path(__file__).resolve().parents[3] / "README.md"
    result = doctest.testfile(str(readme), module_relative=False)
    assert result.attempted >= 5 and result.failed == 0
