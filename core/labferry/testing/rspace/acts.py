"""What can happen to a request as a whole on RSpace only: ApiErrors and restarts."""

from dataclasses import dataclass

from labferry.testing.http.acts import Answer
from labferry.testing.http.response import Ending, Response
from labferry.testing.rspace.faults import Surroundings
from labferry.testing.rspace.messages import api_error, dumps


def json_answer(status: int, code: int, message: str, *, after_effect: bool = False) -> Answer:
    """An ApiError."""
    body = dumps(api_error(status, code, message))
    return Answer(status, body, "application/json", after_effect=after_effect)


@dataclass(frozen=True)
class Restart:
    """The server restarts: connections break, running jobs stay as they are for ever."""

    def apply(self, at: Surroundings) -> Response:
        """Answer the request."""
        at.restart()
        return Response.silence(Ending.RESET)
