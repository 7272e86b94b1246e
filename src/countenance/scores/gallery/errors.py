"""What can go wrong with a gallery or a search in it, in kinds that call for different answers.

::

    GalleryError        the errors of galleries and searches                        (exit 2)
    ├── PermitError     there is no permit for this search: nothing was read
    ├── StorageError    the disk failed: nothing was acknowledged
    └── ConflictError   somebody else holds the gallery, or changes it all the time

Bytes that are not what they must be are `core.IntegrityError`, here as everywhere.
"""

from __future__ import annotations

from countenance.core import CountenanceError


class GalleryError(CountenanceError):
    """Base of the tree."""

    code = "gallery"


class PermitError(GalleryError):
    """A search was asked for that no permit covers. No template was read."""

    code = "gallery-permit"


class StorageError(GalleryError):
    """Reading or writing failed. What was not acknowledged may or may not be there."""

    code = "gallery-storage"


class ConflictError(GalleryError):
    """The gallery is held by another writer, or changes faster than it can be read."""

    code = "gallery-conflict"
