/* SPDX-License-Identifier: MIT */
/*
 * The virtual file system: inodes, dentries, open files, super blocks, mounts, and the operations that a file system
 * provides. Names and calls are Linux's (Documentation/filesystems/vfs.rst), without user namespaces: inode operations
 * take the inode first.
 */
#ifndef _KERNEL_FS_H
#define _KERNEL_FS_H

#include <linux/stat.h>
#include <linux/fcntl.h>
#include <linux/limits.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/magic.h>
#include <asm/statfs.h>
#include <kernel/types.h>
#include <kernel/uio.h>
#include <kernel/list.h>
#include <kernel/rbtree.h>
#include <kernel/atomic.h>
#include <kernel/spinlock.h>
#include <kernel/mutex.h>
#include <kernel/wait.h>
#include <kernel/time.h>
#include <kernel/err.h>

struct address_space;
struct block_device;
struct dentry;
struct file;
struct file_system_type;
struct inode;
struct kstatfs;
struct mount;
struct page;
struct pipe_inode_info;
struct poll_table_struct;
struct seq_file;
struct super_block;
struct task_struct;
struct vfsmount;
struct vm_area_struct;

typedef unsigned int fmode_t;

#define FMODE_READ		0x1
#define FMODE_WRITE		0x2
#define FMODE_LSEEK		0x4
#define FMODE_PREAD		0x8
#define FMODE_PWRITE		0x10
#define FMODE_EXEC		0x20
#define FMODE_EXCL		0x80
#define FMODE_STREAM		0x200000
#define FMODE_PATH		0x4000

#define MAY_EXEC		0x1
#define MAY_WRITE		0x2
#define MAY_READ		0x4

#define MAJOR(dev)		((unsigned int)((dev) >> 20))
#define MINOR(dev)		((unsigned int)((dev) & 0xfffff))
#define MKDEV(major, minor)	((dev_t)(((major) << 20) | (minor)))

#define S_IRWXUGO		(S_IRWXU | S_IRWXG | S_IRWXO)
#define S_IALLUGO		(S_ISUID | S_ISGID | S_ISVTX | S_IRWXUGO)
#define S_IRUGO			(S_IRUSR | S_IRGRP | S_IROTH)
#define S_IWUGO			(S_IWUSR | S_IWGRP | S_IWOTH)
#define S_IXUGO			(S_IXUSR | S_IXGRP | S_IXOTH)

/* The encoding of device numbers that stat(2) shows. */
static inline u64 new_encode_dev(dev_t dev)
{
	return (MINOR(dev) & 0xff) | (MAJOR(dev) << 8) | ((u64)(MINOR(dev) & ~0xffu) << 12);
}

static inline dev_t new_decode_dev(u32 dev)
{
	return MKDEV((dev & 0xfff00) >> 8, (dev & 0xff) | ((dev >> 12) & 0xfff00));
}

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct qstr {
	u32 hash;
	u32 len;
	const char *name;
};

#define QSTR_INIT(n, l)		{ .len = (l), .name = (n) }

/* ---- Directory entries ------------------------------------------------------------------------------------- */

#define DNAME_INLINE_LEN	40

#define DCACHE_MOUNTED		0x1	/* something is mounted here */
#define DCACHE_HASHED		0x2
#define DCACHE_PINNED		0x4	/* the file system holds a reference (ramfs-like) */
#define DCACHE_DONTCACHE	0x8	/* dies with its last reference */

struct dentry_operations {
	/* 1: still valid, 0: look it up again. */
	int (*d_revalidate)(struct dentry *dentry, unsigned int flags);
	void (*d_release)(struct dentry *dentry);
	/* Name for /proc/PID/fd of files without a directory ("pipe:[12]"). */
	char *(*d_dname)(struct dentry *dentry, char *buffer, int buflen);
	/* A file system that mounts itself here when somebody comes by. */
	struct vfsmount *(*d_automount)(struct path *path);
};

