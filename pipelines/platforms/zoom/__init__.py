"""zoom: the platform's row."""

from pipelines.platforms.zoom.normalise import PLATFORM

__all__ = ["PLATFORM"]
