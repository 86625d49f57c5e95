"""The real nginx and HAProxy with the files that we ship, before a relay: only ports and paths in them are changed."""
import os
import pathlib
import socket
import ssl
import subprocess

from relay import PATIENCE, TOP, Connection, free_port, wait_until

# Around etc/nginx.conf, which belongs inside of http { }. nginx's own user could not enter the test's directory.
NGINX_MAIN = """
daemon off; worker_processes 1; pid %(directory)s/nginx.pid; error_log stderr; %(user)s
events { worker_connections 4096; }
http {
    access_log off; include %(directory)s/mprelay.conf;
    client_body_temp_path %(directory)s/body; proxy_temp_path %(directory)s/proxy;
    fastcgi_temp_path %(directory)s/fastcgi; uwsgi_temp_path %(directory)s/uwsgi; scgi_temp_path %(directory)s/scgi;
}
"""
NGINX_EDITS = (("listen 80;", "listen 127.0.0.1:%(port)d;"), ("listen 443 ssl;", "listen 127.0.0.1:%(tls_port)d ssl;"),
               ("127.0.0.1:8080", "127.0.0.1:%(relay_port)d"), ("/etc/ssl/mprelay", "%(directory)s"))
HAPROXY_EDITS = (("bind :80\n", "bind 127.0.0.1:%(port)d\n"), ("bind :443 ", "bind 127.0.0.1:%(tls_port)d "),
                 ("127.0.0.1:8080", "127.0.0.1:%(relay_port)d"), ("/etc/ssl/mprelay", "%(directory)s"))


def edited(name, edits, values):
    text = (TOP / "etc" / name).read_text()
    for old, new in edits:
        assert old in text, "%s has no %r any more" % (name, old)
        text = text.replace(old, new % values)
    return text


def make_certificate(directory):
    """A throwaway one: server.crt and server.key for nginx, both in server.pem for HAProxy."""
    key, certificate = directory / "server.key", directory / "server.crt"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-subj", "/CN=mp.example.test", "-days", "2", "-keyout", key, "-out", certificate],
                   check=True, capture_output=True)
    (directory / "server.pem").write_bytes(certificate.read_bytes() + key.read_bytes())


class Proxy:
    """`address` takes plain HTTP and `tls_address` TLS, both for a relay.Connection."""
    def __init__(self, name, relay, directory):
        self.name, self.relay, self.directory = name, relay, pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.address, self.tls_address = ("127.0.0.1", free_port()), ("127.0.0.1", free_port())
        self.said = self.directory / "stderr"
        make_certificate(self.directory)
        self.start({"nginx": self.nginx, "haproxy": self.haproxy}[name]())

    def values(self):
        return {"directory": self.directory, "relay_port": self.relay.port, "port": self.address[1],
                "tls_port": self.tls_address[1], "user": "user root;" if os.geteuid() == 0 else ""}

    def nginx(self):
        (self.directory / "mprelay.conf").write_text(edited("nginx.conf", NGINX_EDITS, self.values()))
        main = self.directory / "nginx.conf"
        main.write_text(NGINX_MAIN % self.values())
        return ["/usr/sbin/nginx", "-p", str(self.directory), "-c", str(main)]

    def haproxy(self):
        settings = self.directory / "haproxy.cfg"
        settings.write_text(edited("haproxy.cfg", HAPROXY_EDITS, self.values()))
        return ["/usr/sbin/haproxy", "-db", "-f", str(settings)]

    def start(self, command):
        with open(self.said, "wb") as said:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        wait_until(lambda: self.process.poll() is not None or self.listens(), self.name)
        assert self.process.poll() is None, self.said.read_text()

    def listens(self):
        with socket.socket() as one, socket.socket() as other:
            return one.connect_ex(self.address) == 0 and other.connect_ex(self.tls_address) == 0

    def stop(self):
        self.process.terminate()
        self.process.wait(PATIENCE)

    def connect(self, tls=False, source=None):
        if not tls:
            return Connection(self.address, source)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return Connection(self.tls_address, source, context)

    def post(self, request, tls=False):
        with self.connect(tls) as connection:
            connection.send(request)
            return connection.answer()
