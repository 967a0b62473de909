"""What keeps a backup from being made or put back."""


class BackupError(Exception):
    """It was not done, and nothing was changed; the message says why and what to do."""


def taken(path: object) -> BackupError:
    """What is told when a file of this name is there already."""
    return BackupError(f"{path} exists already; backups are not overwritten. Choose another name.")
