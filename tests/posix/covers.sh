# SPDX-License-Identifier: MIT
# Sourced by tests/posix/run: what others mount below the mount point, and take away again, under a program that runs in-process all
# the while. The daemon learns of it a moment after mount(2) has returned, so every answer is asked for until it is right.

covered=$scratch/covered
with_mount "$covered" --size 64M
mkdir -p "$covered/a/b/c" "$covered/other"
for place in a/b/c/f a/b/f other/f file; do echo "under $place" >"$covered/$place"; done
ln -s a/b "$covered/link"
cover() { mount "$@" || fail "mount $*"; }

coproc served { cd "$covered/a" && exec "$btfuse" run -- bash -c 'while read -r command; do eval "$command"; echo .; done'; }
# The shell forgets them when the program has ended.
to_served=${served[1]} from_served=${served[0]} served_pid=$served_PID
# What the program prints for a command, lines joined.
answer_of() {
  local line text=
  echo "$1" >&"$to_served"
  while read -r -t 60 line <&"$from_served" && [ "$line" != . ]; do text+="${text:+ }$line"; done
  echo "$text"
}
# NAME EXPECTED COMMAND: sooner or later.
in_time() {
  local found deadline=$((SECONDS + 60))
  while found=$(answer_of "$3"); [ "$found" != "$2" ] && [ $SECONDS -lt $deadline ]; do sleep 0.02; done
  equal "covers: $1" "$2" "$found"
}
show() { echo "for f in $*; do read -r line 2>/dev/null <\$f && echo \$line || echo none; done"; }
first=$covered/a/b/f relative=b/f
in_time 'before' 'under a/b/f under a/b/f under a/b/f' "$(show "$first" $relative "$covered/link/f")"

cover -t tmpfs tmpfs "$covered/a/b"
echo 'over' >"$covered/a/b/f"
in_time 'a directory' over "$(show "$first")"
in_time 'by a relative path and by a link' 'over over' "$(show $relative "$covered/link/f")"
in_time 'what is not in it is not found' none "$(show "$covered/a/b/c/f")"
in_time 'beside it' 'under other/f under other/f' "$(show "$covered/other/f" ../other/f)"
in_time 'up and down again' over "$(show "$covered/other/../a/b/f")"
in_time 'written there' 'over and over' "echo 'over and over' >b/f; $(show $relative)"
equal 'covers: is the other file system'\''s' 'over and over' "$(cat "$covered/a/b/f")"
in_time 'its directory' '.. ok' "cd b && echo .. && cd .. && [ \"\$PWD\" = $covered/a ] && echo ok"
in_time 'made, moved and removed in it' 'made none' "mkdir b/d; echo made >b/d/g; mv b/d b/e; $(show b/e/g); rm -r b/e; $(show b/e/g)"
in_time 'cannot be removed itself' busy "rmdir b 2>/dev/null || echo busy"
in_time 'nor moved' busy "mv b z 2>/dev/null || echo busy"
in_time 'others are in-process' 'under file' "$(show "$covered/file")"
kernel_calls() { "$btfuse" stat --json "$covered" | jq .calls.passed; }
before=$(kernel_calls)
in_time 'a hundred calls beside it' 'under file' "for i in {1..100}; do [ -e $covered/other/f ]; done; $(show "$covered/file")"
equal 'covers: go on in-process' "$before" "$(kernel_calls)"

cover --bind "$covered/other/f" "$covered/file"
in_time 'a file' 'under other/f' "$(show "$covered/file")"
umount "$covered/file" "$covered/a/b"
in_time 'uncovered' 'under a/b/f under a/b/f under a/b/c/f under file' "$(show "$first" $relative "$covered/link/c/f" "$covered/file")"

mkdir "$scratch/elsewhere"; echo elsewhere >"$scratch/elsewhere/file"
cover --bind "$scratch/elsewhere" "$covered"
in_time 'the whole mount' elsewhere "$(show "$covered/file")"
in_time 'not for who was in it' 'under a/b/f' "$(show $relative)"
umount "$covered"
in_time 'and back' 'under file' "$(show "$covered/file")"

# A worker that comes anew finds what is covered.
cover -t tmpfs tmpfs "$covered/a/b"; echo over >"$covered/a/b/f"
in_time 'before a restart' over "$(show "$first")"
kill -KILL "$("$btfuse" list --json | jq ".[] | select(.mountpoint == \"$covered\").worker")"
umount "$covered/a/b"
in_time 'after it' 'under a/b/f' "$(show "$first")"
# A program that mounts by itself sees what it has mounted at once. (mount(8) is setuid, and not served.)
program='my ($t, $d) = ("tmpfs", shift); syscall(165, $t, $d, $t, 0, 0) == 0 or die; open F, ">", "$d/f"; print F "over\n"; close F; open F, "$d/f"; print <F>'
equal 'covers: by a program in-process' over "$("$btfuse" run -- perl -e "$program" "$covered/a/b")"
equal 'covers: on the other file system' over "$(cat "$covered/a/b/f")"
in_time 'seen by others' over "$(show "$first")"
umount "$covered/a/b"
exec {to_served}>&-
wait "$served_pid"
