"""nginx and HAProxy as we ship them: they say who a client is, whatever it says itself, and let nobody at what is ours."""
import ssl
import subprocess

import pytest

import wire
from conftest import serve
from proxied import A, B, request
from proxies import Proxy, make_certificate
from relay import Connection

PROXIES = pytest.mark.parametrize("name", ["nginx", "haproxy"])
RULE = "X-SSL-Client-S-DN CN={client}"


@pytest.fixture(scope="module")
def module_relay(tmp_path_factory):
    requests = tmp_path_factory.mktemp("requests")
    requests.chmod(0o755)
    relays, start = serve(tmp_path_factory.mktemp("shared"))
    yield start(unix=True, signature_policy="require", proxy_identity=RULE, resync_dir=requests)
    relays[0].stop()


def post(relay, proxy, data, certificate=None, tls=True):
    with proxy.connect(tls, "127.0.0.9", certificate) as connection:
        connection.send(data)
        answer, verdict = connection.answer(), relay.next_verdicts()[0]
    assert verdict["address"] == "127.0.0.9"
    return answer.status, verdict["trust"] or verdict["rule"]


@PROXIES
def test_what_a_client_says_of_itself_is_taken_away(shared_relay, proxied, name):
    proxy = proxied(name)
    certificate = proxy.certify("a", "/O=Example/CN=" + A)
    for names in ([], ["CN=" + A], ["CN=" + B, ""]):
        data = request(A, names, ["192.0.2.7, 198.51.100.1"] * len(names))
        assert post(shared_relay, proxy, data) == post(shared_relay, proxy, data, tls=False) == (403, "policy")
        assert post(shared_relay, proxy, data, certificate) == (200, "vouched for")
        assert post(shared_relay, proxy, request(B, names), certificate) == (403, "binding")


@PROXIES
def test_clients_share_the_connections_to_the_relay(shared_relay, proxied, name):
    proxy = proxied(name)
    both = [(client, proxy.certify(client[-1], "/CN=" + client)) for client in (A, B)]
    for client, certificate in both * 3:
        assert post(shared_relay, proxy, request(client), certificate) == (200, "vouched for")
        assert post(shared_relay, proxy, request(client)) == (403, "policy")


@PROXIES
def test_a_session_taken_up_again_is_still_its_clients(shared_relay, proxied, name):
    proxy = proxied(name)
    certificate = proxy.certify("again", "/CN=" + A)
    context = proxy.context(certificate)
    context.maximum_version = ssl.TLSVersion.TLSv1_2        # its session is there when the handshake ends
    with proxy.connect(True, certificate=certificate) as first:
        session = first.sock.session
    for client, status in ((A, 200), (B, 403)):
        with Connection(proxy.tls_address) as connection:
            connection.sock = context.wrap_socket(connection.sock, session=session)
            assert connection.sock.session_reused
            connection.send(request(client))
            assert connection.answer().status == status
    shared_relay.next_verdicts(2)


@PROXIES
def test_a_certificate_of_others_is_refused(shared_relay, proxied, name):
    proxy = proxied(name)
    try:
        with proxy.connect(True, certificate=make_certificate(proxy.directory, "other", "/CN=" + A)) as connection:
            connection.send(request(A))
            assert connection.answer().status == 400
    except ssl.SSLError as refused:
        assert "unknown ca" in str(refused).lower()


REQUIRED = {"nginx": ("ssl_verify_client      optional;", "ssl_verify_client      on;"),
            "haproxy": ("verify optional\n", "verify required\n")}


@PROXIES
def test_certificates_can_be_required(shared_relay, tmp_path, name):
    proxy = Proxy(name, shared_relay, tmp_path, [REQUIRED[name]])
    certificate = proxy.certify("a", "/CN=" + A)
    assert post(shared_relay, proxy, request(A), certificate) == (200, "vouched for")
    try:
        with proxy.connect(True) as connection:
            connection.send(request(A))
            assert connection.answer().status == 400
    except ssl.SSLError as refused:
        assert "certificate required" in str(refused).lower()
    proxy.stop()


@PROXIES
def test_the_proxy_finds_no_fault_in_the_file(shared_relay, proxied, name):
    check = [*proxied(name).command, "-t" if name == "nginx" else "-c"]
    done = subprocess.run(check, capture_output=True, text=True)
    assert done.returncode == 0 and "warn" not in (done.stdout + done.stderr).lower(), done.stderr


@PROXIES
@pytest.mark.parametrize("path, status", [
    ("/mprelay/resync?client=" + A[5:], 204),
    ("/MPRELAY/resync?client=" + A[5:], 404),
    ("/mprelay/", 404), ("/mprelay/resync/x", 404), ("/metrics", 404), ("/readyz", 404), ("/livez", 404), ("/", 404),
])
def test_of_our_own_paths_only_the_clients_are_there(proxied, name, path, status):
    with proxied(name).connect(True) as connection:
        connection.send(b"GET %s HTTP/1.1\r\nHost: mp.example.test\r\n\r\n" % path.encode())
        assert connection.answer().status == status
