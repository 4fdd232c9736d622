// SPDX-License-Identifier: MIT
/*
 * The dentry cache: names that have been looked up, positive and negative, and the tree they form. An entry holds a
 * reference to its parent; an entry without references stays in the cache until memory pressure (a fixed limit here),
 * unmount or removal. (Documentation/filesystems/path-lookup.rst)
 */
#include <kernel/fs.h>
#include <kernel/sched.h>
#include <kernel/fdtable.h>
#include <kernel/kernel.h>
#include <kernel/slab.h>
#include <kernel/string.h>
#include <kernel/printk.h>
#include "internal.h"

#define HASH_SIZE	1024
#define MAX_UNUSED	4096

static struct list_head dentry_hashtable[HASH_SIZE];
static LIST_HEAD(unused);
static unsigned int nr_unused;
static struct kmem_cache *dentry_cache;

u32 full_name_hash(const void *salt, const char *name, unsigned int len)
{
	u32 hash = 2166136261u ^ (u32)((unsigned long)salt >> 6);

	while (len--)
		hash = (hash ^ (u8)*name++) * 16777619u;
	return hash;
}

static struct list_head *bucket(const struct dentry *parent, u32 hash)
{
	return &dentry_hashtable[(hash ^ (u32)((unsigned long)parent >> 6)) % HASH_SIZE];
}

struct dentry *d_alloc(struct dentry *parent, const struct qstr *name)
{
	struct dentry *dentry = kmem_cache_alloc(dentry_cache, GFP_KERNEL);
	char *copy;

	if (!dentry)
		return NULL;
	memset(dentry, 0, sizeof(*dentry));
	copy = dentry->d_iname;
	if (name->len >= DNAME_INLINE_LEN) {
		copy = kmalloc(name->len + 1, GFP_KERNEL);
		if (!copy) {
			kmem_cache_free(dentry_cache, dentry);
			return NULL;
		}
	}
	memcpy(copy, name->name, name->len);
	copy[name->len] = 0;
	dentry->d_name.name = copy;
	dentry->d_name.len = name->len;
	dentry->d_name.hash = full_name_hash(NULL, copy, name->len);
	dentry->d_count = 1;
	INIT_LIST_HEAD(&dentry->d_hash);
	INIT_LIST_HEAD(&dentry->d_lru);
	INIT_LIST_HEAD(&dentry->d_child);
	INIT_LIST_HEAD(&dentry->d_subdirs);
	INIT_LIST_HEAD(&dentry->d_alias);
	dentry->d_parent = dentry;
	if (parent) {
		dentry->d_parent = dget(parent);
		dentry->d_sb = parent->d_sb;
		dentry->d_op = parent->d_sb->s_d_op;
		list_add(&dentry->d_child, &parent->d_subdirs);
	}
	return dentry;
}

struct dentry *d_make_root(struct inode *inode)
{
	static const struct qstr slash = QSTR_INIT("/", 1);
	struct dentry *root;

	if (!inode)
		return NULL;
	root = d_alloc(NULL, &slash);
	if (!root) {
		iput(inode);
		return NULL;
	}
	root->d_sb = inode->i_sb;
	root->d_op = inode->i_sb->s_d_op;
	d_instantiate(root, inode);
	return root;
}

void d_instantiate(struct dentry *dentry, struct inode *inode)
{
	if (!inode)
		return;
	dentry->d_inode = inode;
	list_add(&dentry->d_alias, &inode->i_dentry);
}

static void d_rehash(struct dentry *dentry)
{
	dentry->d_flags |= DCACHE_HASHED;
	list_add(&dentry->d_hash, bucket(dentry->d_parent, dentry->d_name.hash));
}

void d_add(struct dentry *dentry, struct inode *inode)
{
	d_instantiate(dentry, inode);
	if (d_unhashed(dentry))
		d_rehash(dentry);
}

struct dentry *d_splice_alias(struct inode *inode, struct dentry *dentry)
{
	struct dentry *alias;

	if (IS_ERR(inode))
		return ERR_CAST(inode);
	/* A directory has one entry: the one that stands elsewhere moves here (it was renamed behind our back). */
	if (inode && S_ISDIR(inode->i_mode)) {
		alias = d_find_alias(inode);
		if (alias && alias != inode->i_sb->s_root) {
			d_move(alias, dentry);
			iput(inode);
			return alias;
		}
		dput(alias);
	}
	d_add(dentry, inode);
	return NULL;
}

void d_drop(struct dentry *dentry)
{
	if (d_unhashed(dentry))
		return;
	dentry->d_flags &= ~DCACHE_HASHED;
	list_del_init(&dentry->d_hash);
}

/* Drops the inode of @dentry, which becomes a negative entry. */
static void dentry_unlink_inode(struct dentry *dentry)
{
	struct inode *inode = dentry->d_inode;

	dentry->d_inode = NULL;
	list_del_init(&dentry->d_alias);
	iput(inode);
}

