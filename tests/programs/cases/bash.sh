# SPDX-License-Identifier: MIT
# needs: bash python3
# Here-documents, process substitution, coprocesses, descriptors at odd numbers, job control on a terminal.
cat > configure <<'SCRIPT'
#! /bin/sh
# as autoconf writes them
exec 5>config.log 6>&1 7</dev/null
as_me=configure; ac_status=0
{ echo "hostname = here"; echo "uname -m = $(uname -m)"; } >&5
for as_fd in 5 6; do if test -e /proc/self/fd/$as_fd; then echo "fd $as_fd is there" >&6; fi; done
cat > confdefs.h <<_ACEOF
/* confdefs.h */
#define PACKAGE "x"
_ACEOF
ac_try='echo compiled >&5'; (eval "$ac_try") 2>&5; ac_status=$?
cat confdefs.h - >conftest.c <<_ACEOF
int main (void) { return 0; }
_ACEOF
if (cc -c conftest.c) 2>conftest.err && test ! -s conftest.err && test -s conftest.o; then echo "compiler works" >&6; fi
rm -f conftest.*
cat > config.status <<_ASEOF
#! /bin/sh
sed 's/@x@/17/' <<\_EOT
value @x@
_EOT
_ASEOF
chmod +x config.status; ./config.status > out 2>&5; cat out >&6
exec 6>&-; exit $ac_status
SCRIPT
chmod 755 configure; ./configure; echo "configure: $?"; grep -c . config.log
mkdir dir; (cd dir; ../configure >../quiet; pwd -P | sed 's,.*/,,'); cat quiet
paste <(seq 3) <(seq 4 6) > >(tr '\t' - > pasted; mv pasted pasted.all); until [ -e pasted.all ]; do sleep 0.01; done; cat pasted.all; diff <(printf '%s\n' a b) <(printf '%s\n' a c) | tee diff.out
coproc CAT { cat; }; echo to-coproc >&"${CAT[1]}"; read -r back <&"${CAT[0]}"; echo "$back"; eval "exec ${CAT[1]}>&-"; wait
exec {named}>named; echo "by name" >&"$named"; exec {named}>&-; cat named
exec 200>lock; flock -n 200 && echo locked; (flock -n 200 && echo "same description"); flock -n lock true || echo "another is refused"; exec 200>&-; flock -n lock echo free
while read -r a b; do echo "$b $a"; done <<< $'1 2\n3 4' > swapped; cat swapped
mapfile -t lines < <(cat swapped swapped); echo "${#lines[@]}"
{ for i in 1 2 3; do echo "line $i"; sleep 0.01; done & for i in 4 5 6; do echo "line $i"; done; wait; } > both; sort -o both both; cat both
trap 'echo trapped >> traps' USR1; kill -USR1 $$; trap 'echo left >> traps' EXIT; (trap 'echo sub >> traps' EXIT); cat traps
printf 'x%.0s' {1..70000} | dd bs=4096 of=big status=none; wc -c < big; read -r -N 5 part < big; echo "$part"
exec 8<>rw; echo first >&8; read -r nothing <&8; echo "at the end: [$nothing]"; exec 8<&-; (exec 8<rw; read -r line <&8; echo "$line"; head -c 1 <&8 | wc -c)
bash --norc --noprofile -c 'echo $BASHPID > pid; exec sh -c "test \$\$ = \$(cat pid) && echo same process"'
PS1='@> ' HISTFILE= TERM=dumb /usr/bin/python3 "$CASES/typist.py" bash --norc --noprofile -i <<'SCRIPT'
bind 'set enable-bracketed-paste off'
sh -c 'echo g""o; cat > typed'
go ==> from the terminal
from the terminal ==> ^D
cat typed; sh -c 'echo rea""dy; echo $$ > pid; exec sleep 1000'
ready ==> ^Z
jobs; bg; cat typed > copy; kill %1; wait %1; echo "killed: $?"
sh -c 'trap "echo stopped >> log; exit 3" INT; echo rea""dy; while :; do read -r x; done'
ready ==> ^C
echo "interrupted: $?"; cat log; (echo in the background > job; exit 4) & wait $!; echo "job: $?"; cat job
exit 7
SCRIPT
rm -f pid
