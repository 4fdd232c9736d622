/* SPDX-License-Identifier: MIT */
/*
 * The hooks of security modules that this kernel calls, with the arguments that they have in Linux 6.1:
 * LSM_HOOK(result, what no module means, name, (parameters), (arguments)). Included several times, so it has no guard.
 * LSM_HOOK_CAPABILITY: the module "capability" is asked first.
 * (Documentation/bpf/prog_lsm.rst, docs/lsm.md)
 */
#ifndef LSM_HOOK_CAPABILITY
#define LSM_HOOK_CAPABILITY	LSM_HOOK
#endif

LSM_HOOK(int, 0, ptrace_access_check, (struct task_struct *child, unsigned int mode), (child, mode))
LSM_HOOK_CAPABILITY(int, 0, capable, (const struct cred *cred, struct user_namespace *ns, int cap, unsigned int opts),
		    (cred, ns, cap, opts))
LSM_HOOK(int, 0, syslog, (int type), (type))
LSM_HOOK(int, 0, settime, (const struct timespec64 *ts, const struct timezone *tz), (ts, tz))
LSM_HOOK(int, 0, vm_enough_memory, (struct mm_struct *mm, long pages), (mm, pages))

LSM_HOOK(int, 0, bprm_creds_for_exec, (struct linux_binprm *bprm), (bprm))
LSM_HOOK(int, 0, bprm_check_security, (struct linux_binprm *bprm), (bprm))
LSM_HOOK(void, , bprm_committing_creds, (struct linux_binprm *bprm), (bprm))
LSM_HOOK(void, , bprm_committed_creds, (struct linux_binprm *bprm), (bprm))

LSM_HOOK(int, 0, sb_statfs, (struct dentry *dentry), (dentry))
LSM_HOOK(int, 0, sb_mount,
	 (const char *dev_name, const struct path *path, const char *type, unsigned long flags, void *data),
	 (dev_name, path, type, flags, data))
LSM_HOOK(int, 0, sb_umount, (struct vfsmount *mnt, int flags), (mnt, flags))

LSM_HOOK(int, 0, inode_create, (struct inode *dir, struct dentry *dentry, umode_t mode), (dir, dentry, mode))
LSM_HOOK(int, 0, inode_link, (struct dentry *old_dentry, struct inode *dir, struct dentry *new_dentry),
	 (old_dentry, dir, new_dentry))
LSM_HOOK(int, 0, inode_unlink, (struct inode *dir, struct dentry *dentry), (dir, dentry))
LSM_HOOK(int, 0, inode_symlink, (struct inode *dir, struct dentry *dentry, const char *old_name),
	 (dir, dentry, old_name))
LSM_HOOK(int, 0, inode_mkdir, (struct inode *dir, struct dentry *dentry, umode_t mode), (dir, dentry, mode))
LSM_HOOK(int, 0, inode_rmdir, (struct inode *dir, struct dentry *dentry), (dir, dentry))
LSM_HOOK(int, 0, inode_mknod, (struct inode *dir, struct dentry *dentry, umode_t mode, dev_t dev),
	 (dir, dentry, mode, dev))
LSM_HOOK(int, 0, inode_rename,
	 (struct inode *old_dir, struct dentry *old_dentry, struct inode *new_dir, struct dentry *new_dentry),
	 (old_dir, old_dentry, new_dir, new_dentry))
LSM_HOOK(int, 0, inode_permission, (struct inode *inode, int mask), (inode, mask))
LSM_HOOK(int, 0, inode_getattr, (const struct path *path), (path))
LSM_HOOK(int, -EOPNOTSUPP, inode_getsecurity, (struct inode *inode, const char *name, void **buffer, bool alloc),
	 (inode, name, buffer, alloc))

LSM_HOOK(int, 0, file_permission, (struct file *file, int mask), (file, mask))
LSM_HOOK(int, 0, file_ioctl, (struct file *file, unsigned int cmd, unsigned long arg), (file, cmd, arg))
LSM_HOOK(int, 0, mmap_addr, (unsigned long addr), (addr))
LSM_HOOK(int, 0, mmap_file, (struct file *file, unsigned long reqprot, unsigned long prot, unsigned long flags),
	 (file, reqprot, prot, flags))
LSM_HOOK(int, 0, file_mprotect, (struct vm_area_struct *vma, unsigned long reqprot, unsigned long prot),
	 (vma, reqprot, prot))
LSM_HOOK(int, 0, file_fcntl, (struct file *file, unsigned int cmd, unsigned long arg), (file, cmd, arg))
LSM_HOOK(int, 0, file_open, (struct file *file), (file))

LSM_HOOK(int, 0, task_alloc, (struct task_struct *task, unsigned long clone_flags), (task, clone_flags))
LSM_HOOK(void, , task_free, (struct task_struct *task), (task))
LSM_HOOK(void, , cred_free, (struct cred *cred), (cred))
LSM_HOOK(int, 0, task_kill, (struct task_struct *p, struct kernel_siginfo *info, int sig, const struct cred *cred),
	 (p, info, sig, cred))

LSM_HOOK(int, -EOPNOTSUPP, secid_to_secctx, (u32 secid, char **secdata, u32 *seclen), (secid, secdata, seclen))
LSM_HOOK(int, 0, socket_create, (int family, int type, int protocol, int kern), (family, type, protocol, kern))

LSM_HOOK(int, 0, bpf, (int cmd, union bpf_attr *attr, unsigned int size), (cmd, attr, size))
LSM_HOOK(int, 0, bpf_map, (struct bpf_map *map, fmode_t fmode), (map, fmode))
LSM_HOOK(int, 0, bpf_prog, (struct bpf_prog *prog), (prog))
LSM_HOOK(int, 0, perf_event_open, (struct perf_event_attr *attr, int type), (attr, type))

#undef LSM_HOOK_CAPABILITY
