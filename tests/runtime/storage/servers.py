"""Real servers of files, in this process: HTTP with and without ranges, SFTP, FTP and S3, all over loopback."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import socket
import threading
import warnings
from contextlib import contextmanager, suppress
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

USER, PASSWORD = "reader", "open-sesame-1"


class Web(SimpleHTTPRequestHandler):
    """Serves a folder. `server.ranges` says whether it knows ranges, `server.cuts` how many answers are cut short.

    `server.shy`: it tells no length before it gives a file.
    """

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        server = self.server
        server.asked.append((self.command, self.path, dict(self.headers)))
        if server.refuse and self.headers.get("X-Key") != server.refuse:
            self.answer(401)
            return
        if self.path.rpartition("/")[2] in server.closed:
            self.answer(403)
            return
        if server.elsewhere:
            self.answer(302, {"Location": server.elsewhere})
            return
        path = Path(self.translate_path(self.path))
        if path.is_dir() or not path.exists():
            SimpleHTTPRequestHandler.do_GET(self)
            return
        body, wanted = path.read_bytes(), self.headers.get("Range", "")
        headers = {"Last-Modified": self.date_time_string(int(path.stat().st_mtime))} if server.times else {}
        status, part = 200, body
        if wanted and server.ranges:
            begin, _, end = wanted.removeprefix("bytes=").partition("-")
            last = min(int(end or len(body)), len(body) - 1)
            status, part = 206, body[int(begin) : last + 1]
            headers["Content-Range"] = f"bytes {begin}-{last}/{len(body)}"
        cut = self.command == "GET" and server.cuts > 0 and len(part) > 1
        server.cuts -= cut
        self.send_response(status)
        told = 0 if server.shy and self.command == "HEAD" else len(part)
        for name, value in {**headers, "Content-Length": str(told)}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(part[: len(part) // 2] if cut else part)
            self.close_connection = self.close_connection or bool(cut)

    do_HEAD = do_GET  # noqa: N815  (the library's word)

    def answer(self, status, headers=None):
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": "0"}.items():
            self.send_header(name, value)
        self.end_headers()


@contextmanager
def web(folder: Path):
    class Handler(Web):
        def __init__(self, *args):
            super().__init__(*args, directory=str(folder))

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked, server.closed, server.cuts, server.ranges, server.times = [], set(), 0, True, True
    server.refuse, server.elsewhere, server.shy = "", "", False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Ssh:
    """An SSH server with SFTP below a folder. `cut()` breaks every connection, `served` counts those that were made."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.served = folder, 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._open = []

    def __enter__(self):
        import asyncssh

        owner = self

        class Server(asyncssh.SSHServer):
            def connection_made(self, conn):
                owner.served += 1
                owner._open.append(conn)

            def begin_auth(self, username):
                return True

            def password_auth_supported(self):
                return True

            def validate_password(self, username, password):
                return username == USER and password == PASSWORD

            def public_key_auth_supported(self):
                return True

            def validate_public_key(self, username, key):
                return key.public_data == owner.key.public_data

        class Files(asyncssh.SFTPServer):
            def __init__(self, chan):
                super().__init__(chan, chroot=str(owner.folder).encode())

            def read(self, file_obj, offset, size):
                if owner.cut_after is not None:
                    owner.cut_after -= 1
                    if owner.cut_after < 0:
                        owner.cut_after = None
                        for conn in owner._open:
                            conn.abort()
                return super().read(file_obj, offset, size)

        self.cut_after = None
        self.key = asyncssh.generate_private_key("ssh-ed25519")
        host = asyncssh.generate_private_key("ssh-ed25519")
        digest = hashlib.sha256(host.public_data).digest()
        self.fingerprint = "SHA256:" + base64.b64encode(digest).decode().rstrip("=")
        self._thread.start()

        async def start():
            return await asyncssh.create_server(
                Server, "127.0.0.1", 0, server_host_keys=[host], sftp_factory=Files, allow_scp=False
            )

        self._server = asyncio.run_coroutine_threadsafe(start(), self._loop).result(20)
        self.port = self._server.get_port()
        return self

    def __exit__(self, *_):
        async def stop():
            self._server.close()
            for conn in self._open:
                conn.abort()
            await self._server.wait_closed()
            await asyncio.sleep(0)
            left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(stop(), self._loop).result(20)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@contextmanager
def ftp(folder: Path):
    """An FTP server. `handler.cuts` transfers are broken off in the middle, files named in `handler.closed` are not given."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it stands on asyncore
        from pyftpdlib.authorizers import DummyAuthorizer
        from pyftpdlib.handlers import DTPHandler, FTPHandler
        from pyftpdlib.servers import FTPServer

    class Cut(DTPHandler):
        def initiate_send(self):
            if Handler.cuts > 0 and self.tot_bytes_sent > 0:
                Handler.cuts -= 1
                self.cmd_channel.close()
                self.close()
                return
            super().initiate_send()

    authorizer = DummyAuthorizer()
    authorizer.add_user(USER, PASSWORD, str(folder), perm="elr")

    class Handler(FTPHandler):
        cuts = 0
        closed = frozenset()
        use_sendfile = False
        dtp_handler = Cut

        def ftp_RETR(self, file):  # noqa: N802  (the library's word)
            if Path(file).name in self.closed:
                self.respond("550 Permission denied.")
                return None
            return super().ftp_RETR(file)

    Handler.authorizer = authorizer
    Handler.banner = "ready"
    server = FTPServer(("127.0.0.1", 0), Handler)
    stop = threading.Event()

    def serve():
        while not stop.is_set():
            server.serve_forever(timeout=0.05, blocking=False)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield server, Handler
    finally:
        stop.set()
        thread.join()
        server.close_all()


@contextmanager
def s3():
    """Serve S3 by moto; gives the address."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


class Proxy(threading.Thread):
    """Passes bytes on to a server. `cuts` answers are broken off after `most` bytes."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self._target, self.cuts, self.most = port, 0, 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._inner: list[threading.Thread] = []

    def run(self):
        while True:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._target))
            for pair in ((near, far, False), (far, near, True)):
                thread = threading.Thread(target=self._pass, args=pair, daemon=True)
                self._inner.append(thread)
                thread.start()

    def _pass(self, source, target, answer):
        passed = 0
        with suppress(OSError):
            while data := source.recv(65_536):
                passed += len(data)
                if answer and self.cuts and passed > self.most:
                    self.cuts -= 1
                    target.sendall(data[: len(data) - (passed - self.most)])
                    break
                target.sendall(data)
        for one in (source, target):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        if answer:
            source.close()
            target.close()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.join()
        for thread in self._inner:
            thread.join(5)


@contextmanager
def refusing(status: int, code: str):
    """Serve S3's way of refusing everything."""

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_GET(self):
            body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>no</Message></Error>".encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Type", "application/xml")
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
