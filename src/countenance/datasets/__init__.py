"""A folder in, labelled samples out: manifests, known layouts, provenance.

What lives here: reading a folder of faces whatever its layout (`read_dataset`), the card that
says where pictures and labels come from (`DatasetCard`), duplicates (`hash_images`), and bringing
a known set over a network (`get_dataset`). No image is decoded here and no label is ever guessed
from a face. Start with `layouts`, then `assemble`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from countenance.datasets.card import DatasetCard
    from countenance.datasets.dataset import Dataset, Sample
    from countenance.datasets.hashing import hash_images
    from countenance.datasets.known import KnownDataset, get_dataset, known_datasets
    from countenance.datasets.layouts import layout_names, read_dataset

__all__ = [
    "Dataset",
    "DatasetCard",
    "KnownDataset",
    "Sample",
    "get_dataset",
    "hash_images",
    "known_datasets",
    "layout_names",
    "read_dataset",
]

_HOMES = {
    "Dataset": "dataset",
    "DatasetCard": "card",
    "KnownDataset": "known",
    "Sample": "dataset",
    "get_dataset": "known",
    "hash_images": "hashing",
    "known_datasets": "known",
    "layout_names": "layouts",
    "read_dataset": "layouts",
}


def __getattr__(name: str) -> Any:
    """Import a name's module when the name is first used, so that ``--help`` stays quick."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"countenance.datasets.{_HOMES[name]}"), name)
