"""slack: the platform's row."""

from pipelines.platforms.slack.normalise import PLATFORM

__all__ = ["PLATFORM"]
