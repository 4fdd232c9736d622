#!/bin/bash
# on-linux.sh KERNEL [CLIENT]: asks a Linux 6.1 (bzImage with BPF, BTF and CONFIG_FPROBE, and btrfs) what the clients here print, and
# records it as CLIENT.txt beside this file: observe, multi, signals, targets and bpftool, or the one that is named. Needs what the
# test needs, and qemu-system-x86_64, busybox-static, cpio, btrfs-progs.
set -e
here=$(cd "$(dirname "$0")"; pwd); kernel=$(realpath "$1")
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
root=$work/root; mkdir -p "$root"/{bin,dev,proc,sys,tmp,mnt,usr/sbin}
sh "$here/build.sh" "$work"
cp "$(command -v busybox)" "$root/bin/"; cp "$(command -v bpftool || echo /usr/sbin/bpftool)" "$root/usr/sbin/bpftool"
for library in $(ldd "$root/usr/sbin/bpftool" | grep -o '/lib[^ ]*'); do install -D "$(realpath "$library")" "$root/$library"; done
cp "$work"/{observe,multi,signals,targets,tool.bpf.o} "$here/bpftool.sh" "$root/"
cat > "$root/init" <<'I'
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin:/usr/sbin
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs dev /dev
mount -t debugfs debugfs /sys/kernel/debug; mount -t tracefs tracefs /sys/kernel/tracing
mount -t tmpfs tmp /tmp
stty -F /dev/ttyS1 raw -echo
case $(cat /proc/cmdline) in
*client=bpftool*) mkdir -p /sys/fs/bpf; mount -t bpf bpf /sys/fs/bpf; sh /bpftool.sh;;
*client=observe*) /observe;;
*client=multi*) /multi;;
*client=signals*) /signals;;
*client=targets*) /targets;;
esac > /dev/ttyS1 2>&1
poweroff -f
I
chmod +x "$root/init"
(cd "$root"; find . | cpio -o -H newc --quiet | gzip) > "$work/initrd.gz"
truncate -s 110M "$work/disk"; mkfs.btrfs -q -m single -d single "$work/disk" > /dev/null 2>&1
for client in ${2:-observe multi signals targets bpftool}; do
  timeout 300 qemu-system-x86_64 -accel tcg -cpu qemu64 -display none -monitor none -no-reboot -m 1024 -serial "file:$work/console" \
    -serial "file:$work/output" -drive "file=$work/disk,if=virtio,format=raw,snapshot=on" -kernel "$kernel" \
    -initrd "$work/initrd.gz" -append "console=ttyS0 panic=-1 client=$client" < /dev/null
  tr -d '\r' < "$work/output" > "$here/$client.txt"
  wc -l "$here/$client.txt"
done
