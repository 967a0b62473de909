"""Which realm an operator means: by name, by protocol, or the only one that can be meant.

A realm that is switched off is meant only by who names it.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, Self

from lingpai.core.errors import Kind, LingpaiError
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects.registry import dialects
from lingpai.operating.site import Site


class RealmFacts(NamedTuple):
    """What a choice among realms depends on.

    Attributes:
        name: unique.
        protocol: that it speaks.
        enabled: whether it is served.
        named: whether settings name it; the others are there by default.
        terminals: whether users authorise apps for terminals.
        signs: whether it signs tokens, with keys of its own.
    """

    name: str
    protocol: str
    enabled: bool
    named: bool
    terminals: bool
    signs: bool

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """Return the facts in a realm's document."""
        return cls(
            document["realm"],
            document["protocol"],
            document["enabled"],
            document["named"],
            document["terminals"],
            document["signs_tokens"],
        )


def facts_of(site: Site, realm: str) -> RealmFacts:
    """Return the facts of a realm of a site."""
    protocol = site.realms[realm].dialect
    dialect = dialects()[protocol]
    return RealmFacts(
        realm, protocol, realm in site.enabled, realm in site.named, dialect.terminals, dialect.id_tokens
    )


Able = Callable[[RealmFacts], bool]
"""Whether a realm that nobody named can be meant."""


def any_realm(_realm: RealmFacts) -> bool:
    """Return True: every realm can be meant."""
    return True


def has_terminals(realm: RealmFacts) -> bool:
    """Return whether a realm has terminals."""
    return realm.terminals


def signs(realm: RealmFacts) -> bool:
    """Return whether a realm signs tokens."""
    return realm.signs


class RealmChoice:
    """Finds the realms that are meant.

    Args:
        realms: all there are, in the order of the settings.
    """

    def __init__(self, realms: Iterable[RealmFacts]) -> None:
        self._realms = tuple(realms)

    def some(self, name: str, able: Able = any_realm) -> list[RealmFacts]:
        """Return the realm of this name, or the enabled ones of this protocol; for "", all enabled ones.

        Args:
            name: of a realm or a protocol, or "".
            able: with "", whether a realm can be meant.

        Raises:
            LingpaiError: NOT_FOUND: there is none of this name.
        """
        found = [each for each in self._realms if each.name == name]
        if not found:
            served = [each for each in self._realms if each.enabled]
            found = [each for each in served if name == each.protocol or (not name and able(each))]
        if not found and name:
            reason = f"There is no realm {name}; known realms: {self._names()}."
            raise LingpaiError(Kind.NOT_FOUND, reason, parameter="realm")
        return found

    def one(self, name: str, able: Able = any_realm) -> RealmFacts:
        """Return the realm that is meant.

        Args:
            name: a realm, a protocol, or "" for the only one there is, else the only one that settings name.
            able: with "", whether a realm can be meant.

        Raises:
            LingpaiError: NOT_FOUND: there is none; INVALID_PARAMETER: there are several.
        """
        found = self.some(name, able)
        if not found:
            reason = f"All realms are switched off; name one of them with --realm: {self._names()}."
            if any(each.enabled for each in self._realms):
                reason = f"No realm that is switched on can do this; name one with --realm: {self._names()}."
            raise LingpaiError(Kind.NOT_FOUND, reason, parameter="realm")
        named = [each for each in found if each.named]
        if len(named) == 1:
            return named[0]
        if len(found) > 1:
            raise ambiguous(each.name for each in found)
        return found[0]

    def _names(self) -> str:
        return ", ".join(each.name for each in self._realms) or "–"


def ambiguous(names: Iterable[str]) -> LingpaiError:
    """Return the error for several realms that can be meant."""
    reason = f"The realm is ambiguous: {', '.join(names)}. Name one of them with --realm."
    return LingpaiError(Kind.INVALID_PARAMETER, reason, parameter="realm")


class IssuerChoice:
    """Finds the issuers that are meant; see `RealmChoice`.

    Args:
        site: has them.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self._choice = RealmChoice(facts_of(site, name) for name in site.realms)

    def some(self, name: str, able: Able = any_realm) -> list[Issuer]:
        """Return the issuers of `RealmChoice.some`."""
        return [self._site.issuer(each.name) for each in self._choice.some(name, able)]

    def one(self, name: str, able: Able = any_realm) -> Issuer:
        """Return the issuer of `RealmChoice.one`."""
        return self._site.issuer(self._choice.one(name, able).name)
