"""zulip: the platform's row."""

from pipelines.platforms.zulip.normalise import PLATFORM

__all__ = ["PLATFORM"]
