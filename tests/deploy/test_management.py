"""The HTTP API of the broker, as it is asked."""

from __future__ import annotations

import threading
from base64 import b64decode
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import quote

from deploy.rabbitmq.management import Management


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
