"""The issuer's pages: login, consent, what I have allowed, errors, and the window of the JS bridge."""

from lingpai.issuer.pages.brand import Brand
from lingpai.issuer.pages.pages import Pages
from lingpai.issuer.pages.site import Site

__all__ = ["Brand", "Pages", "Site"]
