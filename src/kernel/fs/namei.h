/* SPDX-License-Identifier: MIT */
/* The walk along a path name, for those who do more with its last component than find it. */
#ifndef _FS_NAMEI_H
#define _FS_NAMEI_H

#include <kernel/fs.h>

enum last_type { LAST_NORM, LAST_ROOT, LAST_DOT, LAST_DOTDOT };

struct nameidata {
	struct path path;		/* where the walk is; holds references */
	struct path root;
	unsigned int flags;		/* LOOKUP_ */
	unsigned int links;		/* symbolic links followed */
	const char *rest;		/* what remains of the name */
	char *buffer;			/* what rest points into, once a link was followed */
	struct qstr last;		/* LOOKUP_PARENT: the last component */
	enum last_type last_type;
	bool trailing_slash;
	unsigned int resolve;		/* RESOLVE_ of openat2() */
};

/* Goes down to the root of what is mounted here, if anything is. */
void follow_mount(struct path *path);
/* A dentry, maybe negative, for @name in @parent, whose inode is locked. */
struct dentry *lookup_locked(struct dentry *parent, const struct qstr *name, unsigned int flags);
/* Replaces the symbolic link @dentry by its text, in front of what remains of the name. */
int follow_link(struct nameidata *nd, struct dentry *dentry, const char *rest);
/* Walks nd->rest; with LOOKUP_PARENT up to its last component. */
int walk_name(struct nameidata *nd);
/* Puts what a walk that started holds. */
void end_walk(struct nameidata *nd);
/* Starts a walk of @name from @dfd (AT_FDCWD: the working directory). */
int start_walk(struct nameidata *nd, int dfd, const char *name, unsigned int flags);
/* openat2: the walk shall stay below where it begins. */
int restrict_walk(struct nameidata *nd, unsigned int resolve);

#endif
