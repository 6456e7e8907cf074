// SPDX-License-Identifier: MIT
int* f() { return new Int(); }
