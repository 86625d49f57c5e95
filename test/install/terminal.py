"""An interactive bash on a terminal, with Debian's bash-completion, and what it says when somebody presses the tab key."""
import os
import pty
import re
import select

from relay import PATIENCE

SETTINGS = ("show-all-if-ambiguous on", "page-completions off", "completion-query-items 0", "completion-display-width 0",
            "bell-style none", "enable-bracketed-paste off")
PROMPT = "<prompt>"
SOURCE = "/usr/share/bash-completion/bash_completion"


class Bash:
    def __init__(self, installed, directory):
        pid, self.fd = pty.fork()
        if pid == 0:
            os.chdir(directory)
            base = str(installed / "usr/local")
            os.execve("/bin/bash", ["bash", "--noprofile", "--norc", "-i"], {
                "PATH": "%s/bin:%s/sbin:/usr/bin:/bin" % (base, base), "XDG_DATA_DIRS": base + "/share:/usr/share",
                "TERM": "dumb", "INPUTRC": "/dev/null", "HOME": str(directory), "LC_ALL": "C", "COLUMNS": "500"})
        self.pid, self.number = pid, 0
        self.say("PS1='%s''%s'; stty cols 500; unset HISTFILE; . %s" % (PROMPT[:3], PROMPT[3:], SOURCE))
        for setting in SETTINGS:
            self.say("bind 'set %s'" % setting)

    def say(self, line):
        """What was said until the next prompt: only then the keys are read as they are pressed. Before it, the end is told
        by a word that is typed in another way."""
        self.number += 1
        os.write(self.fd, b"%s\necho 'en''d'%d\n" % (line.encode(), self.number))
        said, end = "", "end%d\n%s" % (self.number, PROMPT)
        while not said.endswith(end):
            assert select.select([self.fd], [], [], PATIENCE)[0], said
            said += os.read(self.fd, 65536).decode().replace("\r", "")
        return said

    def offers(self, line):
        """The words that the tab key shows behind this, or the one that it completed."""
        shown = self.say(line + "\t\x15").removeprefix(line).split("\n")      # the line is taken back
        word = re.split(r"[ =]", line)[-1]
        completed = shown[0].partition(PROMPT)[0].rstrip("\x08 ")
        if completed:
            return {word + completed}
        return {text for text in shown[1:] if text and not text.startswith(("echo", "end", PROMPT))}

    def close(self):
        os.close(self.fd)
        os.waitpid(self.pid, 0)