struct dentry {
	unsigned int d_flags;
	int d_count;
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;		/* NULL: a negative entry */
	const struct dentry_operations *d_op;
	struct super_block *d_sb;
	void *d_fsdata;
	struct list_head d_hash;
	struct list_head d_lru;		/* unused but cached */
	struct list_head d_child;	/* in d_parent->d_subdirs */
	struct list_head d_subdirs;
	struct list_head d_alias;	/* in d_inode->i_dentry */
	char d_iname[DNAME_INLINE_LEN];
};

static inline struct inode *d_inode(const struct dentry *dentry)
{
	return dentry->d_inode;
}

static inline bool d_is_negative(const struct dentry *dentry)
{
	return !dentry->d_inode;
}

static inline bool d_really_is_positive(const struct dentry *dentry)
{
	return dentry->d_inode;
}

static inline bool d_unhashed(const struct dentry *dentry)
{
	return !(dentry->d_flags & DCACHE_HASHED);
}

static inline struct dentry *dget(struct dentry *dentry)
{
	if (dentry)
		dentry->d_count++;
	return dentry;
}

struct dentry *d_alloc(struct dentry *parent, const struct qstr *name);
/* A root for @inode, whose reference it takes over; puts the inode and returns NULL when out of memory. */
struct dentry *d_make_root(struct inode *inode);
/* Connects a negative entry to @inode, whose reference it takes over. */
void d_instantiate(struct dentry *dentry, struct inode *inode);
/* d_instantiate and hash; @inode may be NULL (a negative entry) or an ERR_PTR. What ->lookup returns. */
struct dentry *d_splice_alias(struct inode *inode, struct dentry *dentry);
void d_add(struct dentry *dentry, struct inode *inode);
void d_drop(struct dentry *dentry);
void d_delete(struct dentry *dentry);
void d_move(struct dentry *dentry, struct dentry *target);
void d_exchange(struct dentry *a, struct dentry *b);
struct dentry *d_lookup(struct dentry *parent, const struct qstr *name);
struct dentry *d_find_alias(struct inode *inode);
void dput(struct dentry *dentry);
/* Forgets every unused entry below @parent; d_genocide also unpins those that the file system pinned. */
void shrink_dcache_parent(struct dentry *parent);
void d_genocide(struct dentry *root);
char *d_path(const struct path *path, char *buf, int buflen);
char *dentry_path_raw(const struct dentry *dentry, char *buf, int buflen);
u32 full_name_hash(const void *salt, const char *name, unsigned int len);

/* ---- Inodes ------------------------------------------------------------------------------------------------- */

struct iattr {
	unsigned int ia_valid;
	umode_t ia_mode;
	uid_t ia_uid;
	gid_t ia_gid;
	loff_t ia_size;
	struct timespec64 ia_atime;
	struct timespec64 ia_mtime;
	struct timespec64 ia_ctime;
};

#define ATTR_MODE		(1 << 0)
#define ATTR_UID		(1 << 1)
#define ATTR_GID		(1 << 2)
#define ATTR_SIZE		(1 << 3)
#define ATTR_ATIME		(1 << 4)
#define ATTR_MTIME		(1 << 5)
#define ATTR_CTIME		(1 << 6)
#define ATTR_ATIME_SET		(1 << 7)
#define ATTR_MTIME_SET		(1 << 8)

struct kstat {
	u32 result_mask;
	umode_t mode;
	unsigned int nlink;
	u32 blksize;
	u64 attributes;
	u64 attributes_mask;
	u64 mnt_id;
	u64 ino;
	dev_t dev;
	dev_t rdev;
	uid_t uid;
	gid_t gid;
	loff_t size;
	struct timespec64 atime;
	struct timespec64 mtime;
	struct timespec64 ctime;
	struct timespec64 btime;
	u64 blocks;
};