/* The name is gone from its directory: the entry becomes negative, or unhashed while others still use it. */
void d_delete(struct dentry *dentry)
{
	if (dentry->d_count == 1 && dentry->d_inode)
		dentry_unlink_inode(dentry);
	else
		d_drop(dentry);
}

static void set_name(struct dentry *dentry, struct dentry *from)
{
	/* Names swap places, so nothing needs to be allocated. */
	const char *mine = dentry->d_name.name == dentry->d_iname ? NULL : dentry->d_name.name;
	const char *other = from->d_name.name == from->d_iname ? NULL : from->d_name.name;
	char inline_name[DNAME_INLINE_LEN];
	struct qstr q = dentry->d_name;

	memcpy(inline_name, dentry->d_iname, DNAME_INLINE_LEN);
	memcpy(dentry->d_iname, from->d_iname, DNAME_INLINE_LEN);
	memcpy(from->d_iname, inline_name, DNAME_INLINE_LEN);
	dentry->d_name = from->d_name;
	from->d_name = q;
	dentry->d_name.name = other ? other : dentry->d_iname;
	from->d_name.name = mine ? mine : from->d_iname;
}

/* @dentry takes the name and place of @target, which disappears from the tree. */
void d_move(struct dentry *dentry, struct dentry *target)
{
	struct dentry *old_parent = dentry->d_parent;

	d_drop(dentry);
	d_drop(target);
	set_name(dentry, target);
	if (old_parent != target->d_parent) {
		dentry->d_parent = dget(target->d_parent);
		list_move(&dentry->d_child, &dentry->d_parent->d_subdirs);
		dput(old_parent);
	}
	d_rehash(dentry);
}

/* Two entries change places. */
void d_exchange(struct dentry *a, struct dentry *b)
{
	char name[DNAME_INLINE_LEN];

	d_drop(a);
	d_drop(b);
	memcpy(name, a->d_iname, sizeof(name));
	memcpy(a->d_iname, b->d_iname, sizeof(name));
	memcpy(b->d_iname, name, sizeof(name));
	swap(a->d_name, b->d_name);
	if (a->d_name.name == b->d_iname)
		a->d_name.name = a->d_iname;
	if (b->d_name.name == a->d_iname)
		b->d_name.name = b->d_iname;
	if (a->d_parent != b->d_parent) {
		swap(a->d_parent, b->d_parent);
		list_move(&a->d_child, &a->d_parent->d_subdirs);
		list_move(&b->d_child, &b->d_parent->d_subdirs);
	}
	d_rehash(a);
	d_rehash(b);
}

struct dentry *d_lookup(struct dentry *parent, const struct qstr *name)
{
	u32 hash = full_name_hash(NULL, name->name, name->len);
	struct dentry *dentry;

	list_for_each_entry(dentry, bucket(parent, hash), d_hash) {
		if (dentry->d_name.hash == hash && dentry->d_parent == parent && dentry->d_name.len == name->len &&
		    !memcmp(dentry->d_name.name, name->name, name->len))
			return dget(dentry);
	}
	return NULL;
}

struct dentry *d_find_alias(struct inode *inode)
{
	struct dentry *dentry;

	list_for_each_entry(dentry, &inode->i_dentry, d_alias)
		return dget(dentry);
	return NULL;
}

static void lru_del(struct dentry *dentry)
{
	if (list_empty(&dentry->d_lru))
		return;
	list_del_init(&dentry->d_lru);
	nr_unused--;
}

/* Frees @dentry, which has no references; its parent, on which a reference falls free. */
static struct dentry *dentry_kill(struct dentry *dentry)
{
	struct dentry *parent = dentry->d_parent == dentry ? NULL : dentry->d_parent;

	lru_del(dentry);
	d_drop(dentry);
	list_del_init(&dentry->d_child);
	if (dentry->d_op && dentry->d_op->d_release)
		dentry->d_op->d_release(dentry);
	if (dentry->d_inode)
		dentry_unlink_inode(dentry);
	if (dentry->d_name.name != dentry->d_iname)
		kfree(dentry->d_name.name);
	kmem_cache_free(dentry_cache, dentry);
	return parent;
}

void dput(struct dentry *dentry)
{
	while (dentry && --dentry->d_count == 0) {
		bool keep = !d_unhashed(dentry) && !(dentry->d_flags & DCACHE_DONTCACHE) &&
			    (dentry->d_sb->s_flags & SB_ACTIVE);

		if (keep) {
			if (list_empty(&dentry->d_lru)) {
				list_add_tail(&dentry->d_lru, &unused);
				nr_unused++;
			} else {
				list_move_tail(&dentry->d_lru, &unused);
			}
			if (nr_unused <= MAX_UNUSED)
				return;
			/* The oldest makes room; entries that came into use since are taken off on the way. */
			do {
				dentry = list_first_entry(&unused, struct dentry, d_lru);
				lru_del(dentry);
			} while (dentry->d_count && nr_unused);
			if (dentry->d_count)
				return;
		}
		dentry = dentry_kill(dentry);
	}
}

