"""Templates in, comparison scores out: exact arithmetic, protocols, score tables, the tally.

What lives here: exact integer scores (`ExactTemplates`), which images are compared with which
(`AllPairs`, `Split`, `OneToOne`), score tables (`Scores`, `read_scores`), templates of a whole
data set (`enrol`, `TemplateCache`), what of any number of comparisons the statistics need
(`tally`, `spread`), and the exhaustive search of a gallery on disk under a permit (`search`). No
rate is computed here: that is `audit`. Start with `table` and `counting`; for searches with
`gallery`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from countenance.scores.cache import TemplateCache
    from countenance.scores.comparisons import Comparisons, Rows
    from countenance.scores.counting import Cross, Labels, Mated, Tally, Within, tally
    from countenance.scores.distribution import (
        Bins,
        Request,
        Spread,
        Tail,
        just_above,
        spread,
        tails,
    )
    from countenance.scores.enrolment import Failure, TemplateSet, enrol
    from countenance.scores.exact import ExactTemplates, score_pairs
    from countenance.scores.gallery.candidates import (
        LIST_LIMIT,
        Candidate,
        CandidateList,
        SearchResult,
    )
    from countenance.scores.gallery.codec import Codec, Opened, Plain, SealedRows
    from countenance.scores.gallery.errors import (
        ConflictError,
        GalleryError,
        PermitError,
        StorageError,
    )
    from countenance.scores.gallery.layout import ID_BYTES, GalleryHeader
    from countenance.scores.gallery.permit import Permit, PermitTerms, probe_digest
    from countenance.scores.gallery.reading import Gallery, open_gallery
    from countenance.scores.gallery.scanning import PROBE_LIMIT, search, square_lengths
    from countenance.scores.gallery.writing import GalleryWriter, create_gallery
    from countenance.scores.listed import TableComparisons
    from countenance.scores.london import LONDON_PROTOCOL, london_scores
    from countenance.scores.protocol import (
        TABLE_LIMIT,
        AllPairs,
        OneToOne,
        PairProtocol,
        Split,
        compare,
        comparisons_in,
        enrolled,
        person_attributes,
        person_codes,
        stream,
        templates_digest,
    )
    from countenance.scores.read import read_scores
    from countenance.scores.table import Enrolled, Scores
    from countenance.scores.tiled import TemplateComparisons

_HOMES = {
    "cache": ("TemplateCache",),
    "comparisons": ("Comparisons", "Rows"),
    "gallery.candidates": (
        "LIST_LIMIT",
        "Candidate",
        "CandidateList",
        "SearchResult",
    ),
    "gallery.codec": (
        "Codec",
        "Opened",
        "Plain",
        "SealedRows",
    ),
    "gallery.errors": (
        "ConflictError",
        "GalleryError",
        "PermitError",
        "StorageError",
    ),
    "gallery.layout": ("ID_BYTES", "GalleryHeader"),
    "gallery.permit": (
        "Permit",
        "PermitTerms",
        "probe_digest",
    ),
    "gallery.reading": (
        "Gallery",
        "open_gallery",
    ),
    "gallery.scanning": (
        "PROBE_LIMIT",
        "search",
        "square_lengths",
    ),
    "gallery.writing": (
        "GalleryWriter",
        "create_gallery",
    ),
    "listed": ("TableComparisons",),
    "tiled": ("TemplateComparisons",),
    "enrolment": ("Failure", "TemplateSet", "enrol"),
    "exact": ("ExactTemplates", "score_pairs"),
    "protocol": (
        "TABLE_LIMIT",
        "AllPairs",
        "OneToOne",
        "PairProtocol",
        "Split",
        "compare",
        "comparisons_in",
        "enrolled",
        "person_attributes",
        "person_codes",
        "stream",
        "templates_digest",
    ),
    "london": ("LONDON_PROTOCOL", "london_scores"),
    "read": ("read_scores",),
    "distribution": ("Bins", "Request", "Spread", "Tail", "just_above", "spread", "tails"),
    "table": ("Enrolled", "Scores"),
    "counting": ("Cross", "Labels", "Mated", "Tally", "Within", "tally"),
}
_MODULE_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "ID_BYTES",
    "LIST_LIMIT",
    "LONDON_PROTOCOL",
    "PROBE_LIMIT",
    "TABLE_LIMIT",
    "AllPairs",
    "Bins",
    "Candidate",
    "CandidateList",
    "Codec",
    "Comparisons",
    "ConflictError",
    "Cross",
    "Enrolled",
    "ExactTemplates",
    "Failure",
    "Gallery",
    "GalleryError",
    "GalleryHeader",
    "GalleryWriter",
    "Labels",
    "Mated",
    "OneToOne",
    "Opened",
    "PairProtocol",
    "Permit",
    "PermitError",
    "PermitTerms",
    "Plain",
    "Request",
    "Rows",
    "Scores",
    "SealedRows",
    "SearchResult",
    "Split",
    "Spread",
    "StorageError",
    "TableComparisons",
    "Tail",
    "Tally",
    "TemplateCache",
    "TemplateComparisons",
    "TemplateSet",
    "Within",
    "compare",
    "comparisons_in",
    "create_gallery",
    "enrol",
    "enrolled",
    "just_above",
    "london_scores",
    "open_gallery",
    "person_attributes",
    "person_codes",
    "probe_digest",
    "read_scores",
    "score_pairs",
    "search",
    "spread",
    "square_lengths",
    "stream",
    "tails",
    "tally",
    "templates_digest",
]


def __getattr__(name: str) -> Any:
    """Import a name's module when the name is first used, so that ``--help`` stays quick."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"countenance.scores.{_MODULE_OF[name]}"), name)
