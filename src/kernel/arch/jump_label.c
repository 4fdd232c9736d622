// SPDX-License-Identifier: MIT
/* Static keys: patches the places that depend on a key, which the linker has gathered in __jump_table. */
#include <kernel/bug.h>
#include <kernel/jump_label.h>
#include <kernel/kernel.h>
#include <kernel/text-patching.h>

extern const struct jump_entry __start___jump_table[], __stop___jump_table[];

static void patch(const struct jump_entry *entry, bool jump)
{
	static const u8 nop[JUMP_LABEL_NOP_SIZE] = { 0x0f, 0x1f, 0x44, 0x00, 0x00 };
	struct {
		u8 opcode;
		s32 offset;
	} __packed insn = { 0xe9, entry->target - (entry->code + JUMP_LABEL_NOP_SIZE) };

	text_poke_bp((void *)entry->code, jump ? (const void *)&insn : nop, JUMP_LABEL_NOP_SIZE, NULL);
}

static void update(struct static_key *key)
{
	for (const struct jump_entry *entry = __start___jump_table; entry < __stop___jump_table; entry++)
		if (entry->key == key)
			patch(entry, key->enabled);
}

void static_key_slow_inc(struct static_key *key)
{
	if (key->enabled++ == 0)
		update(key);
}

void static_key_slow_dec(struct static_key *key)
{
	BUG_ON(key->enabled <= 0);
	if (--key->enabled == 0)
		update(key);
}

bool jump_label_text_reserved(const void *start, const void *end)
{
	for (const struct jump_entry *entry = __start___jump_table; entry < __stop___jump_table; entry++)
		if (entry->code <= (unsigned long)end && (unsigned long)start < entry->code + JUMP_LABEL_NOP_SIZE)
			return true;
	return false;
}