struct inode_operations {
	struct dentry *(*lookup)(struct inode *dir, struct dentry *dentry, unsigned int flags);
	const char *(*get_link)(struct dentry *dentry, struct inode *inode, char **to_free);
	/* Magic links (/proc/PID/fd/N): jumps to *@path, with references. */
	int (*get_link_path)(struct dentry *dentry, struct path *path);
	int (*readlink)(struct dentry *dentry, char __user *buffer, int buflen);
	int (*permission)(struct inode *inode, int mask);
	int (*create)(struct inode *dir, struct dentry *dentry, umode_t mode, bool excl);
	int (*link)(struct dentry *old, struct inode *dir, struct dentry *dentry);
	int (*unlink)(struct inode *dir, struct dentry *dentry);
	int (*symlink)(struct inode *dir, struct dentry *dentry, const char *target);
	int (*mkdir)(struct inode *dir, struct dentry *dentry, umode_t mode);
	int (*rmdir)(struct inode *dir, struct dentry *dentry);
	int (*mknod)(struct inode *dir, struct dentry *dentry, umode_t mode, dev_t dev);
	int (*rename)(struct inode *old_dir, struct dentry *old, struct inode *new_dir, struct dentry *new,
		      unsigned int flags);
	/* An inode without a name (O_TMPFILE), or ERR_PTR. */
	struct inode *(*tmpfile)(struct inode *dir, umode_t mode);
	int (*setattr)(struct dentry *dentry, struct iattr *attr);
	int (*getattr)(const struct path *path, struct kstat *stat, u32 request_mask, unsigned int query_flags);
};

struct address_space_operations {
	/* Fills @page (its index is given) with the file's bytes, zeros after the end. 0 or an errno. */
	int (*readpage)(struct file *file, struct address_space *mapping, struct page *page, pgoff_t index);
	/* Before a page without ->readpage enters and after it left: may say -ENOSPC. */
	int (*charge)(struct inode *inode);
	void (*uncharge)(struct inode *inode);
};

/* The cached pages of a file. tmpfs has no other store than this. */
struct address_space {
	struct inode *host;
	struct rb_root i_pages;
	unsigned long nrpages;
	const struct address_space_operations *a_ops;
	unsigned int nr_areas;		/* of address spaces that map it */
};

#define I_NEW			0x1
#define I_FREEING		0x2
#define I_LINKABLE		0x4	/* has no name yet but may get one */

struct inode {
	umode_t i_mode;
	unsigned short i_opflags;
	kuid_t i_uid;
	kgid_t i_gid;
	unsigned int i_flags;		/* S_ bits */
	const struct inode_operations *i_op;
	struct super_block *i_sb;
	struct address_space *i_mapping;
	unsigned long i_ino;
	unsigned int i_nlink;
	dev_t i_rdev;
	loff_t i_size;
	struct timespec64 i_atime;
	struct timespec64 i_mtime;
	struct timespec64 i_ctime;
	unsigned int i_blkbits;
	u64 i_blocks;			/* of 512 bytes */
	unsigned long i_state;
	u32 i_generation;
	int i_count;
	int i_writecount;
	struct mutex i_rwsem;		/* inode_lock */
	struct list_head i_hash;
	struct list_head i_lru;		/* unused but cached */
	struct list_head i_sb_list;
	struct list_head i_dentry;
	const struct file_operations *i_fop;
	struct address_space i_data;
	union {
		struct pipe_inode_info *i_pipe;
		struct block_device *i_bdev;
		const char *i_link;	/* the text of a fast symbolic link */
	};
	void *i_private;
};

static inline void inode_lock(struct inode *inode)
{
	mutex_lock(&inode->i_rwsem);
}

static inline void inode_unlock(struct inode *inode)
{
	mutex_unlock(&inode->i_rwsem);
}

static inline loff_t i_size_read(const struct inode *inode)
{
	return inode->i_size;
}

static inline void i_size_write(struct inode *inode, loff_t size)
{
	inode->i_size = size;
}

static inline void set_nlink(struct inode *inode, unsigned int nlink)
{
	inode->i_nlink = nlink;
}

static inline void inc_nlink(struct inode *inode)
{
	inode->i_nlink++;
}

static inline void drop_nlink(struct inode *inode)
{
	inode->i_nlink--;
}

static inline void clear_nlink(struct inode *inode)
{
	inode->i_nlink = 0;
}

