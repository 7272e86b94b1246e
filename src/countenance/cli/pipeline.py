"""From a request to an audit, and from an audit to files: what several commands share."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from countenance.cli.parsing import choice
from countenance.cli.request import DEFAULT_ENGINE, AuditRequest
from countenance.core import InputError, Progress

if TYPE_CHECKING:
    from countenance.audit import Audit
    from countenance.datasets import Dataset
    from countenance.scores import PairProtocol, Scores, TemplateSet


def run_audit(request: AuditRequest, *, cache: bool, progress: Progress) -> Audit:
    """Read the data, enrol where they are images, and audit.

    Raises
    ------
    InputError
        Data that cannot be read, or options that do not fit the kind of data.
    """
    from countenance.audit import audit

    for name in request.bins:
        choice(name, request.groups, option="--bin, among the attributes of --group")
    protocol: PairProtocol | None = None
    data: Scores | TemplateSet
    if holds_images(request.data):
        _refuse(request, ("columns", "direction", "unit"), "tables of scores")
        protocol = _protocol(request)
        data = _enrol(request, cache=cache, progress=progress)
    else:
        _refuse(request, ("engine", "layout", "selection", "split", "pairs"), "images")
        data = _read(request)
    more: dict[str, Any] = {}
    if request.fmr_targets:
        more["fmr_targets"] = request.fmr_targets
    return audit(
        data,
        groups=request.groups,
        bins=request.bins or None,
        thresholds=request.thresholds,
        claimed_fmr=request.claim,
        level=float(request.level),
        seed=request.seed,
        failures=request.failures,
        protocol=protocol,
        date=request.date,
        title=request.title,
        command=request.command(),
        progress=progress,
        **more,
    )


def holds_images(data: Path) -> bool:
    """Whether a path holds images (a folder, a manifest) or else a table of scores.

    Raises
    ------
    InputError
        There is nothing at the path.
    """
    if data.is_dir():
        return True
    if not data.is_file():
        raise InputError(
            "there is nothing here",
            where=str(data),
            expected="a folder of images, a manifest or a table of scores",
        )
    if data.suffix.lower() not in (".csv", ".tsv"):
        return False
    with data.open(encoding="utf-8-sig", errors="replace") as file:
        head = file.readline(10_000).lower()
    names = {name.strip(' "\r\n') for name in head.replace(";", ",").replace("\t", ",").split(",")}
    return {"path", "subject"} <= names and "score" not in names


def check_folder(folder: Path) -> None:
    """Find out before a long run that a report cannot be written there.

    Raises
    ------
    InputError
        A file is in the way, or the place cannot be written to.
    """
    place = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        what = "is a file" if place.is_file() else "cannot be written to"
        raise InputError(what, where=str(place), expected="a folder for the report, as --out")


def write(
    audit: Audit, folder: Path, *, pdf: bool | None, page: str, progress: Progress
) -> list[Path]:
    """The report of one audit, whole or not at all; the files written."""
    from countenance.audit.report import write_report

    return write_report(audit, folder, pdf=pdf, page=page, progress=progress)


def write_several(
    audits: Sequence[Audit], folder: Path, *, pdf: bool | None, page: str, progress: Progress
) -> list[Path]:
    """The reports of several audits, each in its folder, and an index beside them."""
    from countenance.audit.report import write_index

    return write_index(audits, folder, pdf=pdf, page=page, progress=progress)


def _enrol(request: AuditRequest, *, cache: bool, progress: Progress) -> TemplateSet:
    from countenance.datasets import read_dataset
    from countenance.faces import engine_names, load_engine
    from countenance.scores import TemplateCache, enrol

    name = choice(request.engine or DEFAULT_ENGINE, engine_names(), option="--engine")
    dataset = read_dataset(request.data, layout=request.layout, attributes=request.attributes)
    dataset = _with_names_checked(request, dataset)
    engine = load_engine(name, selection=request.selection or "one")
    for text in request.thresholds:
        engine.card.unit.threshold(text)
    return enrol(dataset, engine, cache=TemplateCache() if cache else None, progress=progress)


def _with_names_checked(request: AuditRequest, dataset: Dataset) -> Dataset:
    """The data set with its notes on the groups asked for.

    A mistyped name is found here, before hours of enrolment and not after.
    """
    for name in request.groups:
        choice(name, dataset.attributes, option="--group")
    # How many people have no label the audit says itself.
    notes = [n for n in dataset.check_groups(request.groups) if n.code != "no-label"]
    if request.split is not None:
        attribute, *values = request.split
        choice(attribute, dataset.attributes, option="--probe")
        stated = {s.attributes[attribute] for s in dataset.samples if attribute in s.attributes}
        for option, value in zip(("--probe", "--reference"), values, strict=True):
            choice(value, sorted(stated), option=f"{option} {attribute}")
    return dataset.with_samples(dataset.samples, notes)


def _read(request: AuditRequest) -> Scores:
    from countenance.scores import read_scores

    return read_scores(
        request.data,
        attributes=request.attributes,
        columns=request.columns,
        direction=request.direction,
        unit=request.unit,
    )


def _protocol(request: AuditRequest) -> PairProtocol | None:
    from countenance.scores import OneToOne, Split

    if request.split is not None:
        return Split(*request.split)
    if request.pairs is not None:
        return OneToOne(_read_pairs(request.pairs))
    return None


def _read_pairs(path: Path) -> tuple[tuple[str, str], ...]:
    """Probe and reference of every row of a CSV with those columns.

    Raises
    ------
    InputError
        The file cannot be read, has not both columns, or a row lacks one of the two.
    """
    expected = "a CSV with the columns probe and reference: names of images as in the data set"
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            if not {"probe", "reference"} <= set(reader.fieldnames or ()):
                found = ", ".join(reader.fieldnames or ()) or "none"
                raise InputError(f"the columns are {found}", where=str(path), expected=expected)
            pairs = []
            for row in reader:
                probe, reference = (row["probe"] or "").strip(), (row["reference"] or "").strip()
                if not (probe and reference):
                    raise InputError(
                        "a name is missing",
                        where=f"{path}, line {reader.line_num}",
                        expected="a probe and a reference in every row",
                    )
                pairs.append((probe, reference))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"cannot be read: {error}", where=str(path), expected=expected) from error
    if not pairs:
        raise InputError("no pair is listed", where=str(path), expected=expected)
    return tuple(pairs)


def _refuse(request: AuditRequest, options: Sequence[str], kind: str) -> None:
    """Refuse options that would have no effect: a person who typed one expects one."""
    for name in options:
        if getattr(request, name):
            option = "--probe" if name == "split" else f"--{name}"
            raise InputError(
                f"{option} is for {kind}", where=str(request.data), do=f"leave {option} out"
            )
