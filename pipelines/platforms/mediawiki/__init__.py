"""mediawiki: the platform's row."""

from pipelines.platforms.mediawiki.normalise import PLATFORM

__all__ = ["PLATFORM"]
