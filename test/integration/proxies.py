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
               ("unix:/run/mprelay/socket;", "unix:%(socket)s;"), ("/etc/ssl/mprelay", "%(directory)s"))
HAPROXY_EDITS = (("bind :80\n", "bind 127.0.0.1:%(port)d\n"), ("bind :443 ", "bind 127.0.0.1:%(tls_port)d "),
                 ("unix@/run/mprelay/socket ", "unix@%(socket)s "), ("/etc/ssl/mprelay", "%(directory)s"))


def edited(name, edits, values):
    text = (TOP / "etc" / name).read_text()
    for old, new in edits:
        assert old in text, "%s has no %r any more" % (name, old)
        text = text.replace(old, new % values)
    return text


def make_certificate(directory, name, subject, issuer=None):
    """A throwaway one, NAME.crt and NAME.key, both in NAME.pem, by an issuer of the same directory or itself."""
    by = ["-CA", directory / (issuer + ".crt"), "-CAkey", directory / (issuer + ".key")] if issuer else []
    key, certificate = directory / (name + ".key"), directory / (name + ".crt")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-utf8", "-subj", subject, "-days", "2", "-keyout", key, "-out", certificate, *by],
                   check=True, capture_output=True)
    (directory / (name + ".pem")).write_bytes(certificate.read_bytes() + key.read_bytes())
    return directory / (name + ".pem")


class Proxy:
    """`address` takes plain HTTP and `tls_address` TLS, both for a relay.Connection. `edits` are more than ports and paths."""
    def __init__(self, name, relay, directory, edits=()):
        self.name, self.relay, self.directory, self.edits = name, relay, pathlib.Path(directory), edits
        self.directory.mkdir(parents=True, exist_ok=True)
        self.address, self.tls_address = ("127.0.0.1", free_port()), ("127.0.0.1", free_port())
        self.said = self.directory / "stderr"
        make_certificate(self.directory, "server", "/CN=mp.example.test")
        make_certificate(self.directory, "clients-ca", "/CN=Clients of the test")
        self.contexts = {}
        self.start({"nginx": self.nginx, "haproxy": self.haproxy}[name]())

    def values(self):
        return {"directory": self.directory, "socket": self.relay.socket, "port": self.address[1],
                "tls_port": self.tls_address[1], "user": "user root;" if os.geteuid() == 0 else ""}

    def nginx(self):
        (self.directory / "mprelay.conf").write_text(edited("nginx.conf", (*NGINX_EDITS, *self.edits), self.values()))
        main = self.directory / "nginx.conf"
        main.write_text(NGINX_MAIN % self.values())
        return ["/usr/sbin/nginx", "-p", str(self.directory), "-c", str(main)]

    def haproxy(self):
        settings = self.directory / "haproxy.cfg"
        settings.write_text(edited("haproxy.cfg", (*HAPROXY_EDITS, *self.edits), self.values()))
        return ["/usr/sbin/haproxy", "-db", "-f", str(settings)]

    def start(self, command):
        self.command = command
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

    def certify(self, name, subject):
        """The certificate of a client, for `connect`; made when it is asked for first."""
        pem = self.directory / (name + ".pem")
        return pem if pem.exists() else make_certificate(self.directory, name, subject, "clients-ca")

    def context(self, certificate):
        if certificate not in self.contexts:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            if certificate:
                context.load_cert_chain(certificate)
            self.contexts[certificate] = context
        return self.contexts[certificate]

    def connect(self, tls=False, source=None, certificate=None):
        if not tls and not certificate:
            return Connection(self.address, source)
        return Connection(self.tls_address, source, self.context(certificate))

    def post(self, request, tls=False):
        with self.connect(tls) as connection:
            connection.send(request)
            return connection.answer()
