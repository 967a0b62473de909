"""The sections of `lingpai apply`: one module each, and the table of all of them."""

from typing import Any

from lingpai.cli.sections.accounts import ACCOUNTS
from lingpai.cli.sections.apps import APPS
from lingpai.cli.sections.callers import CALLERS
from lingpai.cli.sections.resources import RESOURCES
from lingpai.cli.sections.section import Section
from lingpai.cli.sections.terminals import TERMINALS
from lingpai.cli.sections.users import USERS

SECTIONS: tuple[Section[Any], ...] = (ACCOUNTS, CALLERS, USERS, APPS, RESOURCES, TERMINALS)
"""In the order in which they are applied: what is named by another comes before it."""
