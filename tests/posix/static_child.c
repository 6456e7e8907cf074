// SPDX-License-Identifier: MIT
// A program that cannot carry the agent, for it is static: static_child ACTION…, on descriptors that it inherited. rN copies up to
// N bytes from its input to its output by one read, wTEXT writes a line, pTEXT writes TEXT at the beginning of the file.
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char** argv) {
  char buffer[256];
  for (int i = 1; i < argc; i++) {
    const char* text = argv[i] + 1;
    size_t size = strlen(text);
    ssize_t done = -1;
    if (argv[i][0] == 'r') {
      done = read(0, buffer, (size_t)atoi(text) % sizeof buffer);
      if (done > 0) done = write(1, buffer, (size_t)done);
    } else if (argv[i][0] == 'w' && size < sizeof buffer) {
      memcpy(buffer, text, size);
      buffer[size] = '\n';
      done = write(1, buffer, size + 1);
    } else if (argv[i][0] == 'p') {
      done = pwrite(1, text, size, 0);
    }
    if (done < 0) return 1;
  }
  return 0;
}
