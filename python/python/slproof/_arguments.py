"""Checks of arguments. Each function returns the value that is passed on, and raises Error with the name of the argument."""

from __future__ import annotations

import operator
import os
from collections.abc import Iterable, Mapping
from typing import Any, Union

from ._error import error
from ._slproof import Error

Path = Union[str, "os.PathLike[str]"]
Paths = Union[Path, Iterable[Path], None]
Hex = Union[str, bytes]

_BYTES = (bytes, bytearray, memoryview)


def wrong(name: str, needed: str, value: object) -> Error:
    """The error for a value of another kind."""
    return error("invalid-options", f"{name}: {needed} is needed, not {_shown(value)}")


def whole(name: str, value: Any) -> int | None:
    """An integer of 64 bits without a sign, also one of NumPy."""
    if value is None:
        return None
    try:
        number = operator.index(value)
    except TypeError:
        number = -1
    if isinstance(value, bool) or not 0 <= number < 1 << 64:
        raise wrong(name, "an integer from 0 to 2^64 - 1", value)
    return number


def pair(name: str, value: Any) -> tuple[int, int] | None:
    """Two integers."""
    if value is None:
        return None
    if not isinstance(value, (tuple, list)) or len(value) != 2 or None in value:
        raise wrong(name, "a pair of two integers", value)
    first, second = (whole(f"{name}[{at}]", each) for at, each in enumerate(value))
    return first, second


def text(name: str, value: Any) -> str | None:
    """A text."""
    if value is not None and not isinstance(value, str):
        raise wrong(name, "a text", value)
    return value


def texts(name: str, value: Any) -> list[str]:
    """Several texts, or one."""
    if isinstance(value, str):
        return [value]
    if not isinstance(value, Iterable) or isinstance(value, (Mapping, *_BYTES)):
        raise wrong(name, "a list of texts", value)
    given = list(value)
    for at, each in enumerate(given):
        if not isinstance(each, str):
            raise wrong(f"{name}[{at}]", "a text", each)
    return given


def hexadecimal(name: str, value: Any) -> str | None:
    """A hash or an address: text of hexadecimal digits, or bytes."""
    if isinstance(value, _BYTES):
        return "0x" + bytes(value).hex()
    if value is not None and not isinstance(value, str):
        raise wrong(name, "bytes, or a text of hexadecimal digits,", value)
    return value


def path(name: str, value: Any) -> str:
    """One path."""
    if not isinstance(value, (str, os.PathLike)):
        raise wrong(name, "a path", value)
    return os.fspath(value)


def paths(name: str, value: Any) -> list[str]:
    """One path or several."""
    if value is None:
        return []
    if isinstance(value, (str, os.PathLike)):
        return [path(name, value)]
    if not isinstance(value, Iterable) or isinstance(value, (Mapping, *_BYTES)):
        raise wrong(name, "a path, or a list of paths,", value)
    return [path(f"{name}[{at}]", each) for at, each in enumerate(value)]


def _shown(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:60]}…"
