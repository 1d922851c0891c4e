"""The forms that ship, one subject per module; importing this registers them."""

from labkit.laws.families import power

__all__ = ["power"]
