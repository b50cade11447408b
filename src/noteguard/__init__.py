"""Noteguard: git hooks and checks that refuse what would carry text of notes, or ids of patients, out of a machine."""


class NoteguardError(Exception):
    """An error that the user can mend: its message names the file, what is wrong and what to do, and quotes no note."""
