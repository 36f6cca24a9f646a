"""The budget of a sheet: what it may cost, and the prices that this is told by."""

from __future__ import annotations

from settings import Settings, SettingsError
from workflows.types import Budget, SizeName


def budget(settings: Settings) -> Budget | None:
    """The budget of the stack's sheet, or None.

    Raises `SettingsError` where the price of a class that samples use is not known: its steps would cost nothing.
    """
    if settings.budget is None:
        return None
    # Imported here: most stacks have no budget, and need no prices.
    from components.hourly import price_list

    found = price_list(settings)
    used = _used(settings)
    known: dict[SizeName, float] = {}
    for size in used:
        price = found.steps[size].usual
        if price is not None:
            known[size] = price
    if missing := [size for size in used if size not in known]:
        key = " and ".join(f"biojobs:prices.{size}" for size in missing)
        raise SettingsError(
            f"biojobs:budget: {settings.budget:g}: no price is known for the class {' and '.join(missing)}; "
            f"set {key} (USD an hour), or remove the budget"
        )
    return Budget(settings.budget, known, found.source)


def _used(settings: Settings) -> list[SizeName]:
    used: list[SizeName] = ["small", "large"]
    if settings.aligner and settings.aligner.class_ not in used:
        used.append(settings.aligner.class_)
    return used
