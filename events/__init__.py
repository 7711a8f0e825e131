"""Contracts: what travels between the parts of Guildhall, and what it means.

Plain values and their JSON. Imports nothing of ours and no framework: pydantic, and the clients that the emitter needs.
"""
