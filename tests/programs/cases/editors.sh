# SPDX-License-Identifier: MIT
# needs: vim ed sed
printf '%s\n' alpha beta gamma delta > f; ln f g
vim -es -u NONE -N -c 'set backup writebackup backupcopy=auto backupskip= undofile undodir=.' -c '%s/beta/BETA/' -c 'normal Gofifth' -c wq f </dev/null; cat f; cat g; stat -c %h f; ls -A | sort
vim -es -u NONE -N -c 'set undofile undodir=.' -c 'rundo .%f' -c 'wq' f </dev/null; vim -es -u NONE -N -c 'e f' -c 'w! copy' -c 'r !echo from shell' -c 'w >> copy' -c 'qa!' </dev/null; cat copy
TERM=dumb vim -u NONE -N -n -c 'e crash' -c 'call setline(1, ["x", "y"])' -c 'w' -c 'qa!' </dev/null >/dev/null 2>&1; cat crash
cat > swap.vim <<'V'
set nocompatible directory=. updatecount=1 swapfile
edit victim
call setline(1, range(1, 500))
preserve
call system('kill -KILL ' .. getpid())
V
echo start > victim; vim -es -u NONE -S swap.vim </dev/null; ls -A | grep swp; vim -es -u NONE -N -r victim -c 'w! recovered' -c 'qa!' </dev/null; wc -l < recovered; rm -f .victim.sw*
if command -v vim.tiny >/dev/null; then vim.tiny -es -u NONE -c '%s/alpha/ALPHA/' -c wq f </dev/null; head -1 f; fi
ed -s f <<'E'
1,2p
/gamma/s//GAMMA/
$a
appended
.
w
e copy
g/BETA/d
w other
q
E
cat f other; echo "ed: $?"; printf '1d\nw\nq\n' | ed -s - no/such 2>/dev/null; echo "ed: $?"; sed -i.bak -e 2d -e '$!N;P;D' f; cat f f.bak | md5sum; sed -n 'w written
p' f | wc -l; cat written | wc -l; rm -f .*un~ *~ .f* 
