// SPDX-License-Identifier: MIT
/*
 * Memory that processes share: files in memory that have no name, on a tmpfs that is mounted nowhere. Shared anonymous
 * mappings are such files, and so is what memfd_create(2) gives.
 */
#include <linux/memfd.h>
#include <kernel/err.h>
#include <kernel/fs.h>
#include <kernel/init.h>
#include <kernel/kernel.h>
#include <kernel/mm.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <kernel/syscalls.h>
#include <kernel/uaccess.h>
#include "../fs/internal.h"
#include "internal.h"

#define MEMFD_PREFIX		"memfd:"
#define MEMFD_NAME_MAX		(NAME_MAX - (sizeof(MEMFD_PREFIX) - 1))

static struct vfsmount *shm_mnt;

static char *shm_dname(struct dentry *dentry, char *buffer, int size)
{
	scnprintf(buffer, size, "/%s (deleted)", dentry->d_name.name);
	return buffer;
}

static const struct dentry_operations shm_dentry_operations = { .d_dname = shm_dname };

struct file *shmem_file_setup(const char *name, loff_t size)
{
	struct qstr q = QSTR_INIT(name, strlen(name));
	struct path path = { .dentry = d_alloc(NULL, &q) };
	struct inode *inode;
	struct file *file;

	if (!path.dentry)
		return ERR_PTR(-ENOMEM);
	path.dentry->d_sb = shm_mnt->mnt_sb;
	path.dentry->d_op = &shm_dentry_operations;
	path.mnt = mntget(shm_mnt);
	inode = ramfs_get_inode(shm_mnt->mnt_sb, NULL, S_IFREG | S_IRWXUGO, 0);
	if (!inode) {
		path_put(&path);
		return ERR_PTR(-ENOSPC);
	}
	set_nlink(inode, 0);
	i_size_write(inode, size);
	d_instantiate(path.dentry, inode);
	file = alloc_file(&path, O_RDWR, inode->i_fop);
	if (IS_ERR(file))
		path_put(&path);
	return file;
}

int shmem_zero_setup(struct vm_area_struct *vma)
{
	struct file *file = shmem_file_setup("dev/zero", vma->vm_end - vma->vm_start);

	if (IS_ERR(file))
		return PTR_ERR(file);
	vma->vm_file = file;
	return file->f_op->mmap(file, vma);
}

SYSCALL_DEFINE2(memfd_create, const char __user *, uname, unsigned int, flags)
{
	struct file *file;
	char *name;
	long length;
	int fd;

	if (flags & ~(MFD_CLOEXEC | MFD_ALLOW_SEALING))
		return -EINVAL;
	name = kmalloc(NAME_MAX + 1, GFP_KERNEL);
	if (!name)
		return -ENOMEM;
	strcpy(name, MEMFD_PREFIX);
	length = strncpy_from_user(name + strlen(MEMFD_PREFIX), uname, MEMFD_NAME_MAX + 1);
	if (length < 0 || length > (long)MEMFD_NAME_MAX) {
		kfree(name);
		return length < 0 ? length : -EINVAL;
	}
	fd = get_unused_fd_flags(flags & MFD_CLOEXEC ? O_CLOEXEC : 0);
	if (fd >= 0) {
		file = shmem_file_setup(name, 0);
		if (IS_ERR(file)) {
			put_unused_fd(fd);
			fd = PTR_ERR(file);
		} else {
			fd_install(fd, file);
		}
	}
	kfree(name);
	return fd;
}

static int shmem_init(void)
{
	shm_mnt = kern_mount(get_fs_type("tmpfs"));
	if (IS_ERR(shm_mnt))
		panic("cannot mount tmpfs for shared memory");
	return 0;
}
device_initcall(shmem_init);
