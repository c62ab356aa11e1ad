"""The one exception that a person reads."""


class ExportError(Exception):
    """Why a model is not exported, in sentences that say what to do."""
