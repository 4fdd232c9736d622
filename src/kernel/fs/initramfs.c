// SPDX-License-Identifier: MIT
/*
 * Unpacks the initramfs, a cpio archive in "new ASCII" format, into the root file system.
 * (Documentation/driver-api/early-userspace/buffer-format.rst)
 */
#include <kernel/fs.h>
#include <kernel/kernel.h>
#include <kernel/printk.h>
#include <kernel/string.h>
#include "internal.h"

#define HEADER_SIZE	110

struct cpio_header {
	unsigned long ino, mode, uid, gid, nlink, mtime, filesize, major, minor, rmajor, rminor, namesize, check;
};

static unsigned long hex(const char *s)
{
	unsigned long value = 0;

	for (int i = 0; i < 8; i++) {
		char c = s[i] | 0x20;

		value = value << 4 | (unsigned long)(c >= 'a' ? c - 'a' + 10 : s[i] - '0');
	}
	return value;
}

/* Several names of one file share its inode number; the bytes come with the last of them. */
#define MAX_LINKS	256
static struct {
	unsigned long ino, major, minor;
	char name[128];
} links[MAX_LINKS];
static int nr_links;

static const char *first_name(const struct cpio_header *h, const char *name)
{
	for (int i = 0; i < nr_links; i++)
		if (links[i].ino == h->ino && links[i].major == h->major && links[i].minor == h->minor)
			return links[i].name;
	if (nr_links < MAX_LINKS && strlen(name) < sizeof(links[0].name)) {
		links[nr_links].ino = h->ino;
		links[nr_links].major = h->major;
		links[nr_links].minor = h->minor;
		strcpy(links[nr_links++].name, name);
	}
	return NULL;
}

static void set_owner_and_time(struct dentry *dentry, const struct cpio_header *h)
{
	struct inode *inode = dentry->d_inode;

	inode->i_mode = (inode->i_mode & S_IFMT) | (h->mode & S_IALLUGO);
	inode->i_uid.val = h->uid;
	inode->i_gid.val = h->gid;
	inode->i_mtime.tv_sec = h->mtime;
	inode->i_mtime.tv_nsec = 0;
}

static int make_node(const struct cpio_header *h, const char *name, const char *body)
{
	struct path parent, existing;
	struct dentry *dentry = filename_create(AT_FDCWD, name, LOOKUP_DIRECTORY, &parent);
	char target[PATH_MAX];
	int err;

	if (IS_ERR(dentry)) {
		/* A directory that is there (the root above all) only takes on the archive's attributes. */
		if (PTR_ERR(dentry) != -EEXIST || !S_ISDIR(h->mode))
			return PTR_ERR(dentry);
		err = kern_path(name, 0, &existing);
		if (!err) {
			set_owner_and_time(existing.dentry, h);
			path_put(&existing);
		}
		return err;
	}
	switch (h->mode & S_IFMT) {
	case S_IFDIR:
		err = vfs_mkdir(parent.dentry->d_inode, dentry, h->mode);
		break;
	case S_IFLNK:
		if (h->filesize >= PATH_MAX) {
			err = -ENAMETOOLONG;
			break;
		}
		memcpy(target, body, h->filesize);
		target[h->filesize] = 0;
		err = vfs_symlink(parent.dentry->d_inode, dentry, target);
		break;
	default:
		err = vfs_mknod(parent.dentry->d_inode, dentry, h->mode, MKDEV(h->rmajor, h->rminor));
	}
	if (!err)
		set_owner_and_time(dentry, h);
	done_path_create(&parent, dentry);
	return err;
}

static int make_link(const char *old, const char *name)
{
	struct dentry *dentry;
	struct path from, parent;
	int err = kern_path(old, 0, &from);

	if (err)
		return err;
	dentry = filename_create(AT_FDCWD, name, 0, &parent);
	err = PTR_ERR_OR_ZERO(dentry);
	if (!err) {
		err = parent.dentry->d_inode->i_op->link(from.dentry, parent.dentry->d_inode, dentry);
		done_path_create(&parent, dentry);
	}
	path_put(&from);
	return err;
}

static int make_file(const struct cpio_header *h, const char *name, const char *body)
{
	const char *old = h->nlink > 1 ? first_name(h, name) : NULL;
	struct file *file;
	loff_t pos = 0;
	ssize_t written;

	if (old) {
		int err = make_link(old, name);

		if (err || !h->filesize)
			return err;
	}
	file = filp_open(name, O_WRONLY | O_CREAT | O_TRUNC, h->mode & S_IALLUGO);
	if (IS_ERR(file))
		return PTR_ERR(file);
	written = kernel_write(file, body, h->filesize, &pos);
	set_owner_and_time(file_dentry(file), h);
	fput(file);
	return written < 0 ? written : (size_t)written < h->filesize ? -ENOSPC : 0;
}

/* 0, or an errno after saying what is wrong. Archives may follow each other, with zeros between. */
int unpack_to_rootfs(const char *buf, size_t len)
{
	size_t at = 0;
	int err = 0;

	nr_links = 0;
	while (at < len) {
		struct cpio_header h;
		unsigned long *fields = (unsigned long *)&h;
		const char *name, *body;

		if (!buf[at]) {
			at++;
			continue;
		}
		at = ALIGN(at, 4);
		if (len - at < HEADER_SIZE || (memcmp(buf + at, "070701", 6) && memcmp(buf + at, "070702", 6))) {
			pr_emerg("Initramfs unpacking failed: %s\n",
				 len - at >= 2 && (u8)buf[at] == 0x1f && (u8)buf[at + 1] == 0x8b ?
				 "compressed archives are not supported" : "no cpio magic");
			return -EINVAL;
		}
		for (unsigned int i = 0; i < sizeof(h) / sizeof(long); i++)
			fields[i] = hex(buf + at + 6 + 8 * i);
		name = buf + at + HEADER_SIZE;
		at = ALIGN(at + HEADER_SIZE + h.namesize, 4);
		body = buf + at;
		if (!h.namesize || at > len || h.filesize > len - at || name[h.namesize - 1]) {
			pr_emerg("Initramfs unpacking failed: broken header or truncated archive\n");
			return -EINVAL;
		}
		at = ALIGN(at + h.filesize, 4);
		if (!strcmp(name, "TRAILER!!!")) {
			nr_links = 0;
			continue;
		}
		while (*name == '/')
			name++;
		if (!*name || !strcmp(name, "."))
			name = "/.";
		err = S_ISREG(h.mode) ? make_file(&h, name, body) : make_node(&h, name, body);
		if (err)
			pr_err("initramfs: %s: error %d\n", name, err);
	}
	return err;
}
