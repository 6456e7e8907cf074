# SPDX-License-Identifier: MIT
# typist.py PROGRAM ARG… < SCRIPT: types a script into a program on a terminal of its own, and prints what the terminal showed,
# process numbers left out. A line of the script is typed when the prompt '@> ' has been shown; 'TEXT ==> LINE' when TEXT has
# been shown since the last line, where LINE may be '^C' and the like: the control key alone.
import os, pty, re, select, sys, time

script = sys.stdin.read().splitlines()
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
shown = b''
seen = 0


def wait_for(text):
    global shown, seen
    deadline = time.monotonic() + 120
    while (at := shown.find(text, seen)) < 0:
        if time.monotonic() > deadline or not select.select([terminal], [], [], 120)[0]:
            sys.exit('typist.py: %r did not come; shown: %r' % (text, shown))
        try:
            more = os.read(terminal, 65536)
        except OSError:
            more = b''
        if not more:
            return
        shown += more
    seen = at + len(text)


for line in script:
    text, arrow, rest = line.partition(' ==> ')
    wait_for(text.encode() if arrow else b'@> ')
    line = rest if arrow else line
    control = re.fullmatch(r'\^([A-Z\\])', line)
    os.write(terminal, bytes([ord(control[1]) - 64]) if control else line.encode() + b'\n')
wait_for(b'\0never')
print(re.sub(r'\b\d{2,}\b', 'N', shown.decode().replace('\r', '')))
print('status', os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
