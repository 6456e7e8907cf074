# SPDX-License-Identifier: MIT
# needs: dash
dash -e <<'SCRIPT'
exec 3>three; echo to three >&3; exec 4>&3 3>&-; echo to four >&4; exec 4>&-; cat three
cat <<A; cat <<-B
first $((6*7))
A
	second
	B
f() { echo "in f: $1"; return 3; }; f x || echo "status $?"
(cd /; echo outside > "$OLDPWD/from-outside"); cat from-outside
set -- *; echo "$#: $*"; for f in *; do test -f "$f" && printf '%s ' "$f"; done; echo
trap 'echo on exit >> at-exit' EXIT
(trap 'echo got term > term; exit 0' TERM; echo up > up; while :; do sleep 0.01; done) & child=$!
while ! test -s up; do sleep 0.01; done; kill $child; wait $child; cat term
umask 027; echo x > masked; stat -c %a masked; ulimit -f 8; (head -c 100000 /dev/zero > limited) 2>/dev/null || echo "too big"; stat -c %s limited
i=0; while [ $i -lt 200 ]; do i=$((i+1)); echo $i; done > numbers; read -r a < numbers; echo "$a"; { read -r a; read -r b; echo "$a$b"; cat | wc -l; } < numbers
set -C; (echo y > three) 2>/dev/null || echo "noclobber holds"; echo z >| three; cat three
SCRIPT
cat at-exit
