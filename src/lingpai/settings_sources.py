"""Where settings were read from, for whoever has to mend them."""

import os
from pathlib import Path

from dotenv import dotenv_values

SETTINGS_FILE = "lingpai.toml"
ENV_FILE = ".env"
PREFIX = "LINGPAI_"


def settings_files(data: Path | None = None) -> list[Path]:
    """The settings files that are there, the one that wins first.

    Args:
        data: the folder of the command line, or None.

    Raises:
        UnicodeDecodeError: `.env` is no text.
    """
    variables = {name.upper(): value for name, value in {**dotenv_values(ENV_FILE), **os.environ}.items()}
    folder = data or variables.get(f"{PREFIX}DATA")
    places = (Path(), *([Path(folder)] if folder else []))
    return [file for file in (place / SETTINGS_FILE for place in places) if file.is_file()]
