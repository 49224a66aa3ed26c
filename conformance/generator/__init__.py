"""Generates the cases. Each expected answer follows from a fact or a clause of the contracts, never from a verifier."""

from . import atomic_interop, checks, mixed, published, records, words


def groups():
    """All groups of cases."""
    modules = (words, mixed, checks, records, published, atomic_interop)
    return [group for module in modules for group in module.groups()]
