"""The forms that ship, one subject per module; importing this registers them."""

from labkit.laws.families import broken, logarithmic, power, saturating, shifted

__all__ = ["broken", "logarithmic", "power", "saturating", "shifted"]
