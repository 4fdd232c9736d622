/* SPDX-License-Identifier: MIT */
/* As the kernel's Makefile has it. */
#define KBUILD_MODNAME "btrfs"

/* Initialisation calls become functions that host.c calls by name. */
#include <kernel/init.h>
#undef core_initcall
#undef late_initcall
#define core_initcall(fn) int native_##fn(void) { return fn(); }
#define late_initcall(fn) int native_##fn(void) { return fn(); }
