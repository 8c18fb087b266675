"""One request to the server of a corpus: encrypted, to that server alone, never waiting for ever."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urljoin, urlsplit

from ecgtool.errors import ConfigError, EcgError

if TYPE_CHECKING:
    from requests import Response, Session

_CHUNK = 2**16
_MOST_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_LATER = frozenset({408, 425, 429, 500, 502, 503, 504})
_LONGEST_ANSWER_S = 30.0


class BrokenOff(Exception):
    """The connection broke off, stalled, or the server asks to come back later: worth another try."""


@dataclass(frozen=True)
class Patience:
    """How long to wait, and how often to try.

    Args:
        connect_s: For a connection.
        read_s: For the next bytes.
        tries: So often without getting further, before giving up.
        pause_s: Before the second try; doubled for each further one.
        slowest: Bytes per second below which, over ``read_s``, a connection counts as stalled.
    """

    connect_s: float = 15.0
    read_s: float = 30.0
    tries: int = 6
    pause_s: float = 1.0
    slowest: float = 100.0


class Connection:
    """Requests to one server.

    Args:
        base: URL of the corpus; ``https``, or ``http`` to this machine alone.
        patience: How long to wait.

    Raises:
        ConfigError: Another kind of URL.
    """

    def __init__(self, base: str, patience: Patience) -> None:
        self.base, self.patience = base if base.endswith("/") else f"{base}/", patience
        self.origin = _checked(self.base)
        self.session = _session()
        self.session.headers["Accept-Encoding"] = "identity"
        if _is_loopback(self.origin):
            self.session.trust_env = False  # no proxy stands between a machine and itself

    @contextmanager
    def get(self, url: str, headers: dict[str, str] | None = None) -> Iterator[Response]:
        """The answer to a request, its content still to be read.

        Raises:
            BrokenOff: Worth another try.
            EcgError: Not worth one: refused, not there, redirected elsewhere, a certificate that is not valid.
        """
        for _ in range(_MOST_REDIRECTS):
            with closing(self._get(url, headers or {})) as response:
                if response.status_code not in _REDIRECTS:
                    yield self._accepted(url, response)
                    return
                url = self._redirected(url, response.headers.get("Location", ""))
        raise EcgError(f"{url} redirects in circles.", "Check --url.")

    def _get(self, url: str, headers: dict[str, str]) -> Response:
        import requests
        from urllib3.exceptions import HTTPError

        timeout = (self.patience.connect_s, self.patience.read_s)
        try:
            return self.session.get(url, headers=headers, stream=True, timeout=timeout, allow_redirects=False)
        except requests.exceptions.SSLError:
            raise EcgError(
                f"{self.origin.hostname} does not prove who it is: its certificate is not valid.",
                "Check the clock of this machine and what lies between it and the server; nothing was fetched.",
            ) from None
        except (requests.ConnectionError, requests.Timeout, HTTPError) as error:
            raise BrokenOff(f"{self.origin.hostname} cannot be reached ({_reason(error)})") from None
        except (requests.RequestException, ValueError) as error:
            raise EcgError(f"{url[:200]} cannot be fetched: {_reason(error)}.", "Check --url.") from None

    def _accepted(self, url: str, response: Response) -> Response:
        """The response, where it is the file or a part of it; 416 means that there is no more of it."""
        if response.status_code in _LATER:
            _wait(response.headers.get("Retry-After", ""))
            raise BrokenOff(f"the server answers {response.status_code}")
        if response.status_code not in (200, 206, 416):
            hint = {404: "Check --url.", 401: "It needs an account.", 403: "It needs an account, or is closed."}
            raise EcgError(f"{url} answers {response.status_code}.", hint.get(response.status_code, "Try later."))
        coding = response.headers.get("Content-Encoding", "identity").strip().lower()
        if coding not in ("", "identity"):
            raise EcgError(f"{url} comes as {coding[:40]!r}, though asked for as it is.", "Check what lies in between.")
        return response

    def _redirected(self, url: str, location: str) -> str:
        """Where a redirect leads, if that is the same server."""
        target = location
        try:
            target = urljoin(url, location)
            to = urlsplit(target)
            same = (to.scheme, to.hostname, to.port) == (self.origin.scheme, self.origin.hostname, self.origin.port)
        except ValueError:
            same = False
        if not location or not same:
            raise EcgError(
                f"{url} redirects to another server, {target[:120]}.",
                "Where you trust that one, give it as --url; digests are checked.",
            )
        return target

    def chunks(self, response: Response) -> Iterator[bytes]:
        """The content as it comes.

        Raises:
            BrokenOff: It stops, or comes so slowly that it has as good as stopped.
        """
        from urllib3.exceptions import HTTPError

        since, came = time.monotonic(), 0
        try:
            while data := response.raw.read1(_CHUNK, decode_content=False):
                yield data
                came += len(data)
                spent = time.monotonic() - since
                if spent > self.patience.read_s:
                    if came < self.patience.slowest * spent:
                        raise BrokenOff("the connection has as good as stopped")
                    since, came = time.monotonic(), 0
        except (HTTPError, ConnectionError, TimeoutError) as error:
            raise BrokenOff(f"the connection broke off ({_reason(error)})") from None


def _session() -> Session:
    """A session that leaves redirects alone; the library would read all they send, however much that is."""
    import requests

    class Direct(requests.Session):
        def get_redirect_target(self, _resp: Response) -> str | None:
            return None

    return Direct()


def _checked(base: str) -> SplitResult:
    """The parts of a URL from which files may be fetched."""
    try:
        parts = urlsplit(base)
        _ = parts.port
    except ValueError:
        parts = SplitResult("", "", "", "", "")
    if parts.scheme == "https" and parts.hostname:
        return parts
    if parts.scheme == "http" and parts.hostname and _is_loopback(parts):
        return parts
    raise ConfigError(f"--url {base[:120]!r} is not https://.", "Plain http:// is for this machine (127.0.0.1) alone.")


def _is_loopback(parts: SplitResult) -> bool:
    try:
        return ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return parts.hostname == "localhost"


def _wait(retry_after: str) -> None:
    """Wait as long as a server asks for, within reason."""
    if retry_after.isdecimal() and len(retry_after) < 6:
        time.sleep(min(float(retry_after), _LONGEST_ANSWER_S))


def _reason(error: BaseException) -> str:
    """The innermost cause in a word or two: libraries wrap it in several layers."""
    inner = error
    while isinstance(following := inner.__cause__ or inner.__context__, BaseException):
        inner = following
    return " ".join(str(getattr(inner, "strerror", "") or inner or type(inner).__name__).split())[:80]
