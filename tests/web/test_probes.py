"""Pages of probes: the original, its edits, its judgement, and the pictures themselves."""

from __future__ import annotations

import hashlib
import html
import io
import re
from collections.abc import Iterator

import pytest
from casepages import HOSTILE, PROBE, judged, opened_anew, uploaded
from casework import picture
from clockkit import MovingClock
from PIL import Image
from webkit import Site, Visitor, fields_of

from countenance.desk.edits import MADE_HERE
from countenance.desk.roles import Role
from countenance.web.pages.probes import PARAMETERS


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site.opened(tmp_path_factory.mktemp("site"), MovingClock()) as made:
        yield made


@pytest.fixture(scope="module")
def rita(site: Site) -> Visitor:
    return site.joined("Rita Ray", Role.REQUESTER)


@pytest.fixture(scope="module")
def emma(site: Site) -> Visitor:
    return site.joined("Emma Eye", Role.EXAMINER)


def test_a_probe_from_upload_to_judgement(rita: Visitor, emma: Visitor) -> None:
    case = opened_anew(rita)
    form = rita.get(f"{case}/probes/new")
    assert 'enctype="multipart/form-data"' in form.text
    assert "sketch (is refused)" in form.text
    data = picture()
    probe = uploaded(rita, case, data)
    page = rita.get(probe).text
    sha = hashlib.sha256(data).hexdigest()
    for part in ("frame 1204", "cctv frame", "2026-11-04", sha, "waits for an examiner",
                 "It was not edited", "40 × 40 pixels", "Rita Ray"):  # fmt: skip
        assert part in page
    shown = rita.get(f"{probe}/images/{sha}")
    assert shown.content == data
    assert shown.headers["content-type"] == "image/png"
    assert shown.headers["cache-control"] == "no-store"
    assert shown.headers["content-disposition"] == "inline"
    listed = emma.get("/probes").text
    assert f"{probe}/judge" in listed
    judging = emma.get(f"{probe}/judge").text
    for part in ("40 × 40 pixels", "squared grey levels", "of 255 on average"):
        assert part in judging
    for never in ("25-", "bag", "1204", "Rita"):  # failure F9: the story biases
        assert never not in judging
        assert never not in listed
    assert emma.get(f"{probe}/picture").content == data
    assert judged(emma, probe).headers["location"] == "/probes?done=probe-judged"
    assert "clear enough" in rita.get(probe).text
    assert emma.get(f"{probe}/judge").status_code == 403  # nobody looks for no reason
    assert emma.get(f"{probe}/picture").status_code == 403
    assert probe not in emma.get("/probes").text


def test_every_edit_made_here_is_a_step(rita: Visitor, emma: Visitor) -> None:
    probe = uploaded(rita, opened_anew(rita))
    judged(emma, probe)
    assert set(PARAMETERS) == MADE_HERE
    values = {"crop": {"left": 2, "top": 3, "width": 30, "height": 31}, "turn": {"quarters": 1},
              "brightness": {"percent": 150}, "contrast": {"percent": 80}, "grey": {}}  # fmt: skip
    for operation, parameters in values.items():
        before = re.search(r"from=([0-9a-f]{64})", rita.get(f"{probe}/edit").text)
        assert before
        form = rita.get(f"{probe}/edit", params={"operation": operation, "from": before[1]})
        given = fields_of(form.text)
        assert given["before"] == before[1]
        answer = rita.post(f"{probe}/edit", {
            "operation": operation, "before": given["before"], "reason": f"why {operation} so",
            **{name: str(value) for name, value in parameters.items()},
        })  # fmt: skip
        assert answer.status_code == 303, answer.text
    page = rita.get(probe).text
    for n, operation in enumerate(values, 1):
        assert f"Step {n}: {operation}" in page
        assert f"why {operation} so" in page
    assert "left = 2, top = 3, width = 30, height = 31" in page
    assert "31 × 30 pixels" in page  # cropped, then turned
    assert "waits for an examiner" in page  # the judgement was of another picture


