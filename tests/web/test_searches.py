"""Pages of searches: made once, sealed before anything is shown, opened when witnesses signed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from casepages import CASE, Cast, another, shared
from reviewkit import LocalPublisher
from webkit import Site

from countenance.core import IntegrityError
from countenance.desk.audits import AcceptedAudit, WithdrawnFor, withdraw_audit
from countenance.desk.roles import Role
from countenance.desk.wiring import GallerySearcher
from countenance.record import QuorumError

RUN = "search.run"


@pytest.fixture(scope="module")
def everybody(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cast]:
    with shared(tmp_path_factory.mktemp("site")) as made:
        yield made


@pytest.fixture
def cast(everybody: Cast) -> Cast:
    return everybody.fresh()


def approved(cast: Cast) -> str:
    path = cast.submitted()
    assert cast.approved(path).status_code == 303
    return path


@pytest.fixture
def request_path(cast: Cast) -> str:
    return approved(cast)


def away(monkeypatch: pytest.MonkeyPatch) -> None:
    def cover(*_: object) -> int:
        raise QuorumError("too few witnesses cosigned", outcomes=(), note=b"")

    monkeypatch.setattr(LocalPublisher, "cover", cover)


def test_without_enough_witnesses_nothing_is_shown(
    cast: Cast, request_path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as gone:
        away(gone)
        answer = cast.rita.post(f"{request_path}/search", confirm=RUN)
        assert answer.status_code == 503
        assert "The list is sealed, and waits for witnesses" in answer.text
        for page in (answer.text, cast.rita.get(f"{request_path}/search").text,
                     cast.rita.get(cast.case).text, cast.ulf.get(cast.case).text):  # fmt: skip
            assert not re.search(
                r"list with|candidates?: \d|class=\"n\">\d+</td><td>nothing", page
            )
        assert "not shown yet" in cast.rita.get(cast.case).text
        assert "Finish a search" in cast.rita.get("/tasks").text
        again = cast.rita.post(f"{request_path}/search/open")
        assert again.status_code == 503
        assert "Ask the witnesses again" in again.text
    done = cast.rita.post(f"{request_path}/search/open")  # without the passkey: it was confirmed
    assert done.status_code == 303
    assert "There is a list with" in cast.rita.get(f"{request_path}/search").text


def test_it_is_searched_once(cast: Cast, request_path: str) -> None:
    assert cast.rita.post(f"{request_path}/search").status_code == 403  # no passkey
    assert "Search now" in cast.rita.get(request_path).text
    assert cast.rita.get(f"{request_path}/search").headers["location"] == request_path
    assert cast.rita.post(f"{request_path}/search", confirm=RUN).status_code == 303
    log = cast.site.deployment.log.size
    again = cast.rita.post(f"{request_path}/search", confirm=RUN)
    assert again.status_code == 303  # what is done stays done
    assert cast.site.deployment.log.size == log + 1  # the passkey's confirmation alone
    assert cast.rita.post(f"{request_path}/search/open").status_code == 303
    page = cast.rita.get(request_path).text
    assert "Search now" not in page
    assert "See where the search stands" in page


def test_an_interrupted_search_goes_on(
    cast: Cast, request_path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise IntegrityError("the gallery's file has other bytes")

    with monkeypatch.context() as failing:
        failing.setattr(GallerySearcher, "search", broken)
        answer = cast.rita.post(f"{request_path}/search", confirm=RUN)
        assert answer.status_code == 503
        assert "other bytes" not in answer.text  # the house's to mend, not told
    page = cast.rita.get(f"{request_path}/search").text
    assert "is not finished" in page
    assert "Go on with the search" in page
    assert cast.rita.post(f"{request_path}/search/open").status_code == 409
    assert cast.rita.post(f"{request_path}/search", confirm=RUN).status_code == 303
    assert (
        "Given up" in cast.rita.get(cast.case).text or "given up" in cast.rita.get(cast.case).text
    )


def test_f19_no_audit_no_search(site: Site) -> None:
    cast = Cast.at(site).with_probe()
    request_path = approved(cast)
    site.clock.move(hours=20)
    with site.desk.store.reading() as db:
        (audit,) = db.query(AcceptedAudit.id).all()[0]
    assert cast.ulf.person is not None
    withdraw_audit(
        site.desk, cast.ulf.person.sign_in().to("audit.withdraw"), audit,
        reason=WithdrawnFor.ERROR_FOUND, grounds="the test set held people twice",
    )  # fmt: skip
    cast.rita.sign_in()
    answer = cast.rita.post(f"{request_path}/search", confirm=RUN)
    assert answer.headers["location"] == f"{request_path}?done=search-refused"
    page = cast.rita.get(answer.headers["location"]).text
    assert "The law refuses the search now" in page
    assert "Refused, by the rules of" in page
    assert "audit" in page.partition("Refused, by the rules")[2].partition("</section>")[0]
    assert cast.rita.post(f"{request_path}/search", confirm=RUN).status_code == 409


def test_what_changed_after_the_approval_is_void(cast: Cast, request_path: str) -> None:
    cast.rita.post(f"{cast.case}/amend", {**CASE, "narrative": another(), "version": "1"})
    answer = cast.rita.post(f"{request_path}/search", confirm=RUN)
    assert answer.status_code == 200
    assert "The request is void" in answer.text
    assert cast.rita.post(f"{request_path}/search", confirm=RUN).status_code == 409


def test_an_approval_is_for_a_time(site: Site) -> None:
    cast = Cast.at(site).with_probe()
    request_path = approved(cast)
    site.clock.move(hours=25)
    cast.rita.sign_in()
    assert "The time for the search was over" in cast.rita.get(request_path).text
    answer = cast.rita.post(f"{request_path}/search", confirm=RUN)
    assert "The request is lapsed" in answer.text


def test_an_empty_list_is_a_result(
    cast: Cast, request_path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = GallerySearcher.search
    monkeypatch.setattr(
        GallerySearcher, "search", lambda *given: replace(search(*given), candidates=())
    )
    assert cast.rita.post(f"{request_path}/search", confirm=RUN).status_code == 303
    page = cast.rita.get(f"{request_path}/search").text
    assert "The list is empty. That, too, is a result" in page
    assert "nothing to examine" in cast.rita.get(cast.case).text


def test_only_whoever_asked_searches_and_looks(cast: Cast, request_path: str) -> None:
    site = cast.site
    rolf = site.joined("Rolf Roe", Role.REQUESTER)
    none = "/requests/" + "0" * 32
    for way in ("/search", "/search/open"):
        theirs = rolf.post(request_path + way, confirm=RUN)
        nothing = rolf.post(none + way, confirm=RUN)
        assert theirs.status_code == nothing.status_code == 403
        assert theirs.text == nothing.text
    theirs, nothing = rolf.get(f"{request_path}/search"), rolf.get(f"{none}/search")
    assert theirs.status_code == nothing.status_code == 403
    assert theirs.text == nothing.text
    for other in (cast.app, cast.emma, cast.ulf, site.administrator()):
        assert other.get(f"{request_path}/search").status_code == 403
        assert other.post(f"{request_path}/search").status_code == 403
        assert other.post(f"{request_path}/search/open").status_code == 403
    both = site.joined("Bo Both", Role.REQUESTER, Role.APPROVER)  # may read, may not search
    assert both.get(request_path).status_code == 200
    assert "Search now" not in both.get(request_path).text
    assert both.get(f"{request_path}/search").status_code == 403
    assert both.post(f"{request_path}/search", confirm=RUN).status_code == 403
    assert "Search now" in cast.rita.get(request_path).text


def test_before_an_approval_there_is_nothing_to_search(cast: Cast) -> None:
    path = cast.submitted()
    answer = cast.rita.post(f"{path}/search", confirm=RUN)
    assert answer.status_code == 409
    assert "The request is pending" in answer.text
    assert "No search was made" in cast.rita.get(cast.case).text
