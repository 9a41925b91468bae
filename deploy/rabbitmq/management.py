"""RabbitMQ's HTTP API, for what makes virtual hosts and accounts."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Self
from urllib.parse import quote, unquote, urlsplit

import httpx

Json = dict[str, Any]


class ProvisionError(Exception):
    """The broker refused something, or is not as it should be. `status` is the HTTP status, where it came to one."""

    def __init__(self, text: str, status: int | None = None) -> None:
        super().__init__(text)
        self.status = status


class Management:
    """RabbitMQ's HTTP API at a URL with the administrator's name and password in it."""

    def __init__(self, url: str, seconds: float = 30.0) -> None:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        self._http = httpx.Client(
            base_url=f"{parts.scheme}://{host}/api/",
            auth=(unquote(parts.username or ""), unquote(parts.password or "")),
            timeout=seconds,
            limits=httpx.Limits(max_keepalive_connections=0),  # a busy broker drops those that are kept open
            trust_env=False,  # a proxy in the environment must not see what is meant for this broker
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, *path: str) -> Any:
        return self._request("GET", path).json()

    def put(self, *path: str, body: Json | None = None) -> None:
        self._request("PUT", path, body or {})

    def post(self, *path: str, body: Json) -> Any:
        response = self._request("POST", path, body)
        return response.json() if response.content else None

    def delete(self, *path: str) -> None:
        """Delete; what is not there is no error."""
        self._request("DELETE", path, accept=(httpx.codes.NOT_FOUND,))

    def exists(self, *path: str) -> bool:
        return self._request("GET", path, accept=(httpx.codes.NOT_FOUND,)).is_success

    def _answer(self, method: str, url: str, body: Json | None) -> httpx.Response:
        """A busy broker may close a connection without a word: what may be done twice is asked again, twice."""
        for _ in range(2 if method != "POST" else 0):
            with suppress(httpx.RemoteProtocolError):
                return self._http.request(method, url, json=body)
        return self._http.request(method, url, json=body)

    def _request(
        self, method: str, path: Sequence[str], body: Json | None = None, accept: tuple[int, ...] = ()
    ) -> httpx.Response:
        url = "/".join(quote(part, safe="") for part in path)
        try:
            response = self._answer(method, url, body)
        except httpx.HTTPError as error:
            raise ProvisionError(f"{method} {url}: {error or type(error).__name__}") from error
        if not response.is_success and response.status_code not in accept:
            text = f"{method} {url}: {response.status_code} {response.text[:500]}"
            raise ProvisionError(text, response.status_code)
        return response
