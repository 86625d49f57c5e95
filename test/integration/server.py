"""A server that is told what to say: for what smx makes of an answer."""
import http.server
import threading


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with self.server.lock:
            self.server.seen.append((self.command, self.path, self.headers["Content-Type"]))
            self.server.bodies.append(body)
            status, answer = self.server.judge(self.server.bodies)
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_CCM_POST = do_POST

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    """Answers with the status and body that `judge` makes of all bodies so far, and keeps what it has seen."""
    daemon_threads = True

    def __init__(self, judge):
        super().__init__(("127.0.0.1", 0), Handler)
        self.judge, self.seen, self.bodies, self.lock = judge, [], [], threading.Lock()
        self.thread = threading.Thread(target=self.serve_forever)
        self.thread.start()

    def handle_error(self, *_):
        pass                                # a client that went away

    def stop(self):
        self.shutdown()
        self.thread.join()
        self.server_close()
