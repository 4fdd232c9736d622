// SPDX-License-Identifier: MIT
/*
 * User and group numbers, capabilities. (credentials(7), capabilities(7))
 */
#include <kernel/cred.h>
#include <kernel/err.h>
#include <kernel/kernel.h>
#include <kernel/sched.h>
#include <kernel/string.h>
#include <kernel/syscalls.h>
#include <kernel/uaccess.h>

bool capable(int cap)
{
	return current->cred.cap_effective >> cap & 1;
}

static bool is_member(gid_t main, gid_t gid)
{
	const struct cred *cred = &current->cred;

	if (gid == main)
		return true;
	for (int i = 0; i < cred->ngroups; i++)
		if (cred->groups[i] == gid)
			return true;
	return false;
}

bool in_group_p(gid_t gid)
{
	return is_member(current->cred.fsgid, gid);
}

bool in_egroup_p(gid_t gid)
{
	return is_member(current->cred.egid, gid);
}

SYSCALL_DEFINE0(getuid) { return current->cred.uid; }
SYSCALL_DEFINE0(geteuid) { return current->cred.euid; }
SYSCALL_DEFINE0(getgid) { return current->cred.gid; }
SYSCALL_DEFINE0(getegid) { return current->cred.egid; }

SYSCALL_DEFINE3(getresuid, uid_t __user *, ruid, uid_t __user *, euid, uid_t __user *, suid)
{
	const struct cred *c = &current->cred;

	return put_user(c->uid, ruid) || put_user(c->euid, euid) || put_user(c->suid, suid) ? -EFAULT : 0;
}

SYSCALL_DEFINE3(getresgid, gid_t __user *, rgid, gid_t __user *, egid, gid_t __user *, sgid)
{
	const struct cred *c = &current->cred;

	return put_user(c->gid, rgid) || put_user(c->egid, egid) || put_user(c->sgid, sgid) ? -EFAULT : 0;
}

/* A change of user numbers loses or regains what root has. (capabilities(7), "Effect of user ID changes") */
static void user_changed(const struct cred *old)
{
	struct cred *c = &current->cred;
	bool was_root = !old->uid || !old->euid || !old->suid;
	bool is_root = !c->uid || !c->euid || !c->suid;

	c->fsuid = c->euid;
	if (was_root && !is_root) {
		c->cap_permitted = 0;
		c->cap_effective = 0;
	}
	if (!old->euid && c->euid)
		c->cap_effective = 0;
	if (old->euid && !c->euid)
		c->cap_effective = c->cap_permitted;
}

SYSCALL_DEFINE1(setuid, uid_t, uid)
{
	struct cred *c = &current->cred, old = *c;

	if (uid == (uid_t)-1)
		return -EINVAL;
	if (capable(CAP_SETUID))
		c->uid = c->suid = uid;
	else if (uid != c->uid && uid != c->suid)
		return -EPERM;
	c->euid = uid;
	user_changed(&old);
	return 0;
}

SYSCALL_DEFINE1(setgid, gid_t, gid)
{
	struct cred *c = &current->cred;

	if (gid == (gid_t)-1)
		return -EINVAL;
	if (capable(CAP_SETGID))
		c->gid = c->sgid = gid;
	else if (gid != c->gid && gid != c->sgid)
		return -EPERM;
	c->egid = c->fsgid = gid;
	return 0;
}

SYSCALL_DEFINE3(setresuid, uid_t, ruid, uid_t, euid, uid_t, suid)
{
	struct cred *c = &current->cred, old = *c;
	uid_t wanted[] = { ruid, euid, suid };

	if (!capable(CAP_SETUID))
		for (int i = 0; i < 3; i++)
			if (wanted[i] != (uid_t)-1 && wanted[i] != c->uid && wanted[i] != c->euid && wanted[i] != c->suid)
				return -EPERM;
	if (ruid != (uid_t)-1)
		c->uid = ruid;
	if (euid != (uid_t)-1)
		c->euid = euid;
	if (suid != (uid_t)-1)
		c->suid = suid;
	user_changed(&old);
	return 0;
}

SYSCALL_DEFINE3(setresgid, gid_t, rgid, gid_t, egid, gid_t, sgid)
{
	struct cred *c = &current->cred;
	gid_t wanted[] = { rgid, egid, sgid };

	if (!capable(CAP_SETGID))
		for (int i = 0; i < 3; i++)
			if (wanted[i] != (gid_t)-1 && wanted[i] != c->gid && wanted[i] != c->egid && wanted[i] != c->sgid)
				return -EPERM;
	if (rgid != (gid_t)-1)
		c->gid = rgid;
	if (egid != (gid_t)-1)
		c->egid = c->fsgid = egid;
	if (sgid != (gid_t)-1)
		c->sgid = sgid;
	return 0;
}

