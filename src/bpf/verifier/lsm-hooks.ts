/**
 * LSM hooks: functions called bpf_lsm_NAME that do nothing but return the hook's default, for programs to be attached to.
 * (Documentation/bpf/prog_lsm.rst)
 */
const PREFIX = "bpf_lsm_";

/** Hooks whose result a program could not give safely: they return more than an errno. */
export const DISABLED_LSM_HOOKS: ReadonlySet<string> = new Set(
  [
    "vm_enough_memory",
    "inode_need_killpriv",
    "inode_getsecurity",
    "inode_listsecurity",
    "inode_copy_up_xattr",
    "getprocattr",
    "setprocattr",
    "ismaclabel",
  ].map((name) => PREFIX + name),
);

/** Functions of the BPF subsystem that begin like hooks and are none. */
const NOT_HOOKS: ReadonlySet<string> = new Set(
  ["init", "func_proto", "verify_prog", "is_sleepable_hook"].map((name) => PREFIX + name),
);

export const isLsmHook = (name: string): boolean => name.startsWith(PREFIX) && !NOT_HOOKS.has(name);
