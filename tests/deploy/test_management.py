"""The HTTP API of the broker, as it is asked."""

from __future__ import annotations

import threading
from base64 import b64decode
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import quote

import pytest

from deploy.rabbitmq.management import Management, ProvisionError


def test_a_login_is_written_in_a_url_and_sent_as_it_is() -> None:
    """A password with a slash or an at sign can stand in a URL only as %2F and %40; the broker knows it plain."""
    given: list[str] = []

    class Asked(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            given.append(self.headers["Authorization"])
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Asked) as server:
        answering = threading.Thread(target=server.handle_request)
        answering.start()
        login = f"{quote('bin@an')}:{quote('p/a:s@%41', safe='')}"
        with Management(f"http://{login}@127.0.0.1:{server.server_port}") as management:
            assert management.exists("overview")
        answering.join()
    assert b64decode(given[0].removeprefix("Basic ")).decode() == "bin@an:p/a:s@%41"


def test_what_may_be_done_twice_is_asked_again_when_the_broker_hangs_up() -> None:
    """A busy broker closes connections without an answer; a message published twice would be another matter."""
    asked: list[str] = []

    class HangsUp(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.command)
            if len(asked) == 3:
                self.send_response(204)
                self.end_headers()

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    def answer_four(server: HTTPServer) -> None:
        for _ in range(4):
            server.handle_request()

    with HTTPServer(("127.0.0.1", 0), HangsUp) as server:
        answering = threading.Thread(target=answer_four, args=(server,), daemon=True)
        answering.start()
        with Management(f"http://a:b@127.0.0.1:{server.server_port}") as management:
            assert management.exists("overview")
            with pytest.raises(ProvisionError):
                management.post("overview", body={})
        answering.join()
    assert asked == ["GET", "GET", "GET", "POST"]
