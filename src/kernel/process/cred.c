// SPDX-License-Identifier: MIT
/* Users, groups and capabilities of tasks. (man credentials, capabilities) */
#include <linux/securebits.h>
#include <kernel/cred.h>
#include <kernel/fs.h>
#include <kernel/kernel.h>
#include <kernel/nsproxy.h>
#include <kernel/security.h>
#include <kernel/sched.h>
#include <kernel/syscalls.h>
#include <kernel/uaccess.h>

noinline int cap_capable(const struct cred *cred, struct user_namespace *targ_ns, int cap, unsigned int opts)
{
	return cred->cap_effective >> cap & 1 ? 0 : -EPERM;
}

bool capable(int cap)
{
	return !security_capable(current_cred(), &init_user_ns, cap, 0);
}

bool in_group_p(gid_t gid)
{
	if (gid == current->cred->fsgid.val)
		return true;
	for (int i = 0; i < current->cred->ngroups; i++)
		if (current->cred->groups[i] == gid)
			return true;
	return false;
}

/* Becoming or ceasing to be root gives and takes capabilities. */
static void fix_capabilities(struct cred *cred, const struct cred *old)
{
	bool was_root = !old->uid.val || !old->euid.val || !old->suid.val;
	bool is_root = !cred->uid.val || !cred->euid.val || !cred->suid.val;

	if (cred->securebits & SECBIT_NO_SETUID_FIXUP)
		return;
	if (was_root && !is_root && !(cred->securebits & SECBIT_KEEP_CAPS))
		cred->cap_permitted = cred->cap_effective = 0;
	if (was_root && !is_root)
		cred->cap_ambient = 0;
	if (!old->euid.val && cred->euid.val)
		cred->cap_effective = 0;
	if (old->euid.val && !cred->euid.val)
		cred->cap_effective = cred->cap_permitted;
}

/* Who the program in @file runs as: set-user-ID and set-group-ID, and root's capabilities. (man 7 capabilities) */
void exec_creds(const struct file *file)
{
	struct cred *cred = current->cred;
	const struct inode *inode = file_inode(file);
	u64 permitted = 0, inheritable = 0;
	bool id_changed = false, root;

	if (!(file->f_path.mnt->mnt_flags & MNT_NOSUID) && !current->no_new_privs) {
		if (inode->i_mode & S_ISUID) {
			id_changed |= cred->euid.val != inode->i_uid.val;
			cred->euid.val = inode->i_uid.val;
		}
		if ((inode->i_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP)) {
			id_changed |= cred->egid.val != inode->i_gid.val;
			cred->egid.val = inode->i_gid.val;
		}
	}
	cred->suid.val = cred->fsuid.val = cred->euid.val;
	cred->sgid.val = cred->fsgid.val = cred->egid.val;
	root = !(cred->securebits & SECBIT_NOROOT) && (!cred->uid.val || !cred->euid.val);
	if (root) {
		permitted = cred->cap_bset;
		inheritable = cred->cap_inheritable;
	}
	if (id_changed)
		cred->cap_ambient = 0;
	cred->cap_permitted = permitted | inheritable | cred->cap_ambient;
	cred->cap_effective = root && !cred->euid.val ? cred->cap_permitted : cred->cap_ambient;
	cred->securebits &= ~SECBIT_KEEP_CAPS;
	current->mm->undumpable = id_changed;
	if (id_changed)
		current->pdeath_signal = 0;
}

/* Whoever changes its identity or gains capabilities without exec(2) shows others nothing of its memory any more. */
static void forbid_dump_if_changed(const struct cred *cred, const struct cred *old)
{
	if (cred->euid.val == old->euid.val && cred->egid.val == old->egid.val && cred->fsuid.val == old->fsuid.val &&
	    cred->fsgid.val == old->fsgid.val && !(cred->cap_permitted & ~old->cap_permitted))
		return;
	if (current->mm)
		current->mm->undumpable = true;
	current->pdeath_signal = 0;
}

