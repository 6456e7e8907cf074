// SPDX-License-Identifier: MIT
// A shared object needs a source of its own; everything comes from the libraries.
