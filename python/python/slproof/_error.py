"""Errors with the stable codes of slproof."""

from ._slproof import Error


def error(code: str, message: str) -> Error:
    """An error with this code, which is also at the end of its text, as in those of the other functions."""
    made = Error(f"{message} [{code}]")
    made.code = code
    return made
