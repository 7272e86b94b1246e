"""Accounts in a browser: codes shown once, what takes two, and who may only read."""

from __future__ import annotations

import html
import re

import pytest
from authenticator import Authenticator
from clockkit import MovingClock
from people import Person, entries
from webkit import Site, Visitor

from countenance.desk.roles import Role

CODE = re.compile(r'<p class="code">([0-9A-Z-]+)</p>')
GROUNDS = "the badge was handed in <script>alert(1)</script>"
NOBODY = "0" * 32


def account_of(visitor: Visitor) -> str:
    assert visitor.person is not None
    return visitor.person.account


def second_administrator(site: Site, admin: Visitor) -> Visitor:
    """Invited by the first one alone, as nobody else administers."""
    made = admin.post("/accounts/invite", {"name": "Bo Second", "roles": "administrator"},
                      confirm="account.invite")  # fmt: skip
    return join(site, "Bo Second", made.text)


def join(site: Site, name: str, page: str, *, device: Authenticator | None = None) -> Visitor:
    found = CODE.search(page)
    assert found, page
    person = Person(site.desk, name, device=device or Authenticator())
    person.join(found[1])
    return Visitor(site.app, person).sign_in()


def test_a_code_is_shown_once_and_never_in_an_address(site: Site) -> None:
    admin = site.administrator()
    assert "Your passkey is asked for" in admin.get("/accounts/invite").text
    made = admin.post("/accounts/invite", {"name": "Rita Ray", "roles": ["requester", "examiner"]},
                      confirm="account.invite")  # fmt: skip
    assert made.status_code == 200
    assert made.headers["cache-control"] == "no-store"
    code = CODE.search(made.text)
    assert code
    assert "location" not in made.headers
    assert code[1] not in admin.get("/accounts").text
    again = admin.post("/accounts/invite", {"name": "Rita Ray", "roles": ["requester"]})
    assert again.status_code == 403  # the form of a page that is loaded again: no passkey
    assert not CODE.search(again.text)
    confirmed = admin.post("/accounts/invite", {"name": "Rita Ray", "roles": ["requester"]},
                           confirm="account.invite")  # fmt: skip
    assert confirmed.status_code == 409
    assert "an invitation under this name is open" in confirmed.text.lower()
    assert 'value="Rita Ray"' in confirmed.text
    rita = join(site, "Rita Ray", made.text)
    shown = admin.get(f"/accounts/{account_of(rita)}").text
    assert "examiner, requester" in shown
    assert "No training is recorded" in shown


def test_an_invitation_can_be_withdrawn(site: Site, clock: MovingClock) -> None:
    admin = site.administrator()
    made = admin.post("/accounts/invite", {"name": "Rita Ray", "roles": "requester"},
                      confirm="account.invite")  # fmt: skip
    code = CODE.search(made.text)
    assert code
    found = re.search(
        r"/accounts/invitations/([0-9a-f]{32})/withdraw", admin.get("/accounts").text
    )
    assert found
    done = admin.post(found[0], confirm="account.invite")
    assert done.status_code == 303
    page = admin.get(done.headers["location"]).text
    assert "its code is void" in page
    assert "Rita Ray" not in page
    begun = site.public().call("/passkey/join/begin", {"code": code[1]})
    assert begun.status_code == 403
    assert admin.post(found[0], confirm="account.invite").status_code == 409
    clock.move(minutes=1)


def test_a_bad_invitation_is_shown_again_with_what_was_typed(site: Site) -> None:
    admin, script = site.administrator(), "<script>alert(1)</script>"
    wrong: list[tuple[str, list[str], str]] = [
        ("", ["requester"], "name"), (f"{script}\x00", ["requester"], "name"),
        (script, ["requester", "auditor"], "roles"), (script, [], "roles"),
        (script, ["root"], "roles"),
    ]  # fmt: skip
    for name, roles, where in wrong:
        answer = admin.post("/accounts/invite", {"name": name, "roles": roles},
                            confirm="account.invite")  # fmt: skip
        assert answer.status_code == 422
        assert f'href="#f-{where}"' in answer.text
        assert script not in answer.text
        if name == script:
            assert html.escape(name) in answer.text


