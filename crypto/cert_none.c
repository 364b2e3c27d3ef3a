/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A stand-in where there is no other implementation of cert.h: nothing can be loaded. */
#include <stdio.h>

#include "base/err.h"
#include "crypto/cert.h"

int credentials_load(const struct credentials_source *source, struct credentials **out,
		     char why[CERT_WHY_MAX])
{
	*out = NULL;
	snprintf(why, CERT_WHY_MAX, "%s: this build cannot read certificates",
		 source->ca ? source->ca : "ca");
	return ERR_CONFIG;
}

void credentials_free(struct credentials *c)
{
	(void)c;
}

struct slice credentials_subject(const struct credentials *c)
{
	(void)c;
	return slice(NULL, 0);
}

const char *cert_dn_text(struct slice dn, char *buf, size_t size)
{
	(void)dn;
	if (size)
		buf[0] = '\0';
	return buf;
}