def test_an_edit_made_elsewhere_is_added_with_its_picture(rita: Visitor) -> None:
    probe = uploaded(rita, opened_anew(rita))
    before = rita.get(f"{probe}/edited").text
    original = re.search(r'<option value="([0-9a-f]{64})" selected', before)
    assert original
    fields = {"before": original[1], "operation": "fill-in",
              "parameters": "radius = 7\nmode=soft",
              "tool": "Retouch " + HOSTILE, "tool_version": "9", "reason": "scratch"}  # fmt: skip
    file = {"file": ("x.png", picture(seed=2), "image/png")}
    wrong = rita.post(f"{probe}/edited", {**fields, "parameters": "radius"}, files=file)
    assert wrong.status_code == 422
    assert "name = value" in wrong.text
    assert HOSTILE not in wrong.text
    assert html.escape(HOSTILE) in wrong.text
    assert rita.post(f"{probe}/edited", fields, files=file).status_code == 303
    page = rita.get(probe).text
    assert "changes the face" in page
    assert "radius = 7, mode = soft" in page
    assert HOSTILE not in page
    again = rita.post(f"{probe}/edited", fields, files=file)
    assert again.status_code == 409
    none = {**fields, "before": "0" * 64}
    other = {"file": ("x.png", picture(seed=3), "image/png")}
    assert rita.post(f"{probe}/edited", none, files=other).status_code == 409


@pytest.mark.parametrize("sort", ["sketch", "composite", "look-alike", "generated"])
def test_f4_what_is_no_photograph_of_the_person_is_refused_with_reasons(
    rita: Visitor, sort: str
) -> None:
    case = opened_anew(rita)
    answer = rita.post(f"{case}/probes/new", {**PROBE, "sort": sort},
                       files={"file": ("a.png", picture(), "image/png")})  # fmt: skip
    assert answer.status_code == 200
    assert "This probe is refused" in answer.text
    assert "[" in answer.text.split("<ul>")[-1]  # a citation
    page = rita.get(case).text
    assert "A probe was refused for what it is" in page
    assert "There is no probe yet." in page


def test_bad_fields_keep_what_was_typed(rita: Visitor) -> None:
    case = opened_anew(rita)
    good = {"file": ("a.png", picture(), "image/png")}
    for field, value in (
        ("sort", "painting"), ("shows", "maybe"), ("known_by", "rumour"),
        ("captured_on", "yesterday"), ("captured_on", "2027-01-01"), ("provenance", "a film"),
    ):  # fmt: skip
        given = {**PROBE, "provenance": "the long account of where it came from", field: value}
        answer = rita.post(f"{case}/probes/new", given, files=good)
        assert answer.status_code == 422, field
        assert f'href="#f-{field}"' in answer.text
        assert given["provenance"] in answer.text
    hostile = rita.post(f"{case}/probes/new", {**PROBE, "provenance": HOSTILE}, files=good)
    assert hostile.status_code == 303  # text is text
    shown = rita.get(hostile.headers["location"]).text
    assert HOSTILE not in shown
    assert html.escape(HOSTILE) in shown
    for data in (b"", b"%PDF-1.7", b"\x89PNG\r\n\x1a\n" + b"x" * 40, b"<svg onload=alert(1)>"):
        answer = rita.post(
            f"{case}/probes/new", PROBE, files={"file": ("a.png", data, "image/png")}
        )
        assert answer.status_code == 422, data
        assert "frame 1204" in answer.text
    many = {"file": ("a.png", b"\x89PNG" + bytes(20 * 2**20), "image/png")}
    assert rita.post(f"{case}/probes/new", PROBE, files=many).status_code == 422


def test_a_bomb_is_refused(rita: Visitor) -> None:
    out = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(out, "PNG")
    answer = rita.post(f"{opened_anew(rita)}/probes/new", PROBE,
                       files={"file": ("a.png", out.getvalue(), "image/png")})  # fmt: skip
    assert answer.status_code == 422
    assert "no picture we read" in answer.text


def test_what_a_browser_cannot_show_is_shown_as_png(rita: Visitor) -> None:
    data = picture(kind="TIFF")
    probe = uploaded(rita, opened_anew(rita), data)
    shown = rita.get(f"{probe}/images/{hashlib.sha256(data).hexdigest()}")
    assert shown.headers["content-type"] == "image/png"
    ours, theirs = Image.open(io.BytesIO(shown.content)), Image.open(io.BytesIO(data))
    assert list(ours.get_flattened_data()) == list(theirs.get_flattened_data())


def test_jpeg_and_webp_have_their_own_type(rita: Visitor) -> None:
    case = opened_anew(rita)
    for kind in ("JPEG", "WEBP"):
        data = picture(kind=kind)
        probe = uploaded(rita, case, data)
        shown = rita.get(f"{probe}/images/{hashlib.sha256(data).hexdigest()}")
        assert shown.headers["content-type"] == f"image/{kind.lower()}"
        assert shown.content == data


