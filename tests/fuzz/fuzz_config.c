/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vpn.conf. Nothing outside is touched: no file that it names, no command. Whatever comes out must
 * keep its bounds, and no secret may stay behind.
 */
#include <stdlib.h>
#include <unistd.h>

#include "client/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static FILE *nowhere;
	struct config_source source = {
		.file = "vpn.conf",
		.text = malloc(size + 1),
		.n = size,
		.owner = geteuid(),
		.mode = 0600,
	};
	struct config *c;
	int err;

	if (!nowhere)
		nowhere = fopen("/dev/null", "w");
	if (!nowhere || !source.text)
		abort();
	if (size)
		memcpy(source.text, data, size);
	err = config_parse(&source, &c, nowhere);
	if ((err == 0) != (c != NULL))
		abort();
	if (c) {
		const struct session_config *s = &c->session;

		if (s->ngateways == 0 || s->ngateways > SESSION_GATEWAYS_MAX ||
		    s->ninner > SESSION_INNER_MAX || (s->ninner == 0) != s->address_config ||
		    s->ntunnels > SESSION_TUNNELS_MAX || (s->ntunnels == 0) != s->address_config ||
		    s->nremotes > SESSION_TUNNELS_MAX || s->nlocals > SESSION_TUNNELS_MAX ||
		    s->nexcludes > SESSION_EXCLUDES_MAX || s->ike.nsuites == 0 ||
		    s->child.nsuites == 0 || !s->ike.lifetime_s || !s->child.keylife_s)
			abort();
		config_explain(c, nowhere);
		config_free(c);
	}
	free(source.text);
	if (secret_pool_used() != 0)
		abort();
	return 0;
}
