#!/bin/sh
# Makes test/btrfs-model/linux-disks/subvolumes.img.gz and its listing with Linux's own btrfs: what mkfs.btrfs --rootdir
# cannot make, such as snapshots, shared and preallocated extents, files without checksums, compression, quota groups.
# Needs root, a kernel with btrfs and loop devices. The bytes differ from run to run; the listing does not.
set -e
out=$(cd "$(dirname "$0")/.." && pwd)/test/btrfs-model/linux-disks
tmp=$(mktemp -d)
trap 'umount "$tmp/mnt" 2>/dev/null || true; rm -rf "$tmp"' EXIT
mkdir -p "$out" "$tmp/mnt"
truncate -s 64M "$tmp/img"
mkfs.btrfs -q -m single -d single -n 4096 -L subvolumes -U e0000000-0000-4000-8000-000000000030 "$tmp/img" >/dev/null
mount -o loop,noatime "$tmp/img" "$tmp/mnt"
cd "$tmp/mnt"
lines() { seq -f "line %06g" "$1"; }

btrfs -q subvolume create origin
lines 3000 > origin/lines
mkdir origin/dir
echo before > origin/dir/file
btrfs -q subvolume snapshot origin snapshot
echo after > snapshot/dir/file
btrfs -q subvolume snapshot -r origin origin/inner-read-only

lines 20000 > whole
cp --reflink=always whole shared
sync
lines 400 | dd of=shared bs=4096 seek=8 conv=notrunc status=none
fallocate -l 200000 preallocated
sync
printf 'written' | dd of=preallocated bs=1 seek=50000 conv=notrunc status=none
printf 'start' > holes
truncate -s 300000 holes
printf 'end' >> holes
mkdir no-checksums
chattr +C no-checksums
lines 1000 > no-checksums/lines
btrfs property set . compression zstd
lines 5000 > compressed
btrfs property set . compression ""
ln whole hard-link
ln -s origin/dir/file link
mkfifo fifo
mknod null c 1 3
mkdir many
for i in $(seq 400); do echo "$i" > "many/$i"; done
sync
rm many/1??
# Two names with the same crc32c share one DIR_ITEM.
echo one > lfiEv6q0
echo two > wB84fJjb
btrfs quota enable .
sync

# The listing: what Linux reads. Compressed files are refused by us and are left out.
{
  find . -type f ! -name compressed | LC_ALL=C sort | xargs sha256sum
  find . -type l | LC_ALL=C sort | while read -r l; do echo "$l -> $(readlink "$l")"; done
} > "$out/subvolumes.txt"
cd /
umount "$tmp/mnt"
gzip -9 -n -c "$tmp/img" > "$out/subvolumes.img.gz"
ls -l "$out"