struct inode *new_inode(struct super_block *sb);
/* Initialises an inode that a file system allocated inside a larger object (->alloc_inode). */
void inode_init_always(struct super_block *sb, struct inode *inode);
/* iget5_locked: for file systems where a number alone does not name an inode. */
struct inode *iget5_locked(struct super_block *sb, unsigned long hashval, int (*test)(struct inode *, void *),
			   int (*set)(struct inode *, void *), void *data);
void unlock_new_inode(struct inode *inode);
void iget_failed(struct inode *inode);
void ihold(struct inode *inode);
void iput(struct inode *inode);
void clear_inode(struct inode *inode);
void make_bad_inode(struct inode *inode);
void inode_init_owner(struct inode *inode, const struct inode *dir, umode_t mode);
void init_special_inode(struct inode *inode, umode_t mode, dev_t rdev);
struct timespec64 current_time(struct inode *inode);
void generic_fillattr(struct inode *inode, struct kstat *stat);
int setattr_prepare(struct dentry *dentry, struct iattr *attr);
void setattr_copy(struct inode *inode, const struct iattr *attr);
int generic_permission(struct inode *inode, int mask);
int inode_permission(struct inode *inode, int mask);
ino_t get_next_ino(void);

/* ---- Pages of files ----------------------------------------------------------------------------------------- */

/* The page at @index, read if need be, with a reference (put_page). ERR_PTR on failure. */
struct page *read_mapping_page(struct address_space *mapping, pgoff_t index, struct file *file);
/* The same only if it is cached, else NULL. */
struct page *find_get_page(struct address_space *mapping, pgoff_t index);
/* Drops cached pages at and after byte @start; zeroes the tail of the page that @start cuts. */
/* Makes the whole pages in [start, end) and the parts of others zero (a hole). */
void punch_inode_pages(struct address_space *mapping, loff_t start, loff_t end);
/* The first byte at or after @from that is data (@data) or not; the file's size if there is none. */
loff_t mapping_seek(struct address_space *mapping, loff_t from, bool data);
void truncate_inode_pages(struct address_space *mapping, loff_t start);
ssize_t generic_file_read_iter(struct kiocb *iocb, struct iov_iter *to);
int generic_file_mmap(struct file *file, struct vm_area_struct *vma);

/* ---- Open files --------------------------------------------------------------------------------------------- */

/* Called for each entry of a directory; false stops. */
struct dir_context {
	bool (*actor)(struct dir_context *ctx, const char *name, int namelen, loff_t offset, u64 ino,
		      unsigned int type);
	loff_t pos;
};

static inline bool dir_emit(struct dir_context *ctx, const char *name, int namelen, u64 ino, unsigned int type)
{
	return ctx->actor(ctx, name, namelen, ctx->pos, ino, type);
}

bool dir_emit_dots(struct file *file, struct dir_context *ctx);

#define DT_UNKNOWN		0
#define DT_FIFO			1
#define DT_CHR			2
#define DT_DIR			4
#define DT_BLK			6
#define DT_REG			8
#define DT_LNK			10
#define DT_SOCK			12

/*
 * @read and @write get user buffers; what code inside the kernel reads and writes too (kernel_read(), splice) has @read_iter and
 * @write_iter instead.
 */
struct file_operations {
	loff_t (*llseek)(struct file *file, loff_t offset, int whence);
	ssize_t (*read)(struct file *file, char __user *buf, size_t count, loff_t *pos);
	ssize_t (*write)(struct file *file, const char __user *buf, size_t count, loff_t *pos);
	ssize_t (*read_iter)(struct kiocb *iocb, struct iov_iter *to);
	ssize_t (*write_iter)(struct kiocb *iocb, struct iov_iter *from);
	int (*iterate_shared)(struct file *file, struct dir_context *ctx);
	__poll_t (*poll)(struct file *file, struct poll_table_struct *table);
	long (*unlocked_ioctl)(struct file *file, unsigned int cmd, unsigned long arg);
	int (*mmap)(struct file *file, struct vm_area_struct *vma);
	int (*open)(struct inode *inode, struct file *file);
	int (*flush)(struct file *file);
	int (*release)(struct inode *inode, struct file *file);
	int (*fsync)(struct file *file, loff_t start, loff_t end, int datasync);
	long (*fallocate)(struct file *file, int mode, loff_t offset, loff_t len);
	/* Lines of /proc/PID/fdinfo/N. */
	void (*show_fdinfo)(struct seq_file *m, struct file *file);
};

