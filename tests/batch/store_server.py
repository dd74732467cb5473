"""An S3 server on loopback for tests, and one before it that fails as stores do."""

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ERROR = '<?xml version="1.0"?><Error><Code>{}</Code><Message>SECRETKEY is in this text</Message></Error>'


class FailingServer(ThreadingHTTPServer):
    """Passes requests on to another server, except those that a plan, ``fail``, has an answer for.

    fail: called with the method and the path of each request; returns None to pass it on, ``"drop"`` to break the
    answer off within its body, or a status and the code of an error.
    """

    daemon_threads = True

    def __init__(self, behind):
        super().__init__(("127.0.0.1", 0), Handler)
        self.behind = behind
        self.fail = lambda method, path: None
        self.requests = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request, client_address):
        pass


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    length = None

    def log_message(self, *_):
        pass

    def handle_any(self):
        length = self.headers.get("Content-Length")
        body = self.rfile.read(int(length)) if length else self.chunks()
        self.server.requests.append((self.command, self.path, self.headers.get("Range")))
        answer = self.server.fail(self.command, self.path)
        if isinstance(answer, tuple):
            self.reply(answer[0], {"Content-Type": "application/xml"}, ERROR.format(answer[1]).encode())
            return
        connection = http.client.HTTPConnection(*self.server.behind)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in {"transfer-encoding"}}
        connection.request(self.command, self.path, body, headers)
        response = connection.getresponse()
        content = response.read()
        kept = {name: value for name, value in response.getheaders() if name.lower() not in {"transfer-encoding"}}
        self.length = response.getheader("Content-Length") if self.command == "HEAD" else None
        self.reply(response.status, kept, content, broken=answer == "drop")
        connection.close()

    def chunks(self):
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return b""
        body = b""
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def reply(self, status, headers, content, broken=False):
        self.send_response_only(status)
        headers = {
            name: value for name, value in headers.items() if name.lower() not in {"content-length", "connection"}
        }
        length = len(content)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", self.length or str(length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content[: length // 2] if broken else content)
        if broken:
            self.close_connection = True

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_any  # noqa: N815 - as http.server calls them
