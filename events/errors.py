"""Errors: what a person is told, in three parts: what happened, why, what to do."""


class GuildhallError(Exception):
    """Something refused or failed that a person can mend. Each part is one sentence without names or content of messages."""

    def __init__(self, what: str, why: str, todo: str) -> None:
        """Keep the three parts; `str()` joins them."""
        super().__init__(f"{what} {why} {todo}")
        self.what, self.why, self.todo = what, why, todo
