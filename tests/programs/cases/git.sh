# SPDX-License-Identifier: MIT
# needs: git
export HOME=$PWD GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_DATE="@1000000000 +0000" GIT_COMMITTER_DATE="@1000000000 +0000"
git config --global user.email a@b; git config --global user.name n; git config --global protocol.file.allow always; git config --global init.defaultBranch main
base=$PWD; git init -q origin; cd origin
for d in a b c; do mkdir $d; for i in $(seq 40); do seq $i $((i*7)) > $d/$i; done; done; git add -A; git commit -qm "all"; git tag -a -m tag v1
for i in $(seq 12); do echo "$i" >> a/1; sed -i "s/^7$/seven$i/" b/$i; git commit -qam "change $i"; done
git clone -q --no-local . ../copy; git clone -q --bare "file://$PWD" ../bare.git; git clone -q --depth 2 "file://$PWD" ../shallow; git -C ../shallow log --oneline
git checkout -q -b topic HEAD~6; for i in 1 2 3; do echo t$i > topic$i; git add topic$i; git commit -qm "topic $i"; done; echo conflict > a/1; git commit -qam conflict
git rebase -q main >/dev/null 2>&1; echo "rebase: $?"; git status --short | head -3; git checkout -q --theirs a/1; git add a/1; GIT_EDITOR=true git rebase --continue >/dev/null 2>&1; git log --format='%s %T'
echo dirty >> b/2; git stash -q; git stash list; git stash pop -q; git diff --stat; git checkout -q b/2
git worktree add -q ../tree HEAD~2; (cd ../tree; echo w > w; git add w; git commit -qm w; git log --oneline | wc -l); git worktree list | wc -l; git worktree remove ../tree; git worktree prune -v; git bisect reset >/dev/null 2>&1
git cherry-pick -x v1~0 >/dev/null 2>&1; git cherry-pick --abort 2>/dev/null; git merge -q --no-edit main 2>&1 | head -2; git bisect start HEAD v1 >/dev/null; git bisect run sh -c '! test -e topic2' | grep 'first bad'; git bisect reset >/dev/null 2>&1
GIT_SEQUENCE_EDITOR='sed -i 2s/pick/squash/' GIT_EDITOR=true git rebase -q -i HEAD~3; git log --format=%s | head -3
git repack -q -a -d -f; git gc -q --prune=now --aggressive; git count-objects -v | grep -E 'count|packs'; git fsck --full 2>&1 | grep -v dangling
git bundle create -q ../b.bundle --all; git bundle verify -q ../b.bundle 2>&1; git clone -q ../b.bundle ../frombundle -b main; git -C ../frombundle rev-parse HEAD
git push -q ../bare.git topic; git -C ../copy pull -q; git -C ../copy fetch -q origin topic; git -C ../copy log -1 --format=%T FETCH_HEAD; git archive --format=tar HEAD | tar tf - | wc -l
git submodule add -q "$base/bare.git" sub 2>&1; git commit -qm sub; git clone -q --recurse-submodules . ../withsub 2>&1; ls ../withsub/sub | wc -l; git grep -c seven | wc -l; git blame -s a/1 | wc -l; git clean -qfdx; git reset -q --hard v1; git status --short | wc -l
git notes add -m note; git notes show; git format-patch -q -o ../patches v1..main; ls ../patches | wc -l; git am -q ../patches/*; git rev-parse HEAD^{tree}
cd ..; for r in origin copy bare.git withsub; do git -C $r fsck --full 2>&1 | grep -vc dangling; done; rm -rf * .gitconfig
