# Makes a system of the guest's root, as far as bpftool.sh needs one.
/bin/busybox --install -s /bin
export PATH=/bin:/usr/sbin
mkdir -p /sys/fs/bpf
mount -t bpf bpf /sys/fs/bpf
sh /bpftool.sh 2>&1
