"""The sections of `lingpai apply`: one module each, and the table of all of them."""

from typing import Any

from lingpai.operating.sections.accounts import ACCOUNTS
from lingpai.operating.sections.apps import APPS
from lingpai.operating.sections.callers import CALLERS
from lingpai.operating.sections.resources import RESOURCES
from lingpai.operating.sections.section import Section
from lingpai.operating.sections.terminals import TERMINALS
from lingpai.operating.sections.users import USERS

SECTIONS: tuple[Section[Any], ...] = (ACCOUNTS, CALLERS, USERS, APPS, RESOURCES, TERMINALS)
"""In the order in which they are applied: what is named by another comes before it."""
