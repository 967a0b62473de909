"""Reasons why a backup cannot be made or restored."""


class BackupError(Exception):
    """It was not done, and nothing was changed; the message says why and what to do."""


def taken(path: object) -> BackupError:
    """Return the error for a file name that is taken."""
    return BackupError(f"{path} exists already; backups are not overwritten. Choose another name.")
