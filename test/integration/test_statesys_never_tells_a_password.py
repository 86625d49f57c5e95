"""The password in a database's URL is in no line: when all is well, when it is wrong, when it is changed, and when the
settings are shown."""
import signal
import subprocess

from relay import BUILD, Daemon, wait_until


def test_a_password_is_never_told(cluster, tmp_path):
    url, log = cluster.create().url, tmp_path / "site/logs/statesys.log"
    wrong = url.replace("secret", "wrong-secret")
    config = tmp_path / "statesys.conf"
    config.write_text("database = %s\nroot = %s\nadmin-listen =\n" % (url, tmp_path / "site"))
    statesys = Daemon([str(BUILD / "statesys"), "--config", str(config)], tmp_path / "said")
    config.write_text(config.read_text().replace(url, wrong))
    statesys.process.send_signal(signal.SIGHUP)
    wait_until(lambda: b"Settings reloaded" in log.read_bytes(), "the reload")
    assert b"Setting database is another now" in log.read_bytes()
    statesys.stop()
    said = statesys.said.read_bytes()
    statesys.launch()
    wait_until(lambda: b"The database cannot be reached" in log.read_bytes(), "the refusal")
    statesys.stop()
    printed = subprocess.run([*statesys.command, "--print-config"], capture_output=True, check=True).stdout
    assert b"database = postgresql://statesys:***@/" in printed
    assert b"secret" not in said + statesys.said.read_bytes() + log.read_bytes() + printed
