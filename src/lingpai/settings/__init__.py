"""Every setting, typed and documented (`model`), the sources that they are read from, and what is wrong with them."""

from lingpai.messages.problems import SettingsError
from lingpai.settings.loading import legacy_accounts, load_settings
from lingpai.settings.model import Settings

__all__ = ["Settings", "SettingsError", "legacy_accounts", "load_settings"]
