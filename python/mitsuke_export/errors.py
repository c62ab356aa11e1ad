"""The exception whose message a person reads."""


class ExportError(Exception):
    """A model cannot be exported. The message says why and what to do, in whole sentences."""
