// SPDX-License-Identifier: MIT
/* Start of the virtual file system: caches, the root mount, the first task's view of it, the initramfs. */
#include <kernel/fs.h>
#include <kernel/fdtable.h>
#include <kernel/init.h>
#include <kernel/kernel.h>
#include <kernel/mm.h>
#include <kernel/printk.h>
#include <kernel/sched.h>
#include "../mm/filemap.h"
#include "internal.h"

static int vfs_init(void)
{
	dcache_init();
	inode_cache_init();
	files_init();
	filemap_init();
	mount_rootfs();
	/* Tasks made later copy what this one has; it was itself made before there was a root. */
	if (!current->fs && copy_fs(0, current))
		panic("VFS: no memory for the first task's root");
	if (!current->files && copy_files(0, current))
		panic("VFS: no memory for the first task's files");
	if (!current->fs->root.mnt) {
		current->fs->root = current->fs->pwd = init_root_path;
		path_get(&current->fs->root);
		path_get(&current->fs->pwd);
	}
	return 0;
}
pure_initcall(vfs_init);

static void make_default_node(const char *name, umode_t mode, dev_t dev)
{
	struct path parent;
	struct dentry *dentry = filename_create(AT_FDCWD, name, LOOKUP_DIRECTORY, &parent);

	if (IS_ERR(dentry))
		return;
	if (S_ISDIR(mode))
		vfs_mkdir(parent.dentry->d_inode, dentry, mode);
	else
		vfs_mknod(parent.dentry->d_inode, dentry, mode, dev);
	done_path_create(&parent, dentry);
}

/* What is there even without an initramfs, so that the first program finds its console. */
static int populate_rootfs(void)
{
	make_default_node("/dev", S_IFDIR | 0755, 0);
	make_default_node("/dev/console", S_IFCHR | 0600, MKDEV(TTYAUX_MAJOR, 1));
	make_default_node("/root", S_IFDIR | 0700, 0);
	for (unsigned int i = 0; i < nr_boot_modules; i++) {
		unpack_to_rootfs(phys_to_virt(boot_modules[i].phys), boot_modules[i].size);
		free_boot_module(i);
	}
	return 0;
}
rootfs_initcall(populate_rootfs);

/* Opens descriptors 0, 1 and 2 of the first program. */
void console_on_rootfs(void)
{
	struct file *file = filp_open("/dev/console", O_RDWR, 0);

	if (IS_ERR(file)) {
		pr_err("Warning: unable to open an initial console.\n");
		return;
	}
	for (int i = 0; i < 3; i++) {
		int fd = get_unused_fd_flags(0);

		if (fd >= 0)
			fd_install(fd, get_file(file));
	}
	fput(file);
}
