# SPDX-License-Identifier: MIT
# needs: /usr/bin/python3 perl
# Many processes append whole lines to one log, in-process and through the kernel: no line is torn, none is lost.
line=$(printf 'x%.0s' {1..60})
for w in 1 2 3; do (i=0; while [ $i -lt 300 ]; do i=$((i+1)); echo "bash$w $i $line"; done) >> log & done
for w in 1 2; do /usr/bin/python3 -c "
import os
fd = os.open('log', os.O_WRONLY | os.O_APPEND)
for i in range(1, 301): os.write(fd, b'python$w %d $line\n' % i)" & done
for w in 1 2; do perl -e 'use IO::Handle; open(F, ">>", "log"); F->autoflush(1); print F "perl'$w' $_ '$line'\n" for 1..300' & done
for w in 1 2; do env BTFUSE_DISABLE=1 /usr/bin/python3 -c "
import os
fd = os.open('log', os.O_WRONLY | os.O_APPEND)
for i in range(1, 301): os.write(fd, b'kernel$w %d $line\n' % i)" & done
wait; wc -l < log; awk 'NF != 3 || length($3) != 60' log | wc -l; awk '{print $1}' log | sort | uniq -c | sed 's/^ *//'; for w in bash1 python2 perl1 kernel2; do awk -v w=$w '$1 == w {if ($2 != ++n) bad++} END {print w, n, bad+0}' log; done; rm log
if command -v logger >/dev/null; then for i in 1 2 3; do mv log log.$i 2>/dev/null; (echo "round $i") >> log; done; cat log log.*; fi
