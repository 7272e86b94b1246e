"""Search: a gallery of templates on disk, and every one of them compared under a permit.

What lives here: the gallery's file format (`layout`, `ledger`), its one writer (`GalleryWriter`)
and its readers (`open_gallery`), the permits without which nothing is searched (`permit`), the
exhaustive search (`search`) and the lists it gives. Who may have a permit is not decided here.
Start with `scanning`; docs/search.md has the format byte for byte.
"""

from __future__ import annotations
