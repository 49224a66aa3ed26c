"""The Recursive Length Prefix encoding (Ethereum yellow paper, appendix B). Every function raises ValueError."""

from __future__ import annotations


def items(encoded: bytes) -> list[bytes]:
    """The items of an encoded list, each encoded."""
    is_list, at, end = _head(encoded, 0)
    if not is_list or end != len(encoded):
        raise ValueError("not exactly one list")
    found = []
    while at < end:
        _, _, after = _head(encoded, at)
        if after > end:
            raise ValueError("an item is longer than its list")
        found.append(encoded[at:after])
        at = after
    return found


def string(encoded: bytes, length: int | None = None) -> bytes:
    """An encoded string, which has to have this length in bytes if one is given."""
    is_list, start, end = _head(encoded, 0)
    if is_list or end != len(encoded):
        raise ValueError("not exactly one string")
    if length is not None and end - start != length:
        raise ValueError(f"a string of {end - start} bytes instead of {length}")
    return encoded[start:end]


def number(encoded: bytes, size: int) -> int:
    """An encoded integer of at most this size in bytes."""
    digits = string(encoded)
    if len(digits) > size:
        raise ValueError(f"an integer of {len(digits)} bytes instead of at most {size}")
    return int.from_bytes(digits, "big")


def _head(data: bytes, at: int) -> tuple[bool, int, int]:
    """Whether the item at this place is a list, where its content begins, and where it ends."""
    if at >= len(data):
        raise ValueError("it ends too early")
    first = data[at]
    if first < 0x80:
        return False, at, at + 1
    is_list = first >= 0xC0
    length = first - (0xC0 if is_list else 0x80)
    start = at + 1
    if length > 55:
        digits = data[start : start + length - 55]
        start += length - 55
        length = int.from_bytes(digits, "big")
    if start + length > len(data):
        raise ValueError("it ends too early")
    return is_list, start, start + length
