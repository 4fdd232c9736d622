/* SPDX-License-Identifier: MIT */
/* Capabilities are part of the credentials. */
#ifndef _KERNEL_CAPABILITY_H
#define _KERNEL_CAPABILITY_H
#include <kernel/cred.h>
#endif