struct file {
	struct path f_path;
	struct inode *f_inode;
	const struct file_operations *f_op;
	int f_count;
	unsigned int f_flags;
	fmode_t f_mode;
	struct mutex f_pos_lock;
	loff_t f_pos;
	struct address_space *f_mapping;
	struct list_head f_ep;		/* epoll descriptors that watch it */
	void *private_data;
};

static inline struct inode *file_inode(const struct file *file)
{
	return file->f_inode;
}

static inline struct dentry *file_dentry(const struct file *file)
{
	return file->f_path.dentry;
}

static inline struct file *get_file(struct file *file)
{
	file->f_count++;
	return file;
}

void fput(struct file *file);
/* The file behind a descriptor of the current task, with a reference; NULL if there is none (or it is O_PATH). */
struct file *fget(unsigned int fd);
struct file *fget_raw(unsigned int fd);

struct fd {
	struct file *file;
	unsigned int flags;
};

static inline struct fd fdget(unsigned int fd)
{
	return (struct fd){ fget(fd), 0 };
}

static inline void fdput(struct fd fd)
{
	if (fd.file)
		fput(fd.file);
}

int get_unused_fd_flags(unsigned int flags);
void put_unused_fd(unsigned int fd);
void fd_install(unsigned int fd, struct file *file);
int close_fd(unsigned int fd);

struct file *anon_inode_getfile(const char *name, const struct file_operations *fops, void *priv, int flags);
int anon_inode_getfd(const char *name, const struct file_operations *fops, void *priv, int flags);

struct file *alloc_file(const struct path *path, int flags, const struct file_operations *fops);
struct file *filp_open(const char *filename, int flags, umode_t mode);
int vfs_open(const struct path *path, struct file *file);
int vfs_fsync_range(struct file *file, loff_t start, loff_t end, int datasync);
int vfs_fsync(struct file *file, int datasync);
struct file *dentry_open(const struct path *path, int flags);
struct file *open_exec(const char *name);
struct file *open_exec_at(int dfd, const char *name, unsigned int lookup);
int filp_close(struct file *file);
ssize_t kernel_read(struct file *file, void *buf, size_t count, loff_t *pos);
ssize_t kernel_write(struct file *file, const void *buf, size_t count, loff_t *pos);
ssize_t vfs_read(struct file *file, char __user *buf, size_t count, loff_t *pos);
ssize_t vfs_write(struct file *file, const char __user *buf, size_t count, loff_t *pos);
loff_t vfs_llseek(struct file *file, loff_t offset, int whence);
int iterate_dir(struct file *file, struct dir_context *ctx);

loff_t generic_file_llseek(struct file *file, loff_t offset, int whence);
loff_t noop_llseek(struct file *file, loff_t offset, int whence);
int nonseekable_open(struct inode *inode, struct file *file);
int stream_open(struct inode *inode, struct file *file);
int simple_open(struct inode *inode, struct file *file);
ssize_t simple_read_to_iter(struct kiocb *iocb, struct iov_iter *to, const void *from, size_t available);
ssize_t simple_read_from_buffer(void __user *to, size_t count, loff_t *pos, const void *from, size_t available);
ssize_t generic_read_dir(struct file *file, char __user *buf, size_t count, loff_t *pos);

/* Directories that live in the dentry cache alone. */
int dcache_dir_open(struct inode *inode, struct file *file);
int dcache_dir_close(struct inode *inode, struct file *file);
int dcache_readdir(struct file *file, struct dir_context *ctx);
struct dentry *simple_lookup(struct inode *dir, struct dentry *dentry, unsigned int flags);
int simple_link(struct dentry *old, struct inode *dir, struct dentry *dentry);
int simple_unlink(struct inode *dir, struct dentry *dentry);
int simple_rmdir(struct inode *dir, struct dentry *dentry);
int simple_rename(struct inode *old_dir, struct dentry *old, struct inode *new_dir, struct dentry *new,
		  unsigned int flags);
