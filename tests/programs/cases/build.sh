# SPDX-License-Identifier: MIT
# needs: gcc g++ make ld ar strip
# Compile, link, archive, run, reload: everything a build does, and the products run from the mount.
for i in $(seq 12); do printf '#include <stdio.h>\n#include <math.h>\nint f%d(int x) { return x * %d; }\n' $i $i > f$i.c; done
{ for i in $(seq 12); do echo "int f$i(int);"; done; echo 'int printf(const char*,...); int main(void) { int s = 0;'; for i in $(seq 12); do echo "s += f$i($i);"; done; echo 'printf("%d\n", s); return 0; }'; } > main.c
cat > Makefile <<'M'
SRC := $(sort $(wildcard f*.c))
OBJ := $(SRC:.c=.o)
all: prog prog.lto libf.so prog.dyn
%.o: %.c ; gcc -pipe -O1 -g -MMD -c -o $@ $<
libf.a: $(OBJ) ; ar rcsD $@ $^ && ranlib $@
libf.so: $(OBJ:.o=.pic) ; gcc -shared -Wl,-soname,libf.so -o $@ $^
%.pic: %.c ; gcc -save-temps=obj -fPIC -x c -c -o $@ $<
prog: main.o libf.a ; gcc -o $@ main.o -L. -l:libf.a -Wl,--build-id
prog.lto: main.c $(SRC) ; gcc -flto=2 -O2 -o $@ $^
prog.dyn: main.o libf.so ; gcc -o $@ main.o -L. -lf -Wl,-rpath,'$$ORIGIN'
-include $(wildcard *.d)
M
make -s -j4 all; echo "make: $?"; ./prog; ./prog.lto; ./prog.dyn; make -q all; echo "up to date: $?"
touch -d '+1 hour' f3.c; make -n prog | wc -l
cat > plug.c <<'C'
#include <fcntl.h>
#include <unistd.h>
int work(const char *name) { int fd = open(name, O_CREAT | O_RDWR, 0644); return write(fd, "plug", 4) + close(fd); }
C
cat > host.c <<'C'
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int main(void) {
  for (int i = 0; i < 50; i++) {
    void *h = dlopen("./plug.so", RTLD_NOW);
    if (!h) { puts(dlerror()); return 1; }
    int (*work)(const char *) = (int (*)(const char *))dlsym(h, "work");
    if (work("plugged") != 4) return 2;
    dlclose(h);
  }
  puts("plugged 50 times");
  char self[4096] = ""; FILE *f = fopen("/proc/self/maps", "r"); int found = 0;
  while (fgets(self, sizeof self, f)) found |= strstr(self, "/host") != NULL;
  return !found;
}
C
gcc -shared -fPIC -o plug.so plug.c; gcc -o host host.c -ldl; ./host; echo "host: $?"; cat plugged; echo
cp prog running; cat > hold.c <<'C'
#include <stdio.h>
#include <unistd.h>
int main(void) { puts("held"); fflush(stdout); char c; return read(0, &c, 1) == 1; }
C
gcc -o hold hold.c; mkfifo in; ./hold < in > held & exec 9> in; while ! test -s held; do sleep 0.01; done; (echo x > hold) 2>&1 | sed 's/.*: //'; echo >&9; exec 9>&-; wait $!; echo "hold: $?"; rm in
strip -o prog.small prog; ./prog.small; objcopy --only-keep-debug prog prog.debug; objcopy --add-gnu-debuglink=prog.debug prog.small; nm prog.small 2>&1 | wc -l; size libf.a | wc -l; ld -r -o all.o f1.o f2.o f3.o; nm all.o | grep -c ' T '
g++ -O1 -x c++ -o cxx - <<'C' 
#include <fstream>
#include <filesystem>
#include <iostream>
#include <thread>
#include <vector>
int main() {
  namespace fs = std::filesystem;
  std::vector<std::thread> all;
  for (int i = 0; i < 8; i++) all.emplace_back([i] { for (int k = 0; k < 100; k++) { std::ofstream("t" + std::to_string(i) + "-" + std::to_string(k)) << i << k; } });
  for (auto &t : all) t.join();
  size_t n = 0, bytes = 0;
  for (auto &e : fs::directory_iterator(".")) if (e.path().filename().string()[0] == 't') n++, bytes += e.file_size(), fs::remove(e.path());
  std::cout << n << ' ' << bytes << '\n';
  fs::create_directories("x/y/z"); fs::rename("x/y", "x/w"); fs::copy("Makefile", "x/w/M"); std::cout << fs::equivalent("Makefile", "./Makefile") << fs::exists("x/w/z") << fs::remove_all("x") << '\n';
  try { fs::create_directory("no/such"); } catch (fs::filesystem_error &e) { std::cout << e.code().value() << '\n'; }
}
C
./cxx; rm -f *.o *.pic *.a *.so prog* host hold running cxx *.ltrans* *.res *.d *.i *.s