static long set_uids(uid_t uid, uid_t euid, uid_t suid)
{
	struct cred *cred = current->cred, old = *cred;
	uid_t ids[] = { uid, euid, suid };

	if (!capable(CAP_SETUID))
		for (int i = 0; i < 3; i++)
			if (ids[i] != (uid_t)-1 && ids[i] != old.uid.val && ids[i] != old.euid.val && ids[i] != old.suid.val)
				return -EPERM;
	if (uid != (uid_t)-1)
		cred->uid.val = uid;
	if (euid != (uid_t)-1)
		cred->euid.val = euid;
	if (suid != (uid_t)-1)
		cred->suid.val = suid;
	cred->fsuid.val = cred->euid.val;
	fix_capabilities(cred, &old);
	forbid_dump_if_changed(cred, &old);
	return 0;
}

static long set_gids(gid_t gid, gid_t egid, gid_t sgid)
{
	struct cred *cred = current->cred, old = *cred;
	gid_t ids[] = { gid, egid, sgid };

	if (!capable(CAP_SETGID))
		for (int i = 0; i < 3; i++)
			if (ids[i] != (gid_t)-1 && ids[i] != old.gid.val && ids[i] != old.egid.val && ids[i] != old.sgid.val)
				return -EPERM;
	if (gid != (gid_t)-1)
		cred->gid.val = gid;
	if (egid != (gid_t)-1)
		cred->egid.val = egid;
	if (sgid != (gid_t)-1)
		cred->sgid.val = sgid;
	cred->fsgid.val = cred->egid.val;
	forbid_dump_if_changed(cred, &old);
	return 0;
}

SYSCALL_DEFINE0(getuid) { return current->cred->uid.val; }
SYSCALL_DEFINE0(geteuid) { return current->cred->euid.val; }
SYSCALL_DEFINE0(getgid) { return current->cred->gid.val; }
SYSCALL_DEFINE0(getegid) { return current->cred->egid.val; }
SYSCALL_DEFINE3(setresuid, uid_t, r, uid_t, e, uid_t, s) { return set_uids(r, e, s); }
SYSCALL_DEFINE3(setresgid, gid_t, r, gid_t, e, gid_t, s) { return set_gids(r, e, s); }

SYSCALL_DEFINE1(setuid, uid_t, uid)
{
	if (uid == (uid_t)-1)
		return -EINVAL;
	return capable(CAP_SETUID) ? set_uids(uid, uid, uid) : set_uids(-1, uid, -1);
}

SYSCALL_DEFINE1(setgid, gid_t, gid)
{
	if (gid == (gid_t)-1)
		return -EINVAL;
	return capable(CAP_SETGID) ? set_gids(gid, gid, gid) : set_gids(-1, gid, -1);
}

SYSCALL_DEFINE2(setreuid, uid_t, r, uid_t, e)
{
	bool save = r != (uid_t)-1 || (e != (uid_t)-1 && e != current->cred->uid.val);

	return set_uids(r, e, save ? (e != (uid_t)-1 ? e : current->cred->euid.val) : (uid_t)-1);
}

SYSCALL_DEFINE2(setregid, gid_t, r, gid_t, e)
{
	bool save = r != (gid_t)-1 || (e != (gid_t)-1 && e != current->cred->gid.val);

	return set_gids(r, e, save ? (e != (gid_t)-1 ? e : current->cred->egid.val) : (gid_t)-1);
}

SYSCALL_DEFINE3(getresuid, uid_t __user *, r, uid_t __user *, e, uid_t __user *, s)
{
	const struct cred *c = current->cred;

	return put_user(c->uid.val, r) || put_user(c->euid.val, e) || put_user(c->suid.val, s) ? -EFAULT : 0;
}

SYSCALL_DEFINE3(getresgid, gid_t __user *, r, gid_t __user *, e, gid_t __user *, s)
{
	const struct cred *c = current->cred;

	return put_user(c->gid.val, r) || put_user(c->egid.val, e) || put_user(c->sgid.val, s) ? -EFAULT : 0;
}