int simple_setattr(struct dentry *dentry, struct iattr *attr);
int noop_fsync(struct file *file, loff_t start, loff_t end, int datasync);
int simple_statfs(struct dentry *dentry, struct kstatfs *buf);
const char *simple_get_link(struct dentry *dentry, struct inode *inode, char **to_free);
extern const struct file_operations simple_dir_operations;
extern const struct inode_operations simple_symlink_inode_operations;

/* libfs: attributes with one number in them. */
int simple_attr_open(struct inode *inode, struct file *file, int (*get)(void *, u64 *), int (*set)(void *, u64),
		     const char *fmt);
int simple_attr_release(struct inode *inode, struct file *file);
ssize_t simple_attr_read(struct file *file, char __user *buf, size_t count, loff_t *pos);
ssize_t simple_attr_write(struct file *file, const char __user *buf, size_t count, loff_t *pos);
ssize_t simple_attr_write_signed(struct file *file, const char __user *buf, size_t count, loff_t *pos);

#define DEFINE_NUMBER_ATTRIBUTE(__fops, __get, __set, __fmt, __read, __write)			\
static int __fops ## _open(struct inode *inode, struct file *file)				\
{												\
	return simple_attr_open(inode, file, __get, __set, __fmt);				\
}												\
static const struct file_operations __fops = {							\
	.open = __fops ## _open,								\
	.release = simple_attr_release,								\
	.read = __read,										\
	.write = __write,									\
	.llseek = generic_file_llseek,								\
}
#define DEFINE_SIMPLE_ATTRIBUTE(__fops, __get, __set, __fmt)	\
	DEFINE_NUMBER_ATTRIBUTE(__fops, __get, __set, __fmt, simple_attr_read, simple_attr_write)
#define DEFINE_SIMPLE_ATTRIBUTE_SIGNED(__fops, __get, __set, __fmt)	\
	DEFINE_NUMBER_ATTRIBUTE(__fops, __get, __set, __fmt, simple_attr_read, simple_attr_write_signed)

/* ---- File systems, super blocks, mounts ---------------------------------------------------------------------- */

struct kstatfs {
	long f_type;
	long f_bsize;
	u64 f_blocks;
	u64 f_bfree;
	u64 f_bavail;
	u64 f_files;
	u64 f_ffree;
	u64 f_fsid;
	long f_namelen;
	long f_frsize;
	long f_flags;
};

struct super_operations {
	struct inode *(*alloc_inode)(struct super_block *sb);
	void (*free_inode)(struct inode *inode);
	/* Drops what the inode holds; must call truncate_inode_pages() and clear_inode(). */
	void (*evict_inode)(struct inode *inode);
	/* Non-zero: do not keep an unreferenced inode in the cache. */
	int (*drop_inode)(struct inode *inode);
	void (*put_super)(struct super_block *sb);
	int (*sync_fs)(struct super_block *sb, int wait);
	int (*statfs)(struct dentry *dentry, struct kstatfs *buf);
	int (*remount_fs)(struct super_block *sb, int *flags, char *data);
	int (*show_options)(struct seq_file *m, struct dentry *root);
};

struct super_block {
	struct list_head s_list;
	dev_t s_dev;
	unsigned char s_blocksize_bits;
	unsigned long s_blocksize;
	loff_t s_maxbytes;
	struct file_system_type *s_type;
	const struct super_operations *s_op;
	const struct dentry_operations *s_d_op;
	unsigned long s_flags;		/* SB_ */
	unsigned long s_magic;
	struct dentry *s_root;
	int s_active;			/* mounts */
	struct block_device *s_bdev;
	char s_id[32];
	u8 s_uuid[16];
	void *s_fs_info;
	struct list_head s_inodes;
	u32 s_time_gran;
};

