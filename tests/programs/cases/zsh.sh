# SPDX-License-Identifier: MIT
# needs: zsh
cat > script <<'SCRIPT'
setopt extendedglob no_nomatch
print one >a >b; cat a b
print -l {1..5} > n; cat <n <a; print $(<n)
diff =(print x) =(print x) && print "same temporary files"
mkdir -p d/e/f; touch d/x.c d/e/y.c d/e/f/z.c; print -l **/*.c(:t); print -l **/*(/); print -l *(.on:t)
exec {fd}>named; print -u $fd hello; exec {fd}>&-; cat named
zmodload zsh/stat zsh/system zsh/mapfile zsh/files; zstat +size n; print -r -- $mapfile[named]; sysopen -rw -o creat -u s sys; syswrite -o $s data; sysseek -u $s 0; sysread -i $s got; print $got; exec {s}>&-
zf_mkdir made; zf_mv made moved; zf_ln -s n link; print -l link(@:A:t)
autoload -Uz zargs; zargs -n 2 -- **/*.c -- print
coproc cat; print -p through; read -p back; print $back; coproc exit
(( $(wc -l < n) == 5 )) && print counted; TRAPUSR1() { print trapped > trap }; kill -USR1 $$; cat trap
zf_rm -r d moved; print *(N)
typeset -A h; while IFS== read -r k v; do h[$k]=$v; done <<< $'x=1\ny=2'; print $h[x]$h[y] >> n; tail -1 n
SCRIPT
zsh -f script
echo "status $?"
HISTFILE=$PWD/hist; printf 'HISTFILE=%s SAVEHIST=100 HISTSIZE=100\nsetopt inc_append_history\n' "$HISTFILE" > .zshrc; ZDOTDIR=$PWD zsh -i -c 'print -s remembered; fc -W; fc -l -1' 2>/dev/null; cat hist; zsh -fc 'zcompile script; ls script.zwc'; rm -f script.zwc .zshrc
