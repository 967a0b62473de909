"""Users as values: their login, profile and claims. Times are as in `issuer_records`."""

import msgspec


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """The profile that apps may read of a user. `sex` is "1" male, "2" female, "3" unknown (docs/spec/yzb.md)."""

    nick: str = ""
    avatar: str = ""
    sex: str = "3"
    seller_name: str = ""


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A user who can log in. The password hash (argon2id) is stored apart."""

    id: int = 0
    realm: str
    login: str
    profile: Profile = Profile()
    disabled: bool = False
    created_at: int = 0


class Address(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A postal address (OpenID Connect Core §5.1.1)."""

    formatted: str = ""
    street_address: str = ""
    locality: str = ""
    region: str = ""
    postal_code: str = ""
    country: str = ""


class UserClaims(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """The claims of the standard protocol about a user, besides the profile (OpenID Connect Core §5.1).

    Attributes:
        updated_at: when it was changed last, by the issuer's time; 0 when it never was.
    """

    given_name: str = ""
    family_name: str = ""
    middle_name: str = ""
    profile: str = ""
    website: str = ""
    birthdate: str = ""
    zoneinfo: str = ""
    locale: str = ""
    email: str = ""
    email_verified: bool = False
    phone_number: str = ""
    phone_number_verified: bool = False
    address: Address = Address()
    updated_at: int = 0
