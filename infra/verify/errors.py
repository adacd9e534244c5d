"""The error of the verifier."""


class CannotVerifyError(Exception):
    """Something that is needed for the proof is not there; the text is one sentence."""
