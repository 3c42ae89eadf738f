"""Content negotiation, as strict as the real servers are."""

from collections.abc import Sequence

from tests.servers.invenio.messages import BINARY, Problem, Request


def preferred(accept: str, offers: Sequence[str]) -> str | None:
    """The offer that ``Accept`` likes best, the first of equals; None if it likes none."""
    ranked = [(_quality(accept or "*/*", offer), offer) for offer in offers]
    best = max(ranked, key=lambda pair: pair[0])
    return best[1] if best[0] > (0.0, 0) else None


def _quality(accept: str, offer: str) -> tuple[float, int]:
    """How much a type is wanted: the q of the most precise range that covers it."""
    covering = [
        (precision, quality)
        for media, quality in map(_range, accept.split(","))
        if (precision := _precision(media, offer))
    ]
    precision, quality = max(covering, default=(0, 0.0))
    return (quality, precision) if quality else (0.0, 0)


def _range(part: str) -> tuple[str, float]:
    media, *parameters = (piece.strip() for piece in part.split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            return media.lower(), float(value)
    return media.lower(), 1.0


def _precision(media: str, offer: str) -> int:
    if media == offer:
        return 3
    if media == f"{offer.partition('/')[0]}/*":
        return 2
    return 1 if media == "*/*" else 0


def check_accept(request: Request, offers: Sequence[str]) -> None:
    """Refuse who takes nothing of what there is.

    Raises:
        Problem: 406.
    """
    if offers and preferred(request.header("accept"), offers) is None:
        expected = ", ".join(offers)
        raise Problem(406, f"Invalid 'Accept' header. Expected one of: {expected}")


def check_content_type(request: Request, expected: str) -> None:
    """Refuse bodies of another type; a charset behind the type makes it another one.

    Raises:
        Problem: 415.
    """
    given = request.header("content-type")
    bare = request.body.length == 0 and expected != BINARY
    if given != expected and (given or not bare):
        raise Problem(415, f"Invalid 'Content-Type' header. Expected one of: {expected}")
