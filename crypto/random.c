/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "crypto/crypto.h"

/* Asking the kernel each time keeps no state that a fork could duplicate or a dump could show. */
static void kernel_fill(void *ctx, uint8_t *out, size_t n)
{
	(void)ctx;
	while (n) {
		ssize_t got = getrandom(out, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			fputs("godwit: the kernel gives no random numbers\n", stderr);
			abort();
		}
		out += got;
		n -= (size_t)got;
	}
}

struct rng *crypto_rng(void)
{
	static struct rng kernel = { kernel_fill, NULL };

	return &kernel;
}