def test_a_judgement_and_its_reason_go_together(rita: Visitor, emma: Visitor) -> None:
    probe = uploaded(rita, opened_anew(rita))
    wrong = judged(emma, probe, "yes", "too-dark")
    assert wrong.status_code == 422
    assert 'value="too-dark" selected' in wrong.text
    image = fields_of(emma.get(f"{probe}/judge").text)["image"]
    for fields in ({"image": image, "suitable": "maybe", "reason": "too-dark"},
                   {"image": image, "suitable": "no", "reason": HOSTILE},
                   {"image": "x", "suitable": "no", "reason": "other"}):  # fmt: skip
        answer = emma.post(f"{probe}/judge", fields)
        assert answer.status_code == 422
        assert HOSTILE not in answer.text
    late = emma.post(f"{probe}/judge", {"image": "0" * 64, "suitable": "no", "reason": "other"})
    assert late.status_code == 409
    assert judged(emma, probe, "no", "too-dark").status_code == 303
    assert "too dark" in rita.get(probe).text


def test_a_black_picture_is_never_suitable(rita: Visitor, emma: Visitor) -> None:
    probe = uploaded(rita, opened_anew(rita), picture(0))
    assert "no search can be made with it" in emma.get(f"{probe}/judge").text
    assert judged(emma, probe).status_code == 409
    assert judged(emma, probe, "no", "too-dark").status_code == 303


def test_another_s_probe_is_the_same_as_none(site: Site, rita: Visitor) -> None:
    data = picture()
    case = opened_anew(rita)
    probe, none = uploaded(rita, case, data), "/probes/" + "0" * 32
    sha = hashlib.sha256(data).hexdigest()
    rolf = site.joined("Rolf Roe", Role.REQUESTER, Role.EXAMINER)
    edit = {"operation": "grey", "before": sha, "reason": "to see"}
    for way in ("", f"/images/{sha}", "/edit", "/edited"):
        theirs, nothing = rolf.get(probe + way), rolf.get(none + way)
        assert theirs.status_code == nothing.status_code == 403, way
        assert theirs.text == nothing.text
    theirs, nothing = rolf.post(f"{probe}/edit", edit), rolf.post(f"{none}/edit", edit)
    assert theirs.status_code == nothing.status_code == 403
    assert theirs.text == nothing.text
    for path in (case, "/cases/" + "0" * 32):
        answer = rolf.post(f"{path}/probes/new", PROBE,
                           files={"file": ("a.png", data, "image/png")})  # fmt: skip
        assert answer.status_code == 403
    assert rita.get(f"{probe}/images/{'0' * 64}").status_code == 409
    assert rita.get(f"{probe}/images/..%2f..%2fetc%2fpasswd").status_code == 404


def test_nobody_judges_their_own_and_no_other_role_judges(site: Site) -> None:
    both = site.joined("Bo Both", Role.REQUESTER, Role.EXAMINER)
    probe = uploaded(both, opened_anew(both))
    for way in ("/judge", "/picture"):
        assert both.get(probe + way).status_code == 403
    assert probe not in both.get("/probes").text
    sha = hashlib.sha256(picture()).hexdigest()
    assert both.post(
        f"{probe}/judge", {"image": sha, "suitable": "yes", "reason": "clear-enough"}
    ).status_code == 403  # fmt: skip
    for role in (Role.APPROVER, Role.AUDITOR, Role.ADMINISTRATOR):
        other = site.joined(f"A {role.value}", role, train=False)
        for way in ("/probes", f"{probe}/judge", f"{probe}/picture", f"{probe}/edit"):
            assert other.get(way).status_code == 403
        can_read = role is not Role.ADMINISTRATOR
        assert other.get(probe).status_code == (200 if can_read else 403)
        assert ("Make an edit" in other.get(probe).text) is False


def test_a_closed_case_takes_no_probe_and_no_edit(rita: Visitor) -> None:
    case = opened_anew(rita)
    probe = uploaded(rita, case)
    rita.post(f"{case}/move", {"to": "closed", "grounds": "done with"})
    answer = rita.post(f"{case}/probes/new", PROBE,
                       files={"file": ("a.png", picture(), "image/png")})  # fmt: skip
    assert answer.status_code == 409
    sha = hashlib.sha256(picture()).hexdigest()
    edit = {"operation": "grey", "before": sha, "reason": "to see"}
    assert rita.post(f"{probe}/edit", edit).status_code == 409
    assert "Make an edit" not in rita.get(probe).text
