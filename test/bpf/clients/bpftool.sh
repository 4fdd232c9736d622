# What bpftool is asked, in the guest and on Linux: loading, showing, dumping, changing, pinning; plain and JSON; errors.
run() { echo "\$ $*"; "$@"; echo "=> $?"; }
last="pinned /sys/fs/bpf/maps/slots"

run bpftool version
run bpftool prog loadall /tool.bpf.o /sys/fs/bpf/progs pinmaps /sys/fs/bpf/maps
ls /sys/fs/bpf/progs /sys/fs/bpf/maps
run bpftool prog show
run bpftool -j prog show
run bpftool -p prog show name on_raw
run bpftool -f prog show pinned /sys/fs/bpf/progs/on_mkdir
run bpftool prog dump xlated name on_mkdir
run bpftool -j prog dump xlated name on_raw
run bpftool prog dump xlated name on_raw opcodes linum
run bpftool prog dump xlated name on_return visual
run bpftool prog dump jited name on_raw
run bpftool prog dump xlated name on_enter file /tmp/program
wc -c < /tmp/program
run bpftool prog run pinned /sys/fs/bpf/progs/on_raw repeat 2
run bpftool prog pin name on_raw /sys/fs/bpf/again
run bpftool prog pin name on_raw /sys/fs/bpf/again
run bpftool prog show id 12345
run bpftool prog load /nothing.o /sys/fs/bpf/nothing

run bpftool map show
run bpftool -p map show
run bpftool map show $last
run bpftool map dump $last
run bpftool -j map dump $last
run bpftool map update $last key 1 0 0 0 value hex 01 00 00 00 68 69 00 00 00 00 00 00 00 00 00 00 25 00 00 00 00 00 00 00 03 00 02 00 01 00 00 00
run bpftool map lookup $last key 1 0 0 0
run bpftool -p map lookup $last key 1 0 0 0
run bpftool map lookup $last key 9 0 0 0
run bpftool map getnext $last
run bpftool map getnext $last key 1 0 0 0
run bpftool map getnext $last key 2 0 0 0
run bpftool map delete $last key 1 0 0 0
run bpftool map update name recent key hex 05 00 00 00 value hex 07 00 00 00 00 00 00 00
run bpftool map update name recent key hex 06 00 00 00 value hex 08 00 00 00 00 00 00 00 noexist
run bpftool map update name recent key hex 06 00 00 00 value hex 08 00 00 00 00 00 00 00 noexist
run bpftool map update name recent key hex 07 00 00 00 value hex 08 00 00 00 00 00 00 00 exist
run bpftool map dump name recent
run bpftool map delete name recent key hex 06 00 00 00
run bpftool map lookup name recent key hex 06 00 00 00
run bpftool map dump name counters
run bpftool -p map dump name counters
run bpftool map update name each key 4 0 0 0 value 9 0 0 0
run bpftool map dump name each
run bpftool map dump name tool.data
run bpftool -p map dump name tool.data
run bpftool map dump name tool.rodata
run bpftool map dump name tool.bss
run bpftool map dump name records
run bpftool map update name tool.rodata key 0 0 0 0 value 1 0 0 0 0 0 0 0 0 0 0 0
run bpftool map update name jumps key 1 0 0 0 value pinned /sys/fs/bpf/progs/on_return
run bpftool map dump name jumps
run bpftool map show name jumps
run bpftool map create /sys/fs/bpf/queue type queue value 4 entries 3 name queue
run bpftool map enqueue pinned /sys/fs/bpf/queue value 7 0 0 0
run bpftool map enqueue pinned /sys/fs/bpf/queue value 8 0 0 0
run bpftool map peek pinned /sys/fs/bpf/queue
run bpftool map dequeue pinned /sys/fs/bpf/queue
run bpftool -j map dequeue pinned /sys/fs/bpf/queue
run bpftool map dequeue pinned /sys/fs/bpf/queue
run bpftool map create /sys/fs/bpf/stack type stack value 4 entries 3 name stack
run bpftool map push pinned /sys/fs/bpf/stack value 1 0 0 0
run bpftool map pop pinned /sys/fs/bpf/stack
run bpftool map create /sys/fs/bpf/hash type hash key 4 value 8 entries 3 name hash flags 1
run bpftool map freeze pinned /sys/fs/bpf/hash
run bpftool map show pinned /sys/fs/bpf/hash
run bpftool map update pinned /sys/fs/bpf/hash key 1 0 0 0 value 1 2 3 4 5 6 7 8
run bpftool map create /sys/fs/bpf/bad type hash key 4 value 0 entries 3 name bad
run bpftool map create /sys/fs/bpf/outer type hash_of_maps key 4 value 4 entries 3 name outer inner_map pinned /sys/fs/bpf/hash
run bpftool map update pinned /sys/fs/bpf/outer key 1 0 0 0 value pinned /sys/fs/bpf/hash
run bpftool map dump pinned /sys/fs/bpf/outer
run bpftool map pin name recent /sys/fs/bpf/recent
run bpftool map show id 12345

run bpftool btf show
run bpftool -j btf show
run bpftool btf dump prog pinned /sys/fs/bpf/progs/on_raw
run bpftool btf dump prog pinned /sys/fs/bpf/progs/on_raw format c
run bpftool btf dump map $last
run bpftool btf dump map $last key
run bpftool -j btf dump map $last value
run bpftool btf show id 12345
bpftool btf dump file /sys/kernel/btf/vmlinux format c | grep -c '^struct task_struct {'
bpftool btf dump id 1 | grep -c "FUNC 'vfs_mkdir'"

run bpftool prog loadall /tool.bpf.o /sys/fs/bpf/links autoattach
run bpftool link show
run bpftool -p link show
run bpftool perf show
run bpftool link show pinned /sys/fs/bpf/links/on_raw
run bpftool link detach pinned /sys/fs/bpf/links/on_raw
mkdir /tmp/made
bpftool -j map dump id $(bpftool link show pinned /sys/fs/bpf/links/on_mkdir > /dev/null; bpftool map show name counters | tail -4 | sed -n 's/:.*//p' | head -1)
echo
run bpftool -f link show
rm /sys/fs/bpf/links/*
sleep 1
run bpftool link show
run bpftool link show id 12345
run bpftool perf show
run bpftool cgroup tree
run bpftool net show
run bpftool struct_ops show
run bpftool iter pin /tool.bpf.o /sys/fs/bpf/iterator
