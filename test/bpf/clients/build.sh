#!/bin/sh
# build.sh FOLDER: compiles the clients into FOLDER: the objects with clang, their skeletons with bpftool, the programs static
# against the system's libbpf.
set -e
out=$1
cd "$(dirname "$0")"
include=/usr/include/$(uname -m)-linux-gnu
for name in observe multi signals targets tool; do
  # No path of this machine gets into the type information.
  clang -g -O2 -target bpf -D__TARGET_ARCH_x86 -fdebug-compilation-dir=/clients -I"$include" -c "$name.bpf.c" \
    -o "$out/$name.bpf.o"
done
for name in observe multi signals targets; do
  bpftool gen skeleton "$out/$name.bpf.o" name "${name}_bpf" > "$out/$name.skel.h"
  gcc -O2 -static -I"$out" -I. "$name.c" -o "$out/$name" -lbpf -lelf -lz
done
