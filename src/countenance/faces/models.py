"""The model store: weights are found in installed packages and verified before use.

Nothing is downloaded and no package is imported to find its files, so a package that carries
weights cannot run code here. The folder named by the environment variable ``COUNTENANCE_MODELS``
is looked into first; what lies there must have the same hash.
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

from countenance.core import InputError, IntegrityError, MissingPartError, sha256_bytes
from countenance.faces.card import Model

FOLDER_VARIABLE = "COUNTENANCE_MODELS"


def find_model(model: Model) -> Path | None:
    """Where the file of `model` lies, unverified; None if it is not on this machine.

    Raises
    ------
    InputError
        ``COUNTENANCE_MODELS`` is set to something that is not a folder.
    """
    folders = []
    if override := os.environ.get(FOLDER_VARIABLE):
        if not Path(override).is_dir():
            raise InputError(
                f"{override!r} is not a folder",
                where=FOLDER_VARIABLE,
                expected="a folder with model files",
                do=f"correct or unset {FOLDER_VARIABLE}",
            )
        folders.append(Path(override))
    spec = importlib.util.find_spec(model.package)  # of a top-level package: imports nothing
    if spec is not None:
        folders += [Path(place) / "models" for place in spec.submodule_search_locations or ()]
    return next((path for folder in folders if (path := folder / model.file).is_file()), None)


def read_model(model: Model, *, install: str) -> bytes:
    """The verified bytes of `model`; load these, not the file, which may change meanwhile.

    Parameters
    ----------
    model
        Which file, and its hash.
    install
        The command that brings the file, for the message when it is missing.

    Raises
    ------
    MissingPartError
        The file is not on this machine.
    IntegrityError
        Its bytes are not the published ones.
    """
    path = find_model(model)
    if path is None:
        raise MissingPartError(
            f"the model file {model.file} is not on this machine",
            expected=f"{model.name}, {model.bytes:,} bytes, in the package {model.package}",
            do=install,
        )
    if path.stat().st_size == model.bytes:
        data = path.read_bytes()
        found = sha256_bytes(data)
        if found == model.sha256:
            return data
        found = f"SHA-256 {found}"
    else:
        found = f"{path.stat().st_size:,} bytes"
    raise IntegrityError(
        f"this is not {model.name}: found {found}",
        where=str(path),
        expected=f"{model.bytes:,} bytes, SHA-256 {model.sha256}",
        do=f"reinstall it ({install}), and find out who changed it",
    )
