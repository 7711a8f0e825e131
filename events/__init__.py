"""Contracts: what travels between the parts of Guildhall, and what it means.

Plain values and their JSON. It imports no other package of this repository and no framework, only pydantic and the clients that
the SDK needs.
"""
