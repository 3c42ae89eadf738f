"""The official client from PyPI, elabapi-python, against the simulated server."""

import time
from typing import Any

import elabapi_python as official
import pytest
from elabapi_python.rest import ApiException
from tests.servers.elabftw import ALICE_KEY, SimulatedElabftw


@pytest.fixture
def client(server: SimulatedElabftw) -> Any:  # noqa: ANN401 - of a library without types
    configuration = official.Configuration()
    configuration.host = f"{server.url}/api/v2"
    client = official.ApiClient(configuration)
    client.set_default_header("Authorization", ALICE_KEY)
    yield client
    client.pool.close()
    client.pool.join()
    client.rest_client.pool_manager.clear()


def test_it_asks_watches_fetches_and_deletes(
    client: Any,  # noqa: ANN401 - as above
    server: SimulatedElabftw,
) -> None:
    api = official.ExportsApi(client)
    _, status, headers = api.post_export_with_http_info(body={"format": "eln", "items": "on"})
    assert status == 201
    number = int(headers["Location"].rpartition("/")[2])
    until = time.monotonic() + 10
    while (rows := api.readall_exports())[0].state != 1:
        assert time.monotonic() < until
    assert (rows[0].id, rows[0].items, rows[0].hash_algo) == (number, 1, "sha256")
    data = client.call_api(
        "/exports/{id}",
        "GET",
        {"id": number},
        [("format", "binary")],
        _preload_content=False,
        _return_http_data_only=True,
    )
    assert len(data.data) == rows[0].filesize
    api.delete_export(number)
    assert server.exports == []
    with pytest.raises(ApiException) as caught:
        api.read_export(number)
    assert caught.value.status == 404


def test_it_knows_the_version_and_the_user(client: Any) -> None:  # noqa: ANN401 - as above
    assert official.InfoApi(client).get_info()["elabftw_version"] == "5.6.12"
    assert official.UsersApi(client).read_user("me").fullname == "Alice Abel"
