"""What ``desk.toml`` may say, and what a folder that is no desk is told."""

from __future__ import annotations

import contextlib
import stat
from pathlib import Path
from typing import Any

import pytest
from authenticator import MANAGED, Maker
from deskfolders import make_quick
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from countenance.cli.recordwatch import _followed as followed_logs
from countenance.core import CountenanceError, InputError
from countenance.desk.configuration import FILE, Configuration, read_configuration
from countenance.desk.making import make_deployment
from countenance.desk.parts import policy_of
from countenance.record import Policy

GOOD = """\
name = "Police of Example"
origins = ["https://desk.example"]
jurisdictions = ["us/mi/detroit"]
local-witness = "127.0.0.1:20001"
"""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    make_quick(monkeypatch)


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    folder = tmp_path / "desk"
    make_deployment(folder, name='Police of "Exämple"', jurisdictions=("us/mi/detroit",))
    return folder


def read(folder: Path, more: str = "", text: str = GOOD) -> Configuration:
    (folder / FILE).write_text(text + more)
    return read_configuration(folder)


def test_the_public_policy_says_where_the_log_is(fresh: Path) -> None:
    found = read_configuration(fresh)
    policy = Policy.parse(policy_of(found, public=True).text.encode())
    (log,) = policy.logs
    assert log.url == "http://localhost:8760/log"
    with contextlib.ExitStack() as stack:
        (followed,) = followed_logs(policy, [], stack)  # a monitor needs no other address
    assert [each.name for each in followed.places] == [log.url]
    assert [each.url for each in policy.witnesses] == [""]
    inside = policy_of(found, public=False)
    assert [each.url for each in inside.logs] == [""]
    assert [each.vkey for each in policy.logs] == [each.vkey for each in inside.logs]


def test_what_is_made_can_be_read_and_says_every_entry(fresh: Path) -> None:
    found = read_configuration(fresh)
    assert found.name == 'Police of "Exämple"'
    assert found.origins == ("http://localhost:8760",)
    assert found.party.id == "localhost"
    assert not found.synced_passkeys
    assert found.quorum == 1
    text = (fresh / FILE).read_text()
    for field in Configuration.__struct_encode_fields__:
        assert field == "folder" or field in text, f"{field} is not explained"
    docs = Path(__file__).parents[2] / "docs" / "serving.md"
    for field in Configuration.__struct_encode_fields__:
        assert field == "folder" or f"`{field}`" in docs.read_text() or f"[{field}]" in (
            docs.read_text()
        ), f"{field} is not documented"  # fmt: skip


def test_only_the_owner_can_read_what_is_made(fresh: Path) -> None:
    for path in fresh.rglob("*"):
        wanted = 0o700 if path.is_dir() else 0o600
        assert stat.S_IMODE(path.stat().st_mode) == wanted, path
    assert stat.S_IMODE(fresh.stat().st_mode) == 0o700


def test_no_key_is_in_the_configuration(fresh: Path) -> None:
    text = (fresh / FILE).read_bytes()
    for key in (fresh / "keys").iterdir():
        assert key.read_bytes().strip() not in text
        assert key.read_bytes().hex().encode() not in text


def test_a_desk_is_not_made_over_another(fresh: Path) -> None:
    before = {path: path.read_bytes() for path in fresh.rglob("*") if path.is_file()}
    with pytest.raises(InputError, match="already"):
        make_deployment(fresh)
    assert before == {path: path.read_bytes() for path in fresh.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"origin": "http://desk.example"}, "no origin"),
        ({"jurisdictions": ("Nowhere!",)}, "jurisdiction"),
        ({"database": "postgresql://ann:secret@db/desk"}, "password"),
        ({"name": "x" * 200}, "name"),
        ({"listen": "8760"}, "address"),
    ],
)
def test_what_cannot_be_leaves_the_folder_free(
    tmp_path: Path, given: dict[str, Any], match: str
) -> None:
    with pytest.raises(CountenanceError, match=match) as raised:
        make_deployment(tmp_path / "desk", **given)
    assert "secret" not in str(raised.value)
    make_deployment(tmp_path / "desk")


