/**
 * Where sleepable programs may be attached. fentry, fexit and fmod_ret: functions of the error-injection list, less those that are
 * also called where nobody may sleep. LSM: the hooks that are called with page faults allowed. (semantics D8, D12; the kernel's
 * check_non_sleepable_error_inject and sleepable_lsm_hooks)
 */
import { BPF_PROG_TYPE_LSM, BPF_PROG_TYPE_TRACING } from "./program-types.ts";
import type { VerifierRules } from "./rules.ts";

/** On the list, but called with locks held or in interrupts too. */
const NOT_SLEEPABLE: ReadonlySet<string> = new Set([
  "__filemap_add_folio",
  "__add_to_page_cache_locked",
  "should_fail_alloc_page",
  "should_failslab",
  // The list of this kernel has its allocators, which Linux's has not.
  "kmalloc",
  "kmem_cache_alloc",
  "__alloc_pages",
]);

const hooks = (names: string): ReadonlySet<string> =>
  new Set(
    names
      .trim()
      .split(/\s+/)
      .map((name) => `bpf_lsm_${name}`),
  );

/** Linux 6.1's; file_mprotect, which the series began with, is no longer among them. */
export const SLEEPABLE_LSM_HOOKS = hooks(`
  bpf bpf_map bpf_map_alloc_security bpf_map_free_security bpf_prog
  bprm_check_security bprm_committed_creds bprm_committing_creds bprm_creds_for_exec bprm_creds_from_file
  capget capset cred_prepare current_getsecid_subj
  file_ioctl file_lock file_open file_receive
  inet_conn_established
  inode_create inode_free_security inode_getattr inode_getxattr inode_mknod inode_need_killpriv inode_post_setxattr
  inode_readlink inode_rename inode_rmdir inode_setattr inode_setxattr inode_symlink inode_unlink
  kernel_module_request kernel_read_file kernfs_init_security key_free mmap_file netlink_send path_notify release_secctx
  sb_alloc_security sb_eat_lsm_opts sb_kern_mount sb_mount sb_remount sb_set_mnt_opts sb_show_options sb_statfs sb_umount
  settime
  socket_accept socket_bind socket_connect socket_create socket_getpeername socket_getpeersec_dgram socket_getsockname
  socket_getsockopt socket_listen socket_post_create socket_recvmsg socket_sendmsg socket_shutdown socket_socketpair
  syslog task_alloc task_getsecid_obj task_prctl task_setscheduler userns_create
`);

/** The two of 2020. */
export const SLEEPABLE_LSM_HOOKS_2020 = hooks("file_mprotect bprm_committed_creds");

/** What a sleepable program is to be attached to. */
export interface SleepableTarget {
  /** BPF_PROG_TYPE_ of the program. */
  readonly programType: number;
  /** The function's name. */
  readonly name: string;
  /** It is on the error-injection list. */
  readonly errorInjectable: boolean;
}

/** Why a sleepable program may not be attached there (EINVAL), or undefined. */
export function refusedSleepableTarget(target: SleepableTarget, rules: VerifierRules): string | undefined {
  const { programType, name, errorInjectable } = target;
  const allowed =
    (programType === BPF_PROG_TYPE_TRACING && errorInjectable && !NOT_SLEEPABLE.has(name)) ||
    (programType === BPF_PROG_TYPE_LSM && rules.sleepable.lsmHooks.has(name));
  return allowed ? undefined : `${name} is not sleepable`;
}

/** Functions of the machinery itself: no fentry, fexit, fmod_ret or LSM program is attached to them, sleepable or not (D12). */
export const UNATTACHABLE: ReadonlySet<string> = new Set([
  "migrate_disable",
  "migrate_enable",
  "rcu_read_unlock_strict",
]);
