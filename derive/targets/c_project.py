"""The CMake project of generated C: a library of all kernels of a build folder, for others to link to."""

from collections.abc import Sequence

from derive.render import render
from derive.targets.heading import command_lines
from derive.targets.model import Product
from derive.version import __version__

_OF_THE_PROJECT = ("-std=", "-march=")
"""How the flags begin that are not for a library to choose: CMake knows the standard, and its user the processor."""


def cmake_project(products: Sequence[Product], flags: Sequence[str]) -> str:
    """The text of CMakeLists.txt for the files of `products`, which GCC and Clang compile with `flags`.

    The library is called `derive_kernels`, or `derive_kernels_n3` for 3 classes, so that one program can have both. Its
    version is that of the tool.
    """
    n = products[0].n if products else None
    return render(
        "c",
        "CMakeLists.txt",
        head=[*command_lines(n, "c"), "", "SPDX-License-Identifier: 0BSD"],
        name="derive_kernels" if n is None else f"derive_kernels_n{n}",
        version=__version__,
        stems=[product.stem for product in products],
        flags=[flag for flag in flags if not flag.startswith(_OF_THE_PROJECT)],
    )
