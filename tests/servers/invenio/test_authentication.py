"""Tokens, anonymous callers, other users, cookies."""

import httpx

from .conftest import TLS, Another, Caller, metadata


def test_a_bad_token_reads_what_is_public_and_nothing_else(
    owner: Caller, as_somebody: Another
) -> None:
    record, draft = owner.published(), owner.draft()
    stranger = as_somebody(owner, "not-a-token")
    assert stranger.get(f"/records/{record}").status_code == 200
    assert stranger.get("/records").status_code == 200
    assert stranger.get("/user/records", params={"size": 1}).status_code == 403
    assert stranger.get(f"/records/{draft}/draft").status_code == 403
    assert stranger.post("/records", json={"metadata": metadata()}).status_code == 403


def test_a_token_in_the_address_works_and_is_seen_by_all(owner: Caller) -> None:
    with httpx.Client(verify=TLS) as client:
        address = f"{owner.server.url}/api/user/records"
        response = client.get(address, params={"access_token": owner.server.token})
    assert response.status_code == 200
    assert owner.server.requests[-1].carries(owner.server.token)
    assert owner.server.requests[-1].user == "1"


def test_drafts_of_others_are_forbidden_and_missing_ones_are_not_found(
    owner: Caller, as_somebody: Another
) -> None:
    other = as_somebody(owner, owner.server.add_user())
    draft = owner.draft()
    assert other.get(f"/records/{draft}/draft").status_code == 403
    assert other.register(draft, "a").status_code == 403
    assert other.publish(draft).status_code == 403
    assert other.get("/records/nowhere/draft").status_code == 404
    assert other.find() == []


def test_versions_of_others_are_forbidden(owner: Caller, as_somebody: Another) -> None:
    other = as_somebody(owner, owner.server.add_user("bob"))
    record = owner.published()
    assert other.post(f"/records/{record}/versions").status_code == 403
    assert other.post(f"/records/{record}/draft").status_code == 403


def test_every_answer_offers_a_cookie_and_writes_with_one_are_refused(owner: Caller) -> None:
    authorization = {"Authorization": f"Bearer {owner.server.token}"}
    url = f"{owner.server.url}/api"
    with httpx.Client(headers=authorization, verify=TLS) as keeping:
        assert keeping.get(f"{url}/user/records").status_code == 200
        refused = keeping.post(f"{url}/records", json={"metadata": metadata()})
        assert refused.status_code == 400
        assert refused.json()["message"].startswith("CSRF")
        assert keeping.get(f"{url}/user/records").status_code == 200
    assert not owner.server.drafts


def test_restricted_files_are_hidden_from_others(owner: Caller, as_somebody: Another) -> None:
    record = owner.published(access={"record": "public", "files": "restricted"})
    stranger = as_somebody(owner, None)
    shown = stranger.get(f"/records/{record}").json()
    assert shown["metadata"]["title"] == "Backup of a notebook"
    assert shown["files"] == {"enabled": True}
    assert shown["access"]["status"] == "restricted"
    assert stranger.get(f"/records/{record}/files").status_code == 403
    assert stranger.get(f"/records/{record}/files/data.zip/content").status_code == 403
    assert owner.get(f"/records/{record}/files/data.zip/content").content == b"12345"


def test_restricted_records_are_hidden_from_others(owner: Caller, as_somebody: Another) -> None:
    record = owner.published(access={"record": "restricted", "files": "public"})
    stranger = as_somebody(owner, None)
    assert stranger.get(f"/records/{record}").status_code == 403
    assert stranger.get(f"/records/{record}/files/data.zip/content").status_code == 403
    assert stranger.get("/records").json()["hits"]["total"] == 0
    assert owner.get(f"/records/{record}").status_code == 200
