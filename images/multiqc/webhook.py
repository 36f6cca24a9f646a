"""Hands a text to a webhook. Its address is a secret, and is in nothing that this module says."""

import contextlib
import http.client
import os
import signal
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Generator, Sequence
from typing import Any

PAUSES = (1, 4, 16)
"""Seconds between two tries."""
SECONDS = 10
"""The longest that a try may take, however the other side spends the time."""
BUSY = (408, 425, 429)


class NotTakenError(Exception):
    """The webhook did not take it. `again` when it may do so later."""

    def __init__(self, why: str, again: bool = True) -> None:
        super().__init__(why)
        self.again = again


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """What was meant for one address is for no other."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """No request follows, and the answer is an error."""
        return


def post(url: str, body: bytes, pauses: Sequence[float] = PAUSES, seconds: float = SECONDS) -> int:
    """Posts JSON, a few times if need be; how often it was tried. Raises `NotTakenError`."""
    for tries, pause in enumerate((*pauses, None), start=1):
        try:
            _post(url, body, seconds)
            return tries
        except NotTakenError as refusal:
            if pause is None or not refusal.again:
                raise NotTakenError(f"{refusal} (tried {tries} times)" if tries > 1 else str(refusal)) from None
            time.sleep(pause)
    raise AssertionError("the last try returns or raises")


def _post(url: str, body: bytes, seconds: float) -> None:
    # No error of the library is passed on: its text may hold the address, and the server's own words are not ours.
    try:
        request = urllib.request.Request(url, body, {"Content-Type": "application/json", "User-Agent": "biojobs"})
        if request.type not in ("http", "https"):
            raise NotTakenError("its address is none of http or https", again=False)
        with _limit(seconds), urllib.request.build_opener(_NoRedirects).open(request, timeout=seconds) as answer:
            # A word is enough, of however long an answer
            answer.read(1000)
    except urllib.error.HTTPError as error:
        error.close()
        if 300 <= error.code < 400:
            raise NotTakenError(f"it answers {error.code}: redirects are not followed", again=False) from None
        raise NotTakenError(f"it answers {error.code}", error.code >= 500 or error.code in BUSY) from None
    except TimeoutError:
        raise NotTakenError(f"it did not answer within {seconds:g} s") from None
    except OSError as error:
        raise NotTakenError(_trouble(getattr(error, "reason", error), seconds)) from None
    except http.client.HTTPException as error:
        raise NotTakenError(f"its answer is not HTTP ({type(error).__name__})") from None
    except ValueError:
        raise NotTakenError("its address is not valid", again=False) from None


def _trouble(reason: object, seconds: float) -> str:
    match reason:
        case TimeoutError():
            return f"it did not answer within {seconds:g} s"
        case ssl.SSLCertVerificationError():
            return "its certificate is not trusted"
        case ssl.SSLError():
            return "it does not speak TLS as it should"
        case socket.gaierror():
            return "its name is not known"
        case OSError(errno=int(number)):
            return f"it cannot be reached: {os.strerror(number)}"
        case _:
            return "it cannot be reached"


@contextlib.contextmanager
def _limit(seconds: float) -> Generator[None]:
    """The library's timeout is for each byte, and a slow server has many."""

    def over(*_: Any) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
