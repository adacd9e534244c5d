"""The error of the bring-up, whose text is one sentence for a person."""


class BrokerError(Exception):
    """The broker, its files or its topics are not as wanted; the text says why and what to do."""
