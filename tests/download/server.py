"""A server on this machine that behaves as badly as a test asks of it."""

import gzip
import hashlib
import re
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import unquote


class Site:
    """Files, and how each is to be served.

    ``behave[name]`` is a list of ways: one request each, in turn; the last one stays. A way is a function of the
    handler and the content.
    """

    def __init__(self, files):
        self.files = dict(files)
        self.behave = {}
        self.requests = []
        self.sums = None
        self.hidden = {}

    @property
    def listing(self):
        lines = [f"{hashlib.sha256(data).hexdigest()} {name}" for name, data in self.files.items()]
        return "\n".join(lines) + "\n" if self.sums is None else self.sums

    def content(self, name):
        return self.listing.encode() if name == "SHA256SUMS.txt" else {**self.files, **self.hidden}.get(name)

    def asked(self, name):
        return [ranges for asked, ranges in self.requests if asked == name]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        site, name = self.server.site, unquote(self.path).removeprefix("/c/")
        site.requests.append((name, self.headers.get("Range")))
        ways = site.behave.get(name, [fine])
        way = ways.pop(0) if len(ways) > 1 else ways[0]
        data = site.content(name)
        if data is None and way is fine:
            return status(404)(self, b"")
        return way(self, data)

    def log_message(self, *arguments):
        pass

    def begin(self, code, length=None, **headers):
        self.send_response(code)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()

    def start(self, size):
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
        return int(match.group(1)) if match else None


def fine(handler, data):
    """As servers should, ranges and all."""
    begin = handler.start(len(data))
    etag = f'"{hashlib.sha256(data).hexdigest()[:8]}"'
    if begin is None or handler.headers.get("If-Range", etag) != etag:
        handler.begin(200, len(data), ETag=etag)
        return handler.wfile.write(data)
    if begin >= len(data):
        return handler.begin(416, 0, Content_Range=f"bytes */{len(data)}")
    handler.begin(206, len(data) - begin, Content_Range=f"bytes {begin}-{len(data) - 1}/{len(data)}", ETag=etag)
    return handler.wfile.write(data[begin:])


def without_ranges(handler, data):
    handler.begin(200, len(data))
    handler.wfile.write(data)


def breaks_off(after):
    """Says the truth about the size, then hangs up."""

    def way(handler, data):
        begin = handler.start(len(data)) or 0
        rest = data[begin:]
        said = {"Content_Range": f"bytes {begin}-{len(data) - 1}/{len(data)}"} if begin else {}
        handler.begin(206 if begin else 200, len(rest), **said)
        handler.wfile.write(rest[:after])
        handler.close_connection = True

    return way


def stalls(seconds, after=10):
    def way(handler, data):
        handler.begin(200, len(data))
        handler.wfile.write(data[:after])
        handler.wfile.flush()
        time.sleep(seconds)
        handler.close_connection = True

    return way


def drips(handler, data):
    """Sends a byte now and then, so that no read ever times out."""
    handler.begin(200, len(data))
    for at in range(200):
        handler.wfile.write(data[at : at + 1])
        handler.wfile.flush()
        time.sleep(0.02)
    handler.close_connection = True


def says(length):
    """Lies about the size: a Content-Length of its own, and all the content."""

    def way(handler, data):
        handler.begin(200, length)
        handler.wfile.write(data)
        handler.close_connection = True

    return way


def without_end(handler, data):
    handler.begin(200)
    while True:
        handler.wfile.write(b"x" * 65536)


def chunked(handler, data):
    handler.begin(200, Transfer_Encoding="chunked")
    for at in range(0, len(data), 1000):
        piece = data[at : at + 1000]
        handler.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
    handler.wfile.write(b"0\r\n\r\n")


def compressed(handler, data):
    packed = gzip.compress(data)[:-20]
    handler.begin(200, len(packed), Content_Encoding="gzip")
    handler.wfile.write(packed)


def status(code, **headers):
    return lambda handler, data: handler.begin(code, 0, **headers)


def redirects_without_end(handler, data):
    handler.begin(302, Location="elsewhere.dat")
    while True:
        handler.wfile.write(b"x" * 65536)


def redirects(to):
    return status(302, Location=to)


def sends(other):
    """Other content than was asked for."""
    return lambda handler, data: fine(handler, other)


def answers_range(content_range, length=None):
    """A 206 with a range of its own."""

    def way(handler, data):
        handler.begin(206, len(data) if length is None else length, Content_Range=content_range)
        handler.wfile.write(data)
        handler.close_connection = True

    return way


class Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *arguments):
        """Clients hang up on it, and it on them."""


@contextmanager
def serving(site):
    server = Quiet(("127.0.0.1", 0), Handler)
    server.site = site
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/c/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
