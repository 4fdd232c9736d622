/* SPDX-License-Identifier: MIT */
/*
 * Bugs that can be compiled into the error paths, each after one that btrfs or another file system has had. Never more than
 * one, and none by default; then planted() is the constant 0 and leaves no trace in the kernel.
 * docs/planted-bugs.md tells of each what triggers it and what it shows.
 *
 *   make -C src/kernel PLANT=leaked-reference
 */
#ifndef _BTRFS_MODEL_PLANTED_H
#define _BTRFS_MODEL_PLANTED_H

enum planted_bug {
	PLANTED_NONE,
	PLANTED_leaked_reference,
	PLANTED_stale_error_pointer,
	PLANTED_wrong_errno,
	PLANTED_success_on_failure,
	PLANTED_double_free,
	PLANTED_use_after_free,
	PLANTED_unbalanced_lock,
	PLANTED_missed_wakeup,
	PLANTED_teardown_order,
	PLANTED_unchecked_null,
	PLANTED_wrong_label,
	PLANTED_endless_retry,
};

#ifndef PLANTED_BUG
#define PLANTED_BUG	PLANTED_NONE
#endif

/* Whether this kernel carries the bug: planted(leaked_reference). */
#define planted(bug)	(PLANTED_BUG == PLANTED_##bug)

#endif