SYSCALL_DEFINE1(setfsuid, uid_t, uid)
{
	struct cred *c = current->cred;
	uid_t old = c->fsuid.val;

	if (uid != (uid_t)-1 && (capable(CAP_SETUID) || uid == c->uid.val || uid == c->euid.val || uid == c->suid.val))
		c->fsuid.val = uid;
	return old;
}

SYSCALL_DEFINE1(setfsgid, gid_t, gid)
{
	struct cred *c = current->cred;
	gid_t old = c->fsgid.val;

	if (gid != (gid_t)-1 && (capable(CAP_SETGID) || gid == c->gid.val || gid == c->egid.val || gid == c->sgid.val))
		c->fsgid.val = gid;
	return old;
}

SYSCALL_DEFINE2(getgroups, int, size, gid_t __user *, list)
{
	int n = current->cred->ngroups;

	if (size < 0 || (size && size < n))
		return -EINVAL;
	return size && copy_to_user(list, current->cred->groups, n * sizeof(gid_t)) ? -EFAULT : n;
}

SYSCALL_DEFINE2(setgroups, int, size, gid_t __user *, list)
{
	if (!capable(CAP_SETGID))
		return -EPERM;
	if (size < 0 || size > NGROUPS_INLINE)
		return -EINVAL;
	if (copy_from_user(current->cred->groups, list, size * sizeof(gid_t)))
		return -EFAULT;
	current->cred->ngroups = size;
	/* Kept sorted, as getgroups() shows. */
	for (int i = 1; i < size; i++)
		for (int j = i; j && current->cred->groups[j - 1] > current->cred->groups[j]; j--)
			swap(current->cred->groups[j - 1], current->cred->groups[j]);
	return 0;
}

SYSCALL_DEFINE2(capget, struct __user_cap_header_struct __user *, uheader, struct __user_cap_data_struct __user *, udata)
{
	struct __user_cap_header_struct header;
	struct __user_cap_data_struct data[2];
	struct task_struct *task;

	if (copy_from_user(&header, uheader, sizeof(header)))
		return -EFAULT;
	if (header.version != _LINUX_CAPABILITY_VERSION_3 && header.version != _LINUX_CAPABILITY_VERSION_2) {
		header.version = _LINUX_CAPABILITY_VERSION_3;
		if (copy_to_user(uheader, &header, sizeof(header)))
			return -EFAULT;
		return udata ? -EINVAL : 0;
	}
	if (header.pid < 0)
		return -EINVAL;
	task = header.pid ? find_task_by_vpid(header.pid) : current;
	if (!task)
		return -ESRCH;
	for (int i = 0; i < 2; i++)
		data[i] = (struct __user_cap_data_struct){ task->cred->cap_effective >> 32 * i,
							   task->cred->cap_permitted >> 32 * i,
							   task->cred->cap_inheritable >> 32 * i };
	return udata && copy_to_user(udata, data, sizeof(data)) ? -EFAULT : 0;
}

SYSCALL_DEFINE2(capset, struct __user_cap_header_struct __user *, uheader,
		const struct __user_cap_data_struct __user *, udata)
{
	struct __user_cap_header_struct header;
	struct __user_cap_data_struct data[2];
	struct cred *c = current->cred;
	u64 e, p, i;

	if (copy_from_user(&header, uheader, sizeof(header)) || copy_from_user(data, udata, sizeof(data)))
		return -EFAULT;
	if (header.version != _LINUX_CAPABILITY_VERSION_3 && header.version != _LINUX_CAPABILITY_VERSION_2)
		return -EINVAL;
	if (header.pid && header.pid != current->pid)
		return -EPERM;
	e = data[0].effective | (u64)data[1].effective << 32;
	p = data[0].permitted | (u64)data[1].permitted << 32;
	i = data[0].inheritable | (u64)data[1].inheritable << 32;
	if ((p & ~c->cap_permitted) || (e & ~p) || (i & ~(c->cap_inheritable | c->cap_permitted)))
		return -EPERM;
	if (i & ~(c->cap_inheritable | c->cap_bset))
		return -EPERM;
	c->cap_effective = e;
	c->cap_permitted = p;
	c->cap_inheritable = i & CAP_FULL_SET;
	return 0;
}
