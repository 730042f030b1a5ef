"""Builds the compiled blocks and finds the packages; everything else is in pyproject.toml.

Two builds: release, and with SPIKEMESH_CHECKED=1 one whose every index and overflow is checked, under the
address and undefined-behaviour sanitizers (`make test-checked`).
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy
from Cython.Build import cythonize
from setuptools import Extension, find_packages, setup

CHECKED = os.environ.get("SPIKEMESH_CHECKED", "0") not in ("", "0")
# Apart from each other: neither build may take the other's objects for its own.
BUILD = "build/checked" if CHECKED else "build"
# -fwrapv, which some Pythons are built with, would hide signed overflow from the sanitizer.
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"]
COMPILE = (
    ["-O1", "-g", "-fno-omit-frame-pointer", "-fno-wrapv", "-UNDEBUG", "-pthread", *SANITIZERS]
    if CHECKED
    else ["-O3", "-pthread"]
)

CHECKED_MACROS = [("SPIKEMESH_CHECKED", "1")] if CHECKED else []

# The same in every block: no .pyx sets directives of its own.
DIRECTIVES = {
    "language_level": 3,
    "boundscheck": CHECKED,
    "overflowcheck": CHECKED,
    "initializedcheck": CHECKED,
    "wraparound": False,
    "cdivision": True,
}

extensions = [
    Extension(
        f"emulator._ext.{source.stem}",
        [source.as_posix()],
        include_dirs=[numpy.get_include(), "emulator/_ext"],
        define_macros=[("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION"), *CHECKED_MACROS],
        extra_compile_args=COMPILE,
        extra_link_args=["-pthread", *(SANITIZERS if CHECKED else [])],
    )
    for source in sorted(Path("ext").glob("*.pyx"))
]

setup(
    packages=[*find_packages(include=["emulator", "emulator.*"]), "emulator.hw_configs"],
    py_modules=["pytest_spikemesh"],
    package_dir={"emulator.hw_configs": "hw_configs"},
    package_data={
        "emulator": ["py.typed"],
        "emulator.hw_configs": ["*.yaml", "baselines/*.yaml"],
        "emulator.bench": ["data/*"],
        "emulator._ext": ["*.pxd", "*.h"],
        "emulator.report.page": ["*.html", "*.css", "*.js"],
    },
    ext_modules=cythonize(extensions, build_dir=f"{BUILD}/cython", compiler_directives=DIRECTIVES),
    options={"build": {"build_base": BUILD}, "build_ext": {"parallel": os.cpu_count() or 1}},
)
