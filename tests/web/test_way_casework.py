"""From a case to an open list, through the pages alone."""

from __future__ import annotations

import re

from casepages import CASE, PROBE, Cast, hidden_of, judged, request_fields
from webkit import Site, fields_of


def test_the_way_of_a_case_through_its_pages(site: Site) -> None:
    cast = Cast.at(site)
    rita = cast.rita
    assert "Nothing waits for you" in rita.get("/tasks").text

    answer = rita.post("/cases/new", CASE)
    case = answer.headers["location"].partition("?")[0]
    picture = (site.folder / "in" / "batch" / "24.png").read_bytes()
    answer = rita.post(f"{case}/probes/new", PROBE,
                       files={"file": ("frame.png", picture, "image/png")})  # fmt: skip
    probe = answer.headers["location"].partition("?")[0]

    assert f"{probe}/judge" in cast.emma.get("/tasks").text
    assert judged(cast.emma, probe).status_code == 303

    empty = rita.get(f"{case}/requests/new")
    assert empty.status_code == 200
    assert "so refused, by the rules of 2026-11-23" in empty.text
    assert "rules turn on what is not known yet" in empty.text
    fields = request_fields(probe)
    half = {name: value for name, value in fields.items() if "." not in name}
    shown = rita.post(f"{case}/requests/new", half)
    assert shown.status_code == 200
    assert "Go on to submit" in shown.text
    shown = rita.post(f"{case}/requests/new", fields)
    assert "Nothing but a second person's approval is missing" in shown.text
    assert 'value="W-77"' in shown.text  # what was typed stays
    review = rita.post(f"{case}/requests/review", fields)
    assert review.status_code == 200
    assert 'data-confirm="request.submit"' in review.text
    sent = hidden_of(review.text, 'data-confirm="request.submit"')
    answer = rita.post(f"{case}/requests/submit", sent, confirm="request.submit")
    assert answer.status_code == 303, answer.text
    request = answer.headers["location"].partition("?")[0]
    page = rita.get(answer.headers["location"]).text
    assert "The request is frozen and waits for a second person." in page
    assert "Search now" not in page
    assert "Nothing to do" in rita.get("/tasks").text

    identity = request.rpartition("/")[2]
    assert f"/approvals/{identity}" in cast.app.get("/tasks").text
    assert f"/approvals/{identity}" in cast.app.get("/approvals").text
    assert cast.approved(request).status_code == 303
    assert "No request waits for you" in cast.app.get("/approvals").text

    page = rita.get(request).text
    assert "Search now" in page
    assert "Ann Prove approved exactly this" in page
    assert f'href="{request}"' in rita.get("/tasks").text
    answer = rita.post(f"{request}/search", confirm="search.run")
    assert answer.status_code == 303, answer.text
    page = rita.get(answer.headers["location"]).text
    assert re.search(r"There is a list with \d+ candidates?\.", page)
    assert "Two examiners look at it now" in page
    file = rita.get(case).text
    assert "A sealed list was published with its witnesses and may be examined" in file
    assert "By Ann Prove" in file
    assert 'candidates, being examined</td><td class="n">1' in rita.get("/tasks").text
    assert fields_of(page).keys() <= {"token"}  # nothing is left to do here