SYSCALL_DEFINE2(setreuid, uid_t, ruid, uid_t, euid)
{
	struct cred *c = &current->cred, old = *c;
	bool privileged = capable(CAP_SETUID);

	if (!privileged && ruid != (uid_t)-1 && ruid != c->uid && ruid != c->euid)
		return -EPERM;
	if (!privileged && euid != (uid_t)-1 && euid != c->uid && euid != c->euid && euid != c->suid)
		return -EPERM;
	if (ruid != (uid_t)-1)
		c->uid = ruid;
	if (euid != (uid_t)-1)
		c->euid = euid;
	if (ruid != (uid_t)-1 || (euid != (uid_t)-1 && euid != old.uid))
		c->suid = c->euid;
	user_changed(&old);
	return 0;
}

SYSCALL_DEFINE2(setregid, gid_t, rgid, gid_t, egid)
{
	struct cred *c = &current->cred, old = *c;
	bool privileged = capable(CAP_SETGID);

	if (!privileged && rgid != (gid_t)-1 && rgid != c->gid && rgid != c->egid)
		return -EPERM;
	if (!privileged && egid != (gid_t)-1 && egid != c->gid && egid != c->egid && egid != c->sgid)
		return -EPERM;
	if (rgid != (gid_t)-1)
		c->gid = rgid;
	if (egid != (gid_t)-1)
		c->egid = c->fsgid = egid;
	if (rgid != (gid_t)-1 || (egid != (gid_t)-1 && egid != old.gid))
		c->sgid = c->egid;
	return 0;
}

SYSCALL_DEFINE2(getgroups, int, size, gid_t __user *, list)
{
	const struct cred *c = &current->cred;

	if (size < 0 || (size && size < c->ngroups))
		return -EINVAL;
	if (size && copy_to_user(list, c->groups, c->ngroups * sizeof(gid_t)))
		return -EFAULT;
	return c->ngroups;
}

SYSCALL_DEFINE2(setgroups, int, size, const gid_t __user *, list)
{
	struct cred *c = &current->cred;

	if (!capable(CAP_SETGID))
		return -EPERM;
	if (size < 0 || size > NGROUPS_INLINE)
		return -EINVAL;
	if (copy_from_user(c->groups, list, size * sizeof(gid_t)))
		return -EFAULT;
	c->ngroups = size;
	return 0;
}

/* capget and capset split the 64-bit sets into two elements from version 2 on. */
static int capability_elements(cap_user_header_t header)
{
	u32 version;

	if (get_user(version, &header->version))
		return -EFAULT;
	switch (version) {
	case _LINUX_CAPABILITY_VERSION_1: return 1;
	case _LINUX_CAPABILITY_VERSION_2: case _LINUX_CAPABILITY_VERSION_3: return 2;
	}
	return put_user((u32)_LINUX_CAPABILITY_VERSION_3, &header->version) ? -EFAULT : -EINVAL;
}

SYSCALL_DEFINE2(capget, cap_user_header_t, header, cap_user_data_t, data)
{
	int n = capability_elements(header);
	struct __user_cap_data_struct sets[2];
	struct task_struct *p = current;
	int pid;

	if (n < 0)
		return n == -EINVAL && !data ? 0 : n;
	if (get_user(pid, &header->pid))
		return -EFAULT;
	if (pid && !(p = find_task_by_vpid(pid)))
		return -ESRCH;
	for (int i = 0; i < 2; i++)
		sets[i] = (struct __user_cap_data_struct){
			.effective = p->cred.cap_effective >> 32 * i,
			.permitted = p->cred.cap_permitted >> 32 * i,
			.inheritable = p->cred.cap_inheritable >> 32 * i,
		};
	return copy_to_user(data, sets, n * sizeof(*sets)) ? -EFAULT : 0;
}

SYSCALL_DEFINE2(capset, cap_user_header_t, header, const cap_user_data_t, data)
{
	int n = capability_elements(header);
	struct __user_cap_data_struct sets[2] = { 0 };
	u64 effective = 0, permitted = 0, inheritable = 0;
	struct cred *c = &current->cred;

	if (n < 0)
		return n;
	if (copy_from_user(sets, data, n * sizeof(*sets)))
		return -EFAULT;
	for (int i = 0; i < 2; i++) {
		effective |= (u64)sets[i].effective << 32 * i;
		permitted |= (u64)sets[i].permitted << 32 * i;
		inheritable |= (u64)sets[i].inheritable << 32 * i;
	}
	if ((permitted & ~c->cap_permitted) || (effective & ~permitted))
		return -EPERM;
	c->cap_effective = effective;
	c->cap_permitted = permitted;
	c->cap_inheritable = inheritable & CAP_FULL_SET;
	return 0;
}
