"""Makes the cases: what is expected follows from a fact or from a clause of the contracts, never from a verifier."""


def groups():
    """All groups of cases."""
    from . import words

    return words.groups()
