"""Errors: messages in three parts: what happened, why, and what to do."""


class GuildhallError(Exception):
    """A failure that a person can correct. Each part is one sentence without names of people or content of messages."""

    def __init__(self, what: str, why: str, todo: str) -> None:
        """Keep the three parts; `str()` joins them."""
        super().__init__(f"{what} {why} {todo}")
        self.what, self.why, self.todo = what, why, todo
