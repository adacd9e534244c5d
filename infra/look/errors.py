"""The errors of looking inside; each text is one sentence for a person."""


class LookError(Exception):
    """What was asked can't be told."""

    exit_code = 2


class UnansweredError(LookError):
    """A service or the broker does not answer now; it may in a moment."""


class UnknownKeyError(LookError):
    """There is no such order, delivery, driver, region or restaurant, or there are several."""

    exit_code = 1