def test_a_name_is_shown_as_text_wherever_it_stands(site: Site) -> None:
    admin = site.administrator()
    name = '<script>alert("x")</script>'
    made = admin.post("/accounts/invite", {"name": name, "roles": "requester"},
                      confirm="account.invite")  # fmt: skip
    for page in (made.text, admin.get("/accounts").text):
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert" in page
    them = join(site, name, made.text)
    for path in ("", "/roles", "/training", "/suspend", "/close", "/replace"):
        page = admin.get(f"/accounts/{account_of(them)}{path}")
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert "&lt;script&gt;alert" in page.text


def test_a_second_administrator_is_invited_alone_and_a_third_by_two(site: Site) -> None:
    admin = site.administrator()
    assert "You are the only administrator" in admin.get("/accounts/invite").text
    bo = second_administrator(site, admin)
    assert "You are the only administrator" not in admin.get("/accounts/invite").text
    no_reason = admin.post("/accounts/invite", {"name": "Cy Third", "roles": "administrator"},
                           confirm="account.invite")  # fmt: skip
    assert no_reason.status_code == 422
    assert 'href="#f-grounds"' in no_reason.text
    asked = admin.post(
        "/accounts/invite",
        {"name": "Cy Third", "roles": "administrator", "grounds": GROUNDS},
        confirm="account.invite",
    )  # fmt: skip
    assert asked.status_code == 303
    found = re.search(r"/accounts/requests/[0-9a-f]{32}", admin.get("/accounts").text)
    assert found
    own = admin.get(found[0]).text
    assert "you cannot confirm it" in own
    assert "&lt;script&gt;alert(1)" in own
    assert admin.post(f"{found[0]}/confirm", confirm="account.confirm").status_code == 403
    assert bo.post(f"{found[0]}/confirm").status_code == 403  # no passkey
    done = bo.post(f"{found[0]}/confirm", confirm="account.confirm")
    assert done.status_code == 200
    assert join(site, "Cy Third", done.text).get("/accounts").status_code == 200
    assert bo.post(f"{found[0]}/confirm", confirm="account.confirm").status_code == 409
    assert bo.get(found[0]).status_code == 409


def test_a_joint_request_is_refused_or_withdrawn(site: Site, clock: MovingClock) -> None:
    admin = site.administrator()
    bo = second_administrator(site, admin)
    rita = site.joined("Rita Ray", Role.REQUESTER)
    uma = site.joined("Uma Upp", Role.AUDITOR, train=False)
    assert "There is none yet." in uma.get("/accounts/requests/ended").text
    for who, way, says in ((bo, "refuse", "Refuse"), (admin, "withdraw", "Withdraw it")):
        admin.post(f"/accounts/{account_of(rita)}/replace", {"grounds": GROUNDS},
                   confirm="account.replace-passkey")  # fmt: skip
        page = admin.get(f"/accounts/{account_of(rita)}").text
        found = re.search(r"/accounts/requests/[0-9a-f]{32}", page)
        assert found
        assert says in who.get(found[0]).text
        if way == "withdraw":
            assert f"{found[0]}/withdraw" not in bo.get(found[0]).text
            for other in (bo, uma):
                assert other.post(f"{found[0]}/withdraw").status_code == 403
        else:
            who.confirm("account.confirm")
        done = who.post(f"{found[0]}/{way}")
        clock.move(minutes=1)
        assert done.status_code == 303
        assert found[0] not in admin.get("/accounts").text
        assert who.post(f"{found[0]}/{way}", confirm="account.confirm").status_code == 409
    states = [each.public["state"] for each in entries(site.deployment.log, "two-administrators")]
    assert states == ["open", "refused", "open", "withdrawn"]
    assert "/accounts/requests/ended" in uma.get("/accounts").text
    for who in (uma, admin):
        page = who.get("/accounts/requests/ended").text
        cells = re.findall(r'<td>Rita Ray</td><td><span class="state[^"]*">(\w+)', page)
        assert cells == ["withdrawn", "refused"]
        assert page.count("<td>new passkey</td>") == 2
        assert "<script>alert" not in page
    assert rita.get("/accounts/requests/ended").status_code == 403


