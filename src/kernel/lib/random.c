// SPDX-License-Identifier: MIT
/*
 * Random numbers: xoshiro256**, seeded from the command line (random.seed=NUMBER), so that a run repeats exactly. Fit
 * for hash seeds and AT_RANDOM in a machine for tests; not for secrets.
 */
#include <kernel/err.h>
#include <kernel/init.h>
#include <kernel/kernel.h>
#include <kernel/random.h>
#include <kernel/string.h>
#include <kernel/syscalls.h>
#include <kernel/uaccess.h>
#include <linux/random.h>

static u64 state[4];

static u64 splitmix64(u64 *x)
{
	u64 z = *x += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

static void seed(u64 value)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(state); i++)
		state[i] = splitmix64(&value);
}

static int __init set_seed(char *text)
{
	unsigned long long value;

	if (kstrtoull(text, 0, &value))
		return 0;
	seed(value);
	return 1;
}
early_param("random.seed", set_seed);

static u64 rotl(u64 x, int k)
{
	return x << k | x >> (64 - k);
}

u64 get_random_u64(void)
{
	u64 result, t;

	if (!(state[0] | state[1] | state[2] | state[3]))
		seed(0);
	result = rotl(state[1] * 5, 7) * 9;
	t = state[1] << 17;
	state[2] ^= state[0];
	state[3] ^= state[1];
	state[1] ^= state[2];
	state[0] ^= state[3];
	state[2] ^= t;
	state[3] = rotl(state[3], 45);
	return result;
}

u32 get_random_u32(void)
{
	return get_random_u64() >> 32;
}

void get_random_bytes(void *buf, size_t len)
{
	while (len) {
		u64 word = get_random_u64();
		size_t n = min_t(size_t, len, sizeof(word));

		memcpy(buf, &word, n);
		buf += n;
		len -= n;
	}
}

SYSCALL_DEFINE3(getrandom, char __user *, ubuf, size_t, len, unsigned int, flags)
{
	size_t done = 0;

	if (flags & ~(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE))
		return -EINVAL;
	if (len > INT_MAX)
		len = INT_MAX;
	while (done < len) {
		u8 chunk[64];
		size_t n = min_t(size_t, len - done, sizeof(chunk));

		get_random_bytes(chunk, n);
		if (copy_to_user(ubuf + done, chunk, n))
			return done ? (long)done : -EFAULT;
		done += n;
	}
	return done;
}
