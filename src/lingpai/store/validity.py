"""Whether what was made from the store is still right."""


class Validity:
    """Of what was made from one credential, its accounts and callers. Asked for by `Store.is_valid`.

    Attributes:
        valid: False once one of them was found changed.
    """

    __slots__ = ("valid",)

    def __init__(self) -> None:
        """Begin as valid."""
        self.valid = True