def test_the_list_of_what_took_two_goes_on(
    site: Site, clock: MovingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("countenance.web.pages.jointrequests.A_PAGE", 1)
    admin = site.administrator()
    second_administrator(site, admin)
    rita = account_of(site.joined("Rita Ray", Role.REQUESTER))
    seen = []
    for n in range(3):
        admin.post(f"/accounts/{rita}/replace", {"grounds": f"{GROUNDS} {n}"},
                   confirm="account.replace-passkey")  # fmt: skip
        found = re.search(r"/accounts/requests/[0-9a-f]{32}", admin.get(f"/accounts/{rita}").text)
        assert found
        admin.post(f"{found[0]}/withdraw")
        clock.move(minutes=1)
    path = "/accounts/requests/ended"
    for _ in range(3):
        page = admin.get(path).text
        seen += re.findall(rf"{re.escape(html.escape(GROUNDS))} (\d)", page)
        more = re.search(r'href="(/accounts/requests/ended\?after=[0-9a-f]{32})"', page)
        path = more[1] if more else ""
    assert seen == ["2", "1", "0"]
    assert not path
    assert admin.get("/accounts/requests/ended?after=nothing").status_code == 200


def test_a_lost_device_is_replaced_by_two(site: Site) -> None:
    admin = site.administrator()
    bo = second_administrator(site, admin)
    rita = site.joined("Rita Ray", Role.REQUESTER)
    path = f"/accounts/{account_of(rita)}"
    asked = admin.post(f"{path}/replace", {"grounds": GROUNDS}, confirm="account.replace-passkey")
    assert asked.headers["location"].endswith("?done=asked")
    found = re.search(r"/accounts/requests/[0-9a-f]{32}", admin.get(path).text)
    assert found
    assert "a code for Rita Ray is shown on your screen" in bo.get(found[0]).text
    done = bo.post(f"{found[0]}/confirm", confirm="account.confirm")
    assert "The code for Rita Ray" in done.text
    assert rita.get("/account").status_code == 303  # the old passkey's session is over
    again = join(site, "Rita Ray", done.text)
    assert again.get("/account").status_code == 200
    assert account_of(again) == account_of(rita)


def test_suspend_restore_and_close(site: Site) -> None:
    admin = site.administrator()
    rita = site.joined("Rita Ray", Role.REQUESTER)
    path = f"/accounts/{account_of(rita)}"
    short = admin.post(f"{path}/suspend", {"grounds": "<b>no"}, confirm="account.suspend")
    assert short.status_code == 422
    assert "&lt;b&gt;no</textarea>" in short.text
    done = admin.post(f"{path}/suspend", {"grounds": GROUNDS}, confirm="account.suspend")
    assert done.status_code == 303
    assert rita.get("/account").status_code == 303
    twice = admin.post(f"{path}/suspend", {"grounds": GROUNDS}, confirm="account.suspend")
    assert twice.status_code == 409
    assert "&lt;script&gt;alert(1)" in twice.text
    assert f"{path}/restore" in admin.get(path).text
    assert admin.post(f"{path}/restore", {"grounds": GROUNDS},
                      confirm="account.suspend").status_code == 303  # fmt: skip
    assert rita.sign_in().get("/account").status_code == 200
    assert admin.post(f"{path}/close", {"grounds": GROUNDS},
                      confirm="account.close").status_code == 303  # fmt: skip
    closed = admin.get(path).text
    assert "closed" in closed
    assert f"{path}/roles" not in closed


def test_an_administrator_is_closed_and_unmade_by_two(site: Site) -> None:
    admin = site.administrator()
    bo = second_administrator(site, admin)
    path = f"/accounts/{account_of(bo)}"
    assert "another administrator has to confirm" in admin.get(f"{path}/close").text
    done = admin.post(f"{path}/close", {"grounds": GROUNDS}, confirm="account.close")
    assert done.headers["location"] == f"{path}?done=asked"
    assert bo.get("/account").status_code == 200
    found = re.search(r"/accounts/requests/[0-9a-f]{32}", bo.get(path).text)
    assert found
    assert "It concerns you" in bo.get(found[0]).text
    assert bo.post(f"{found[0]}/confirm", confirm="account.confirm").status_code == 403
    unmade = admin.post(
        f"{path}/roles",
        {"had": "administrator", "roles": "requester", "grounds": GROUNDS},
        confirm="account.roles",
    )  # fmt: skip
    assert unmade.headers["location"] == f"{path}?done=asked"
    assert "administrator" in admin.get(path).text


def test_roles_change_only_from_those_that_were_shown(site: Site) -> None:
    admin = site.administrator()
    rita = site.joined("Rita Ray", Role.REQUESTER)
    path = f"/accounts/{account_of(rita)}/roles"
    page = admin.get(path).text
    assert '<input type="hidden" name="had" value="requester">' in page
    assert re.search(r'name="roles" value="requester" checked', page)
    stale = admin.post(path, {"had": "examiner", "roles": "approver"}, confirm="account.roles")
    assert stale.status_code == 409
    assert re.search(r'name="roles" value="approver" checked', stale.text)
    assert '<input type="hidden" name="had" value="requester">' in stale.text
    done = admin.post(path, {"had": "requester", "roles": ["requester", "approver"]},
                      confirm="account.roles")  # fmt: skip
    assert done.status_code == 303
    assert rita.get("/account").status_code == 303
    assert "approver, requester" in admin.get(f"/accounts/{account_of(rita)}").text


def test_training_is_recorded_and_withdrawn(site: Site, clock: MovingClock) -> None:
    admin = site.administrator()
    rita = site.joined("Rita Ray", Role.REQUESTER, train=False)
    path = f"/accounts/{account_of(rita)}"
    typed = {"kind": "requester", "until": "2027-01-31", "evidence": GROUNDS}
    past = admin.post(f"{path}/training", {**typed, "until": "2026-11-22"},
                      confirm="account.training")  # fmt: skip
    assert past.status_code == 422
    assert 'href="#f-until"' in past.text
    assert "&lt;script&gt;alert(1)" in past.text
    for wrong in ({"kind": "driving"}, {"until": "31.1.2027"}, {"evidence": "no"}):
        answer = admin.post(f"{path}/training", {**typed, **wrong}, confirm="account.training")
        assert answer.status_code == 422
        assert f'href="#f-{next(iter(wrong))}"' in answer.text
    assert admin.post(f"{path}/training", typed, confirm="account.training").status_code == 303
    page = admin.get(path).text
    assert "2027-01-31 23:59 UTC" in page
    assert "<script>alert" not in page
    clock.move(hours=1)
    admin.sign_in()
    found = re.search(rf"{path}/training/(\d+)/withdraw", page)
    assert found
    other = f"/accounts/{account_of(site.administrator())}/training/{found[1]}/withdraw"
    assert admin.get(other).status_code == 403  # not this account's
    assert admin.post(other, {"grounds": GROUNDS}, confirm="account.training").status_code == 403
    done = admin.post(found[0], {"grounds": GROUNDS}, confirm="account.training")
    assert done.status_code == 303
    assert "withdrawn" in admin.get(path).text
    assert admin.post(found[0], {"grounds": GROUNDS},
                      confirm="account.training").status_code == 409  # fmt: skip


def test_a_passkey_is_revoked(site: Site) -> None:
    admin = site.administrator()
    rita = site.joined("Rita Ray", Role.REQUESTER)
    path = f"/accounts/{account_of(rita)}"
    found = re.search(rf"{path}/passkeys/[0-9a-f]{{32}}/revoke", admin.get(path).text)
    assert found
    mixed = found[0].replace(account_of(rita), account_of(admin))
    assert admin.get(mixed).status_code == 403
    nothing = admin.get(found[0].replace(account_of(rita), NOBODY))
    assert nothing.status_code == 403
    done = admin.post(found[0], {"grounds": GROUNDS}, confirm="account.revoke-passkey")
    assert done.status_code == 303
    assert rita.get("/account").status_code == 303
    assert "revoked" in admin.get(path).text
    assert found[0] not in admin.get(path).text


def test_nobody_changes_their_own_account(site: Site) -> None:
    admin = site.administrator()
    path = f"/accounts/{account_of(admin)}"
    page = admin.get(path).text
    assert "nobody changes their own" in page
    for part in ("roles", "training", "suspend", "close"):
        assert f"{path}/{part}" not in page
    answer = admin.post(f"{path}/suspend", {"grounds": GROUNDS}, confirm="account.suspend")
    assert answer.status_code == 403


def test_an_auditor_reads_and_changes_nothing(site: Site) -> None:
    admin = site.administrator()
    rita = site.joined("Rita Ray", Role.REQUESTER)
    auditor = site.joined("Ulf Aud", Role.AUDITOR, train=False)
    admin.sign_in()
    admin.post("/accounts/invite", {"name": "Sam New", "roles": "requester"},
               confirm="account.invite")  # fmt: skip
    listed = auditor.get("/accounts")
    assert listed.status_code == 200
    assert "Sam New" in listed.text
    assert "Invite somebody" not in listed.text
    assert "/withdraw" not in listed.text
    path = f"/accounts/{account_of(rita)}"
    page = auditor.get(path)
    assert page.status_code == 200
    for part in ("/roles", "/training", "/suspend", "/close", "/replace", "/revoke", "/withdraw"):
        assert f'{part}"' not in page.text
        assert auditor.get(path + part).status_code in (403, 404)
    assert auditor.get("/accounts/invite").status_code == 403
    answer = auditor.post(f"{path}/suspend", {"grounds": GROUNDS})
    assert answer.status_code == 403


def test_others_see_no_accounts(site: Site) -> None:
    for role in (Role.REQUESTER, Role.APPROVER, Role.EXAMINER):
        visitor = site.joined(f"The {role}", role, train=False)
        there, not_there = account_of(visitor), NOBODY
        pages = [visitor.get(f"/accounts/{one}") for one in (there, not_there)]
        assert [page.status_code for page in pages] == [403, 403]
        assert pages[0].content == pages[1].content
        assert visitor.get("/accounts").status_code == 403
        assert visitor.get(f"/accounts/requests/{not_there}").status_code == 403


def test_an_account_that_does_not_exist_is_not_told_apart_by_its_address(site: Site) -> None:
    admin = site.administrator()
    assert admin.get(f"/accounts/{NOBODY}").status_code == 403
    assert admin.get("/accounts/no-id").status_code == 404
    assert admin.post(f"/accounts/{NOBODY}/suspend", {"grounds": GROUNDS},
                      confirm="account.suspend").status_code == 403  # fmt: skip


def test_the_list_goes_on_where_the_page_before_ended(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("countenance.web.pages.accounts.A_PAGE", 2)
    admin = site.administrator()
    for name in ("Bea & Co", "Cid", "Dot"):
        site.joined(name, Role.REQUESTER, train=False)
    admin.sign_in()
    seen, path = [], "/accounts"
    while path:
        page = admin.get(path).text
        seen += re.findall(r'<a href="/accounts/[0-9a-f]{32}">([^<]+)</a>', page)
        found = re.search(r'href="(/accounts\?after=[^"]+)"', page)
        path = html.unescape(found[1]) if found else ""
    assert seen == ["Ada First", "Bea &amp; Co", "Cid", "Dot"]
