"""Puts build/libfpnas.so of the checkout, where it exists, into the wheel."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

LIBRARY = Path(__file__).resolve().parents[2] / "build" / "libfpnas.so"


class BuildWithLibrary(build_py):
    def run(self):
        if self.editable_mode:  # the package finds the checkout's build/ by itself
            super().run()
            return
        # An earlier build leaves modules here that may be gone since.
        shutil.rmtree(Path(self.build_lib) / "fpnas", ignore_errors=True)
        super().run()
        target = Path(self.build_lib) / "fpnas" / LIBRARY.name
        if LIBRARY.is_file():
            shutil.copyfile(LIBRARY, target)
        else:
            self.warn(
                f"{LIBRARY} does not exist, so the package holds no library: run 'make' first, or "
                "set FPNAS_LIBRARY when it is used")


class PlatformWheel(bdist_wheel):
    def finalize_options(self):
        super().finalize_options()
        self.root_is_pure = not LIBRARY.is_file()

    def get_tag(self):
        python, abi, platform = super().get_tag()
        return ("py3", "none", platform) if LIBRARY.is_file() else (python, abi, platform)


setup(cmdclass={"build_py": BuildWithLibrary, "bdist_wheel": PlatformWheel})
