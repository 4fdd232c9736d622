/* SPDX-License-Identifier: MIT */
/* Terminals: a line discipline on a serial port, and the sessions that they control. (man 4 tty_ioctl, man 3 termios) */
#ifndef _KERNEL_TTY_H
#define _KERNEL_TTY_H

#include <asm/termbits.h>
#include <asm/termios.h>
#include <kernel/types.h>
#include <kernel/wait.h>

struct task_struct;
struct tty_struct;

/* What a driver does for the line discipline. */
struct tty_operations {
	void (*write)(struct tty_struct *tty, const char *text, size_t len);
};

#define N_TTY_BUF_SIZE	4096

struct tty_struct {
	const char *name;		/* "ttyS0" */
	unsigned int index;
	const struct tty_operations *ops;
	void *driver_data;
	struct termios termios;
	struct winsize winsize;
	pid_t session, pgrp;
	unsigned int column;		/* of the cursor, for tabs and erasing */
	/*
	 * Input: bytes between tail and head. With ICANON only those before canon can be read; marks say where lines
	 * end, and which bytes stand for an end of file.
	 */
	u8 buffer[N_TTY_BUF_SIZE];
	u8 marks[N_TTY_BUF_SIZE];
	unsigned int head, tail, canon;
	bool literal_next;
	bool stopped;			/* IXON: by ^S */
	wait_queue_head_t read_wait, write_wait;
};

/* A byte that came in; called from the driver's interrupt handler. */
void tty_receive(struct tty_struct *tty, u8 c);
/* Initialises @tty, whose name, index, ops and driver_data are set, and makes /dev/NAME (major 4, minor 64 + index). */
int tty_register(struct tty_struct *tty);
/* The session's leader is gone (exit) or starts a new session (setsid): it has no terminal any more. */
void disassociate_ctty(struct task_struct *task);
/* For /proc/PID/stat: device number of the controlling terminal (0: none) and its foreground group. */
dev_t task_tty_nr(struct task_struct *task, pid_t *pgrp);

#endif
