#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""extract_objects.py TOOL OUTPUT: the eBPF object that a libbpf tool carries, byte for byte, as a file of its own."""
import struct
import sys

data = open(sys.argv[1], "rb").read()
at = 4
while True:
    at = data.find(b"\x7fELF\x02\x01\x01", at)
    if at < 0:
        sys.exit(f"{sys.argv[1]}: carries no eBPF object")
    if struct.unpack_from("<H", data, at + 18)[0] == 247:
        break
    at += 4
sections, = struct.unpack_from("<Q", data, at + 40)
count, = struct.unpack_from("<H", data, at + 60)
open(sys.argv[2], "wb").write(data[at : at + sections + 64 * count])
