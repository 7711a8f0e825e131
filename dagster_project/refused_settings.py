"""Refused settings: which key is wrong, why, and what to write instead."""

import difflib
from typing import Any

from pydantic import BaseModel, ValidationError

_CORRECT = "Correct it. `guildhall init` writes an example with every setting explained."
_WORDS = {
    "missing": "this is missing and must be set",
    "dict_type": "this should be a block of settings, begun by a line in [brackets]",
    "model_type": "this should be a block of settings, begun by a line in [brackets]",
    "string_type": "this should be a text, in quotes",
    "tuple_type": "this should be a list, in [brackets]",
    "int_parsing": "this should be a whole number",
    "int_type": "this should be a whole number",
    "float_parsing": "this should be a number",
    "bool_parsing": "this should be true or false",
}
"""Pydantic's kinds of error -> a sentence about settings. Other kinds keep Pydantic's sentence."""
_RENAMED = {"door": "source"}
"""Former names of settings -> today's."""
_WITHOUT_EFFECT = {
    "names_for_facilitators": "No page shows names, to nobody: the setting would do nothing.",
    "report.to": "Reports are not sent yet: the setting would do nothing. `guildhall report` writes a report now.",
}
"""Settings without an effect so far -> why they are refused."""


def why_refused(error: ValidationError, model: type[BaseModel]) -> tuple[str, str]:
    """Why the settings of a model were refused, and what to do: for the first error, an unknown key before others."""
    # A misspelt key makes another one absent: the misspelling is what the person can see.
    faults = sorted(error.errors(include_url=False, include_input=False), key=lambda fault: fault["type"] != "extra_forbidden")
    first = faults[0]
    place = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return _unknown_key(first["loc"], place, model)
    reason = _WORDS.get(first["type"]) or str(first["msg"]).removeprefix("Value error, ")
    return f"{place}: {reason}." if place else f"{reason[0].upper()}{reason[1:]}.", _CORRECT


def _unknown_key(loc: tuple[int | str, ...], place: str, model: type[BaseModel]) -> tuple[str, str]:
    key = str(loc[-1])
    for name, why in _WITHOUT_EFFECT.items():
        if f".{place}".endswith(f".{name}"):
            return f"`{place}` has no effect. {why}", "Remove the line."
    if key in _RENAMED:
        return f"`{key}` is now `{_RENAMED[key]}`.", f"Rename it: write `{_RENAMED[key]}` where `{key}` stands."
    known = sorted(_known_keys(loc[:-1], model))
    near = difflib.get_close_matches(key, known, n=1)
    return (
        f"`{place}` is not a setting.",
        f"Did you mean `{near[0]}`?" if near else f"The settings here are: {', '.join(known)}.",
    )


def _known_keys(place: tuple[int | str, ...], model: type[BaseModel]) -> set[str]:
    for part in place:
        if isinstance(part, int) or part not in model.model_fields:
            field_names = {f.alias or name: f for name, f in model.model_fields.items()}
            if isinstance(part, str) and part in field_names:
                model = _inner(field_names[part].annotation) or model
            continue
        model = _inner(model.model_fields[part].annotation) or model
    return {field.alias or name for name, field in model.model_fields.items() if name not in {"home", "config", "slug"}}


def _inner(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for part in getattr(annotation, "__args__", ()):
        found = _inner(part)
        if found:
            return found
    return None
