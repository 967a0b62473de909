import msgspec
import pytest

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.fields import Fields
from lingpai.core.flaws import Flaw, FlawsError, demand, flaws_of


class Door(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    code: str
    colours: tuple[str, ...] = ("red",)
    width: int = 90
    opened_at: float = 0.0


FIELDS = Fields(
    Door, "code", "colours", "width", secrets=("code",), shown={"width": lambda width: f"{width} cm"}
)


def test_a_document_shows_every_settable_field_but_the_secrets() -> None:
    assert FIELDS.shown(Door(name="a", code="123", width=80)) == {"colours": ("red",), "width": "80 cm"}


def test_only_settable_fields_are_compared() -> None:
    known = Door(name="a", code="123")
    assert FIELDS.changed(known, known) == ()
    assert FIELDS.changed(known, Door(name="b", code="456", colours=(), opened_at=9.0)) == ("code", "colours")


def test_an_entry_has_the_types_and_defaults_of_the_record() -> None:
    entry = FIELDS.entry("DoorEntry", {"name": str}, realm="")
    made = msgspec.convert({"name": "a", "code": "123"}, entry)
    assert (made.realm, made.colours, made.width) == ("", ("red",), 90)
    assert FIELDS.named(made) == {"code": "123", "colours": ("red",), "width": 90}
    assert repr(made) == "DoorEntry(a)"
    for wrong in ({"name": "a", "width": "80"}, {"name": "a", "opened_at": 1.0}, {"code": "1"}):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(wrong, entry)


def test_a_key_of_an_entry_may_be_a_settable_field() -> None:
    entry = FIELDS.entry("DoorEntry", {"name": str, "code": str})
    with pytest.raises(msgspec.ValidationError, match="code"):
        msgspec.convert({"name": "a"}, entry)


def test_all_flaws_are_reported_at_once() -> None:
    demand([])
    with pytest.raises(FlawsError) as raised:
        demand([Flaw("name", "It is short."), Flaw("width", "It is wide.")])
    error = raised.value
    assert (error.kind, error.parameter, error.reason) == (
        Kind.INVALID_PARAMETER,
        "name",
        "It is short. It is wide.",
    )
    assert [flaw.field for flaw in error.flaws] == ["name", "width"]


def test_what_a_check_raises_is_a_flaw() -> None:
    def check(text: str) -> None:
        if not text:
            raise LingpaiError(Kind.INVALID_PARAMETER, "It is empty.")

    assert flaws_of("name", check, "a") == []
    assert flaws_of("name", check, "") == [Flaw("name", "It is empty.")]
