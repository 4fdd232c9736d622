/* SPDX-License-Identifier: MIT */
/* Ports, device registers in memory, and machine registers. */
#ifndef _KERNEL_IO_H
#define _KERNEL_IO_H

#include <kernel/types.h>

static inline void outb(u8 v, u16 port) { __asm__ __volatile__("outb %0, %1" : : "a" (v), "Nd" (port)); }
static inline void outw(u16 v, u16 port) { __asm__ __volatile__("outw %0, %1" : : "a" (v), "Nd" (port)); }
static inline void outl(u32 v, u16 port) { __asm__ __volatile__("outl %0, %1" : : "a" (v), "Nd" (port)); }
static inline u8 inb(u16 port) { u8 v; __asm__ __volatile__("inb %1, %0" : "=a" (v) : "Nd" (port)); return v; }
static inline u16 inw(u16 port) { u16 v; __asm__ __volatile__("inw %1, %0" : "=a" (v) : "Nd" (port)); return v; }
static inline u32 inl(u16 port) { u32 v; __asm__ __volatile__("inl %1, %0" : "=a" (v) : "Nd" (port)); return v; }

static inline u8 readb(const volatile void __iomem *a)
{ u8 v; __asm__ __volatile__("movb %1, %0" : "=q" (v) : "m" (*(const volatile u8 *)a) : "memory"); return v; }
static inline u16 readw(const volatile void __iomem *a)
{ u16 v; __asm__ __volatile__("movw %1, %0" : "=r" (v) : "m" (*(const volatile u16 *)a) : "memory"); return v; }
static inline u32 readl(const volatile void __iomem *a)
{ u32 v; __asm__ __volatile__("movl %1, %0" : "=r" (v) : "m" (*(const volatile u32 *)a) : "memory"); return v; }
static inline u64 readq(const volatile void __iomem *a)
{ u64 v; __asm__ __volatile__("movq %1, %0" : "=r" (v) : "m" (*(const volatile u64 *)a) : "memory"); return v; }
static inline void writeb(u8 v, volatile void __iomem *a)
{ __asm__ __volatile__("movb %0, %1" : : "q" (v), "m" (*(volatile u8 *)a) : "memory"); }
static inline void writew(u16 v, volatile void __iomem *a)
{ __asm__ __volatile__("movw %0, %1" : : "r" (v), "m" (*(volatile u16 *)a) : "memory"); }
static inline void writel(u32 v, volatile void __iomem *a)
{ __asm__ __volatile__("movl %0, %1" : : "r" (v), "m" (*(volatile u32 *)a) : "memory"); }
static inline void writeq(u64 v, volatile void __iomem *a)
{ __asm__ __volatile__("movq %0, %1" : : "r" (v), "m" (*(volatile u64 *)a) : "memory"); }

void __iomem *ioremap(phys_addr_t phys, size_t size);
void iounmap(void __iomem *addr);

#endif
