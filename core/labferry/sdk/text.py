"""Text that somebody else wrote, made fit for a terminal, a log or a message."""

__all__ = ["printable"]


def printable(text: str) -> str:
    r"""The text on one line, with every character escaped that can't be printed.

    A name in a manifest, a file name or a server's answer may hold a line feed that begins a line
    of its own, codes that command a terminal, and marks that turn the direction of what follows.
    All of them are shown as Python writes them: `\n`, `\x1b`, `\u202e`.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)