#define SB_RDONLY		MS_RDONLY
#define SB_NOSUID		MS_NOSUID
#define SB_NODEV		MS_NODEV
#define SB_NOEXEC		MS_NOEXEC
#define SB_SYNCHRONOUS		MS_SYNCHRONOUS
#define SB_SILENT		MS_SILENT
#define SB_ACTIVE		(1UL << 30)

static inline bool sb_rdonly(const struct super_block *sb)
{
	return sb->s_flags & SB_RDONLY;
}

#define FS_REQUIRES_DEV		1
#define FS_USERNS_MOUNT		8

struct file_system_type {
	const char *name;
	int fs_flags;
	/* A reference to the root entry of a super block (possibly one that exists), or ERR_PTR. */
	struct dentry *(*mount)(struct file_system_type *type, int flags, const char *dev_name, void *data);
	void (*kill_sb)(struct super_block *sb);
	struct file_system_type *next;
};

int register_filesystem(struct file_system_type *type);
struct file_system_type *get_fs_type(const char *name);

/* A super block that @test accepts, or a new one prepared by @set. */
struct super_block *sget(struct file_system_type *type, int (*test)(struct super_block *, void *),
			 int (*set)(struct super_block *, void *), int flags, void *data);
int set_anon_super(struct super_block *sb, void *data);
/* Gives up a super block whose filling failed (calls ->kill_sb). */
void deactivate_locked_super(struct super_block *sb);
void deactivate_super(struct super_block *sb);
void generic_shutdown_super(struct super_block *sb);
void kill_anon_super(struct super_block *sb);
void kill_litter_super(struct super_block *sb);
struct dentry *mount_nodev(struct file_system_type *type, int flags, void *data,
			   int (*fill_super)(struct super_block *, void *, int));
struct dentry *mount_single(struct file_system_type *type, int flags, void *data,
			    int (*fill_super)(struct super_block *, void *, int));

struct vfsmount {
	struct dentry *mnt_root;
	struct super_block *mnt_sb;
	int mnt_flags;			/* MNT_ */
};

#define MNT_NOSUID		0x01
#define MNT_NODEV		0x02
#define MNT_NOEXEC		0x04
#define MNT_NOATIME		0x08
#define MNT_NODIRATIME		0x10
#define MNT_RELATIME		0x20
#define MNT_READONLY		0x40

struct vfsmount *mntget(struct vfsmount *mnt);
void mntput(struct vfsmount *mnt);
struct vfsmount *kern_mount(struct file_system_type *type);

/* ---- Paths --------------------------------------------------------------------------------------------------- */

#define LOOKUP_FOLLOW		0x0001
#define LOOKUP_DIRECTORY	0x0002
#define LOOKUP_PARENT		0x0010
#define LOOKUP_EMPTY		0x4000

int kern_path(const char *name, unsigned int flags, struct path *path);
int user_path_at(int dfd, const char __user *name, unsigned int flags, struct path *path);
void path_get(const struct path *path);
void path_put(const struct path *path);
int vfs_getattr(const struct path *path, struct kstat *stat, u32 request_mask, unsigned int query_flags);
int vfs_statfs(const struct path *path, struct kstatfs *buf);

/* ---- Devices ------------------------------------------------------------------------------------------------- */

#define MEM_MAJOR		1
#define TTY_MAJOR		4
#define TTYAUX_MAJOR		5
#define MISC_MAJOR		10

int register_chrdev_range(unsigned int major, unsigned int first, unsigned int count, const char *name,
			  const struct file_operations *fops);
/* What opening a block device node does; the block layer's. */
extern const struct file_operations def_blk_fops;
/* Puts a node into every /dev: @mode with S_IFCHR or S_IFBLK. @name may contain one directory. */
int devtmpfs_create_node(const char *name, umode_t mode, dev_t dev);

extern struct path init_root_path;
/* Descriptors 0, 1 and 2 for the first program. */
void console_on_rootfs(void);
/* A cpio archive into the root file system. */
int unpack_to_rootfs(const char *buf, size_t len);

#endif
