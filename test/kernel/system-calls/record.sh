#!/bin/bash
# record.sh BZIMAGE: boots a Linux 6.1 kernel (with tmpfs, proc, sysfs, debugfs, tracefs, devtmpfs, virtio-blk, btrfs, two
# serial ports) under QEMU, runs the families of system calls in it and keeps what they print as linux-6.1.txt.
# Needs gcc, qemu-system-x86, busybox-static, cpio.
set -e
here=$(cd "$(dirname "$0")"; pwd); kernel=$(realpath "${1:?usage: record.sh BZIMAGE}")
tmp=$(mktemp -d); trap 'rm -rf "$tmp"' EXIT
mkdir -p "$tmp"/root/{bin,dev,proc,sys,tmp,mnt}
gcc -O1 -w -static -pthread -o "$tmp/root/system-calls" "$here"/*.c
cp "$(command -v busybox)" "$tmp/root/bin/busybox"
cat > "$tmp/root/init" <<'T'
#!/bin/busybox sh
b=/bin/busybox
$b mount -t proc proc /proc; $b mount -t sysfs sysfs /sys; $b mount -t devtmpfs dev /dev
$b mount -t debugfs debugfs /sys/kernel/debug; $b mount -t tracefs tracefs /sys/kernel/tracing
$b mount -t tmpfs tmpfs /tmp; $b stty -F /dev/ttyS1 raw -echo
/system-calls </dev/console >/dev/ttyS1 2>&1
$b poweroff -f
T
chmod +x "$tmp/root/init"
(cd "$tmp/root"; find . | cpio -o -H newc --quiet | gzip -1) > "$tmp/initrd.gz"
gzip -dc "$here/../../../images/disks/btrfs.img.gz" > "$tmp/disk.img"
timeout 300 qemu-system-x86_64 -accel tcg -cpu qemu64 -display none -monitor none -no-reboot -m 256 \
  -serial "file:$tmp/console" -serial "file:$tmp/out" -kernel "$kernel" -initrd "$tmp/initrd.gz" \
  -drive "file=$tmp/disk.img,if=virtio,format=raw,snapshot=on" -append "console=ttyS0 quiet panic=-1" </dev/null
sed "s/\r//g; s/[ \t]*$//" "$tmp/out" > "$here/linux-6.1.txt"; wc -l "$here/linux-6.1.txt"
