"""The two answers that are not "valid". Each has a stable code."""


class Refused(Exception):
    """The proof is invalid: a contract refuses it, it cannot be decoded, or the record contradicts itself."""

    def __init__(self, code):
        super().__init__(code)
        self.code = code


class CannotJudge(Exception):
    """The record or the facts leave out what is needed. This does not say that the proof is wrong."""

    def __init__(self, code):
        super().__init__(code)
        self.code = code
