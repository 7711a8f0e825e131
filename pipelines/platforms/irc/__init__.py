"""irc: the platform's row."""

from pipelines.platforms.irc.normalise import PLATFORM

__all__ = ["PLATFORM"]
