"""The two answers that are not "valid". Each has a stable code."""


class Refused(Exception):
    """The proof is invalid: a contract refuses it, it cannot be decoded, or the record contradicts itself."""

    def __init__(self, code):
        super().__init__(code)
        self.code = code


class CannotJudge(Exception):
    """The record or the facts lack something. This does not mean that the proof is invalid."""

    def __init__(self, code):
        super().__init__(code)
        self.code = code
