/* SPDX-License-Identifier: MIT */
/*
 * BPF from user space: bpf(2) and perf_event_open(2), and loading object files that clang made from C (-target bpf).
 *
 * An object file may hold: programs in sections named after what they are attached to ("kprobe/open_ctree", "kretprobe/kmalloc",
 * "tracepoint/sched/sched_process_exec" ...), functions that they call, maps (BTF-defined in ".maps" or old-style in "maps"),
 * global variables, "license" and "version". Functions print what is wrong to stderr and return NULL or -1 with errno set.
 */
#ifndef _USER_BPF_H
#define _USER_BPF_H

#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <stddef.h>
#include <sys/types.h>

/* ---- system calls: -1 and errno on failure ---- */

int sys_bpf(int cmd, union bpf_attr *attr, unsigned int size);
int sys_perf_event_open(struct perf_event_attr *attr, pid_t pid, int cpu, int group_fd, unsigned long flags);

int bpf_map_create(enum bpf_map_type type, const char *name, unsigned int key_size, unsigned int value_size,
		   unsigned int max_entries, unsigned int flags);
int bpf_map_lookup_elem(int fd, const void *key, void *value);
int bpf_map_update_elem(int fd, const void *key, const void *value, unsigned long long flags);
int bpf_map_delete_elem(int fd, const void *key);
int bpf_map_get_next_key(int fd, const void *key, void *next_key);

/* The number of a function of the kernel's in /sys/kernel/btf/vmlinux (attach_btf_id); 0: it is not there. */
unsigned int bpf_kernel_function_id(const char *name);
/* The same for a type of any BTF_KIND_, and where a structure has a field: its offset in bytes, -1 if it has none. */
unsigned int bpf_kernel_type_id(unsigned int kind, const char *name);
int bpf_kernel_field_offset(const char *structure, const char *field);

/* ---- object files ---- */

struct bpf_object;
struct bpf_program;

/* Reads an object file; nothing is given to the kernel yet. */
struct bpf_object *bpf_object_open(const char *path);
/* Creates the maps and loads the programs. Prints the verifier's log if one is refused. */
int bpf_object_load(struct bpf_object *object);
/* Attaches every program that its section says how to attach. */
int bpf_object_attach(struct bpf_object *object);
/* Detaches, unloads and frees. */
void bpf_object_close(struct bpf_object *object);

struct bpf_program *bpf_object_find_program(struct bpf_object *object, const char *name);
/* The program behind @previous, the first for NULL; NULL after the last. */
struct bpf_program *bpf_object_next_program(struct bpf_object *object, struct bpf_program *previous);
/* Descriptor of a map by its name; global variables are in maps named ".data", ".rodata" and ".bss". */
int bpf_object_map_fd(const struct bpf_object *object, const char *name);

const char *bpf_program_name(const struct bpf_program *program);
const char *bpf_program_section(const struct bpf_program *program);
int bpf_program_fd(const struct bpf_program *program);
/* By its section, or a kprobe program to the function @target instead of the one that its section names. */
int bpf_program_attach(struct bpf_program *program, const char *target);
int bpf_program_detach(struct bpf_program *program);

#endif
