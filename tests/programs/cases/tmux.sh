# SPDX-License-Identifier: MIT
# needs: tmux
export TMUX_TMPDIR=$PWD LC_ALL=C.UTF-8; unset TMUX
tmux -f /dev/null new-session -d -s s -x 80 -y 24 'sh'; tmux list-sessions -F '#{session_name} #{session_windows}'
tmux pipe-pane -t s -o 'cat >> piped'; tmux send-keys -t s 'echo hello $((6*7)) > said; tmux wait-for -S done' Enter; tmux wait-for done; cat said
tmux new-window -t s: -n two 'echo window > window; tmux wait-for -S two; sleep 1000'; tmux wait-for two; cat window; tmux list-windows -t s -F '#{window_name}' | tail -1
tmux set-buffer "buffer text"; tmux save-buffer buf; cat buf; echo; tmux load-buffer said; tmux show-buffer; tmux capture-pane -p -t s:0 > pane; test -s pane && echo captured
tmux split-window -t s:1 'cat > cat.out'; tmux send-keys -t s:1.1 'typed' Enter C-d; i=0; while ! grep -q typed cat.out && [ $i -lt 500 ]; do i=$((i+1)); sleep 0.02; done; cat cat.out
tmux run-shell 'echo ran > ran'; cat ran; grep -q hello piped && echo piped; tmux kill-server; echo "status $?"; i=0; while pgrep -f "^tmux -f /dev/null new-session.*$PWD" >/dev/null && [ $i -lt 100 ]; do i=$((i+1)); sleep 0.02; done; rm -rf tmux-* pane piped
