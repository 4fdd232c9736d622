// SPDX-License-Identifier: MIT
/*
 * 16550 UARTs: ttyS0, which is the console unless console= says otherwise, and ttyS1. Input by interrupt, output by waiting for the transmitter.
 * (National Semiconductor PC16550D data sheet)
 */
#include <generated/platform.h>
#include <kernel/init.h>
#include <kernel/interrupt.h>
#include <kernel/io.h>
#include <kernel/kernel.h>
#include <kernel/printk.h>
#include <kernel/tty.h>
#include <linux/serial_reg.h>

struct uart_port {
	u16 base;
	unsigned int irq;
	struct tty_struct tty;
};

static struct uart_port ports[] = {
	{ .base = PLATFORM_UART0_PORT, .irq = PLATFORM_UART0_IRQ, .tty = { .name = "ttyS0", .index = 0 } },
	{ .base = PLATFORM_UART1_PORT, .irq = PLATFORM_UART1_IRQ, .tty = { .name = "ttyS1", .index = 1 } },
};

static void uart_write(struct tty_struct *tty, const char *text, size_t len)
{
	struct uart_port *port = tty->driver_data;

	for (size_t i = 0; i < len; i++) {
		while (!(inb(port->base + UART_LSR) & UART_LSR_THRE))
			;
		outb(text[i], port->base + UART_TX);
	}
}

static const struct tty_operations uart_ops = { .write = uart_write };

static irqreturn_t uart_interrupt(int irq, void *dev_id)
{
	struct uart_port *port = dev_id;
	irqreturn_t handled = IRQ_NONE;

	while (!(inb(port->base + UART_IIR) & UART_IIR_NO_INT)) {
		while (inb(port->base + UART_LSR) & UART_LSR_DR)
			tty_receive(&port->tty, inb(port->base + UART_RX));
		inb(port->base + UART_MSR);
		handled = IRQ_HANDLED;
	}
	return handled;
}

/* A register that keeps what is written to it: somebody is there. */
static bool present(const struct uart_port *port)
{
	outb(0x5a, port->base + UART_SCR);
	if (inb(port->base + UART_SCR) != 0x5a)
		return false;
	outb(0xa5, port->base + UART_SCR);
	return inb(port->base + UART_SCR) == 0xa5;
}

static int uart_init(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(ports); i++) {
		struct uart_port *port = &ports[i];
		int err;

		if (!present(port))
			continue;
		port->tty.ops = &uart_ops;
		port->tty.driver_data = port;
		outb(0, port->base + UART_IER);
		outb(UART_LCR_DLAB, port->base + UART_LCR);
		outb(1, port->base + UART_DLL);		/* 115,200 bits a second */
		outb(0, port->base + UART_DLM);
		outb(UART_LCR_WLEN8, port->base + UART_LCR);
		outb(UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_RCVR | UART_FCR_CLEAR_XMIT, port->base + UART_FCR);
		outb(UART_MCR_DTR | UART_MCR_RTS | UART_MCR_OUT2, port->base + UART_MCR);
		err = tty_register(&port->tty);
		if (!err)
			err = request_irq(port->irq, uart_interrupt, 0, port->tty.name, port);
		if (err) {
			pr_err("%s: error %d\n", port->tty.name, err);
			continue;
		}
		pr_info("%s at I/O 0x%x (irq = %u, base_baud = 115200) is a 16550A\n", port->tty.name, port->base,
			port->irq);
		outb(UART_IER_RDI | UART_IER_RLSI, port->base + UART_IER);
	}
	return 0;
}
device_initcall(uart_init);
