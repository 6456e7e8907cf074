# SPDX-License-Identifier: MIT
# needs: gcc
# mapping.c: mappings against truncate, punch, unlink, fork, mremap and mprotect; the signal behind the end of the file.
gcc -w -o mapping "$CASES/mapping.c" && ./mapping; echo "status $?"; rm mapping
