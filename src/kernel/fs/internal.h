/* SPDX-License-Identifier: MIT */
/* What the files of the virtual file system know of each other and nobody else needs. */
#ifndef _FS_INTERNAL_H
#define _FS_INTERNAL_H

#include <kernel/fs.h>
#include <kernel/list.h>

struct task_struct;

/* A place in the tree of mounts. */
struct mount {
	struct vfsmount mnt;
	struct list_head hash;		/* by parent and mountpoint */
	struct list_head list;		/* in order of mounting */
	struct mount *mnt_parent;	/* itself, when at the top */
	struct dentry *mnt_mountpoint;
	struct mnt_namespace *mnt_ns;
	int count;
	int children;
	bool automounted;		/* goes when its parent goes */
	int mnt_id;
	unsigned long visits;		/* by path walks */
	unsigned long expires_at_visit;	/* MNT_EXPIRE: if the next visitor is umount2 again */
	char *mnt_devname;
};

static inline struct mount *real_mount(struct vfsmount *mnt)
{
	return container_of(mnt, struct mount, mnt);
}

/* What is mounted on @path, without a reference; NULL if nothing. */
struct mount *lookup_mnt(const struct path *path);
/* Lets @path mount what belongs there by itself; NULL if that fails. */
struct mount *automount(struct path *path);
extern struct list_head mount_list;
void mount_rootfs(void);

/* dcache.c */
void dcache_init(void);
void shrink_dcache_sb(struct super_block *sb);
/* Adds the reference that keeps an entry of a dentry-cache-only file system alive. */
void d_pin(struct dentry *dentry);
void d_unpin(struct dentry *dentry);

/* inode.c */
void inode_cache_init(void);
void evict_inodes(struct super_block *sb);

/* super.c */
void emergency_sync(void);
extern struct list_head super_blocks;
extern struct file_system_type *file_systems;

/* directory_changes.c */
int create_regular(struct inode *dir, struct dentry *dentry, umode_t mode, bool excl);

/* namei.c */
#define MAX_SYMLINKS	40

char *getname(const char __user *name);
/* The same, an empty name allowed. */
char *getname_empty(const char __user *name);
void putname(char *name);
int filename_lookup(int dfd, const char *name, unsigned int flags, struct path *path);
/*
 * For making @name: its parent directory, locked, in *@parent and a negative entry. A name that exists is EEXIST.
 * Ends with done_path_create().
 */
struct dentry *filename_create(int dfd, const char *name, unsigned int flags, struct path *parent);
void done_path_create(struct path *parent, struct dentry *dentry);
struct dentry *lookup_one_locked(struct dentry *parent, const char *name, int len);
int vfs_create(struct inode *dir, struct dentry *dentry, umode_t mode, bool excl);
int vfs_mkdir(struct inode *dir, struct dentry *dentry, umode_t mode);
int vfs_mknod(struct inode *dir, struct dentry *dentry, umode_t mode, dev_t dev);
int vfs_symlink(struct inode *dir, struct dentry *dentry, const char *target);
int vfs_unlink(struct inode *dir, struct dentry *dentry);
int vfs_rmdir(struct inode *dir, struct dentry *dentry);
int vfs_readlink(struct dentry *dentry, char __user *buffer, int size);
int mnt_want_write(struct vfsmount *mnt);

/* file.c */
void files_init(void);
struct file *alloc_empty_file(int flags);
void free_file(struct file *file);
int set_close_on_exec(unsigned int fd, bool on);

/* eventpoll.c */
void eventpoll_release(struct file *file);

/* pipe.c, for splice: is there something to read (1; 0: the end), room to write; bytes that stay until consumed. */
bool is_pipe(const struct file *file);
int pipe_wait_data(struct file *file, bool nonblock);
int pipe_wait_room(struct file *file, bool nonblock);
size_t pipe_peek(struct file *file, char *to, size_t count, size_t skip);
void pipe_consume(struct file *file, size_t count);

/* pipe.c: F_SETPIPE_SZ, F_GETPIPE_SZ */
long pipe_fcntl(struct file *file, unsigned int command, unsigned long arg);

/* open.c */
int do_truncate(struct dentry *dentry, loff_t length);
/* A file may get this size: s_maxbytes, RLIMIT_FSIZE (with its signal). */
int inode_newsize_ok(const struct inode *inode, loff_t size);
int notify_change(struct dentry *dentry, struct iattr *attr);

/* char_dev.c, pipe.c */
extern const struct file_operations def_chr_fops;
extern const struct file_operations pipefifo_fops;
void chrdev_show(struct seq_file *m);

/* ramfs.c */
struct inode *ramfs_get_inode(struct super_block *sb, const struct inode *dir, umode_t mode, dev_t dev);
int ramfs_fill_super(struct super_block *sb, void *data, int silent);
extern struct file_system_type rootfs_type;

/* pseudo.c: trees that the kernel itself fills (debugfs, tracefs, sysfs, proc). */
struct dentry *pseudo_create(struct dentry *parent, const char *name, umode_t mode, void *data,
			     const struct file_operations *fops, const struct inode_operations *iops);
struct dentry *pseudo_symlink(struct dentry *parent, const char *name, const char *target);
void pseudo_remove(struct dentry *dentry);
int pseudo_fill_super(struct super_block *sb, void *data, int silent);
extern const struct super_operations pseudo_super_operations;

/* proc */
struct dentry *proc_pid_lookup(struct dentry *dentry);
int proc_pid_readdir(struct file *file, struct dir_context *ctx, loff_t first);

/* Directories below which `mount` options appear in /proc/mounts. */
void show_mount(struct seq_file *m, struct mount *mount);

#endif