def test_a_folder_says_what_it_is_where_it_is_no_desk(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no desk here") as raised:
        read_configuration(tmp_path / "nothing")
    assert "serve" in str(raised.value)
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="other things"):
        make_deployment(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
    half = tmp_path / "half"
    (half / "keys").mkdir(parents=True)
    with pytest.raises(InputError, match="not finished"):
        read_configuration(half)
    (half / "desk.sqlite").write_bytes(b"")
    with pytest.raises(InputError, match=r"desk\.toml is gone"):
        read_configuration(half)
    (half / FILE).mkdir()
    with pytest.raises(InputError, match="cannot be read"):
        read_configuration(half)


def test_a_minimal_file_has_careful_defaults(tmp_path: Path) -> None:
    found = read(tmp_path)
    assert found.is_sqlite
    assert found.policy == ()
    assert not found.managed_devices
    assert found.audit_policy.most_ratio is None
    assert found.flat_facts == {}
    assert found.background


@pytest.mark.parametrize(
    ("more", "match"),
    [
        ("quorum = 0", "at least one"),
        ("quorum = 2", "quorum of 2 among 1"),
        ('quorum = "1"', "Expected `int`"),
        ("synched-passkeys = true", "synched-passkeys"),
        ('folder = "/"', "folder"),
        ('zone = "Mars/Olympus"', "time zone"),
        ('zone = "../../etc/passwd"', "time zone"),
        ('engine = "deepface"', "no engine"),
        ('policy = ["modle"]', "model"),
        ('listen = "0.0.0.0"', "address"),
        ('listen = "::1:99999"', "address"),
        ("managed-devices = true", "managed devices"),
        ("request-hours = 0", "hours"),
        ("[audit]\nmost-worst-fmr = 0.0", "policy that nothing"),
        ("[audit]\nmost-worst-fmr = nan", "policy that nothing"),
        ("[audit]\nmost-ratio = 0.5", "ratio"),
        ("[audit]\nmost-rate = 1", "most-rate"),
        ('[facts]\noffence.kinds = ["felony"]', "not for you"),
        ('[facts]\n"audit.meets-policy" = true', "not for you"),
        ("[facts]\nagency.policy-published = 7", "policy-published"),
        ("[facts]\nagency.mood = true", "not for you"),
        ('database = "mysql://db/desk"', "PostgreSQL"),
        ('database = "postgresql://u:pw@db/desk"', "password"),
        ('database = "postgresql://db/desk?password=x"', "password"),
        ('[[authenticator]]\naaguid = "me"', "no model"),
        (f'[[authenticator]]\naaguid = "{MANAGED}"\nroots = ["gone.pem"]', "cannot be read"),
        (f'[[authenticator]]\naaguid = "{MANAGED}"\nroots = ["desk.toml"]', "certificate"),
        ('[[witness]]\nname = "here"\nkey = "k"\nurl = "http://x"', "witness's name"),
        ('[[witness]]\nname = "a"\nkey = "k"\nurl = "http://x"', "key"),
        ("name = 1", "TOML"),
        ("a = [", "TOML"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, more: str, match: str) -> None:
    with pytest.raises(CountenanceError, match=match) as raised:
        read(tmp_path, more)
    assert FILE in str(raised.value.where)
    assert isinstance(raised.value, InputError)


def test_the_local_witness_can_be_left_out_only_for_another(tmp_path: Path) -> None:
    without = GOOD.replace('local-witness = "127.0.0.1:20001"\n', "")
    with pytest.raises(InputError, match="among 0"):
        read(tmp_path, text=without)
    key = "witness.example+120e58b3+BDP3mVEqXEWDiQEaTlQ76+E+2fLTh5yyD1bsvAczXS0T"
    with pytest.raises(InputError, match="key"):  # a digit of it is another
        read(tmp_path, f'[[witness]]\nname = "a"\nkey = "{key}"\nurl = "https://w"', without)


def test_managed_devices_need_models_that_their_makers_vouch_for(tmp_path: Path) -> None:
    maker = Maker()
    (tmp_path / "maker.pem").write_bytes(maker.root_pem)
    model = f'[[authenticator]]\naaguid = "{MANAGED}"\n'
    with pytest.raises(InputError, match="managed devices"):
        read(tmp_path, f"managed-devices = true\n{model}")
    found = read(tmp_path, f'managed-devices = true\n{model}roots = ["maker.pem"]\n')
    assert found.party.models == {MANAGED: (maker.root_pem,)}


def test_facts_are_by_their_dotted_names_however_they_are_written(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        '[facts]\n"agency.kind" = "sheriff"\nagency.policy-published = true\n'
        "[facts.notice]\npublic = false\n",
    )
    assert found.flat_facts == {
        "agency.kind": "sheriff", "agency.policy-published": True, "notice.public": False,
    }  # fmt: skip


@given(text=st.text(max_size=200) | st.binary(max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_bytes_are_read_or_refused_with_a_message(tmp_path: Path, text: str | bytes) -> None:
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    (tmp_path / FILE).write_bytes(data)
    with pytest.raises(InputError):
        read_configuration(tmp_path)
