"""Definitions: assets, checks, schedules and sensors, by what they are about."""