static bool is_below(const struct dentry *dentry, const struct dentry *parent)
{
	for (;; dentry = dentry->d_parent) {
		if (dentry->d_parent == parent)
			return true;
		if (dentry->d_parent == dentry)
			return false;
	}
}

/* Frees the unused entries of @sb, below @parent if that is given. Freed entries may make their parents unused. */
static void shrink_dcache(struct super_block *sb, struct dentry *parent)
{
	struct dentry *dentry;
	bool found;

	do {
		found = false;
		list_for_each_entry(dentry, &unused, d_lru) {
			if (dentry->d_sb == sb && !dentry->d_count && (!parent || is_below(dentry, parent))) {
				dput(dentry_kill(dentry));
				found = true;
				break;
			}
		}
	} while (found);
}

void shrink_dcache_parent(struct dentry *parent)
{
	shrink_dcache(parent->d_sb, parent);
}

void shrink_dcache_sb(struct super_block *sb)
{
	shrink_dcache(sb, NULL);
}

void d_pin(struct dentry *dentry)
{
	dentry->d_flags |= DCACHE_PINNED;
	dget(dentry);
}

void d_unpin(struct dentry *dentry)
{
	if (!(dentry->d_flags & DCACHE_PINNED))
		return;
	dentry->d_flags &= ~DCACHE_PINNED;
	dput(dentry);
}

void d_genocide(struct dentry *root)
{
	for (;;) {
		struct dentry *dentry = root;

		while (!list_empty(&dentry->d_subdirs))
			dentry = list_first_entry(&dentry->d_subdirs, struct dentry, d_child);
		if (dentry == root)
			return;
		dget(dentry);
		d_drop(dentry);
		d_unpin(dentry);
		if (dentry->d_count > 1) {
			pr_err("BUG: Dentry %p{i=%lx,n=%s}  still in use (%d) [unmount of %s %s]\n", dentry,
			       dentry->d_inode ? dentry->d_inode->i_ino : 0UL, dentry->d_name.name,
			       dentry->d_count - 1, dentry->d_sb->s_type->name, dentry->d_sb->s_id);
			list_del_init(&dentry->d_child);
		}
		dput(dentry);
	}
}

static bool prepend(char **at, char *buf, const char *text, int len)
{
	if (*at - buf < len)
		return false;
	*at -= len;
	memcpy(*at, text, len);
	return true;
}

char *dentry_path_raw(const struct dentry *dentry, char *buf, int buflen)
{
	char *at = buf + buflen;

	prepend(&at, buf, "", 1);
	if (dentry->d_parent == dentry)
		prepend(&at, buf, "/", 1);
	for (; dentry->d_parent != dentry; dentry = dentry->d_parent) {
		if (!prepend(&at, buf, dentry->d_name.name, dentry->d_name.len) || !prepend(&at, buf, "/", 1))
			return ERR_PTR(-ENAMETOOLONG);
	}
	return at;
}

/* The path from the root of all mounts, with " (deleted)" after a name that is gone. */
char *d_path(const struct path *path, char *buf, int buflen)
{
	struct dentry *dentry = path->dentry;
	struct mount *mount = real_mount(path->mnt);
	const struct path *root = current->fs ? &current->fs->root : NULL;
	char *at = buf + buflen, *end;

	if (dentry->d_op && dentry->d_op->d_dname && dentry->d_parent == dentry)
		return dentry->d_op->d_dname(dentry, buf, buflen);
	if (!prepend(&at, buf, "", 1))
		return ERR_PTR(-ENAMETOOLONG);
	if (d_unhashed(dentry) && dentry->d_parent != dentry && !prepend(&at, buf, " (deleted)", 10))
		return ERR_PTR(-ENAMETOOLONG);
	end = at;
	for (;;) {
		/* The root of this process (chroot) is where its paths begin. */
		if (root && dentry == root->dentry && &mount->mnt == root->mnt)
			break;
		if (dentry == mount->mnt.mnt_root) {
			if (mount->mnt_parent == mount)
				break;
			dentry = mount->mnt_mountpoint;
			mount = mount->mnt_parent;
			continue;
		}
		if (dentry->d_parent == dentry)
			break;
		if (!prepend(&at, buf, dentry->d_name.name, dentry->d_name.len) || !prepend(&at, buf, "/", 1))
			return ERR_PTR(-ENAMETOOLONG);
		dentry = dentry->d_parent;
	}
	if (at == end && !prepend(&at, buf, "/", 1))
		return ERR_PTR(-ENAMETOOLONG);
	return at;
}

void dcache_init(void)
{
	for (int i = 0; i < HASH_SIZE; i++)
		INIT_LIST_HEAD(&dentry_hashtable[i]);
	dentry_cache = kmem_cache_create("dentry", sizeof(struct dentry), 0, 0, NULL);
}
