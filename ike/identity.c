/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ike/ike.h"

#include <stdio.h>

static int identity_set(struct identity *out, enum id_type type, struct slice data)
{
	if (data.n == 0 || data.n > IKE_ID_MAX)
		return ERR_CONFIG;
	memset(out, 0, sizeof(*out));
	out->type = type;
	out->n = (uint16_t)data.n;
	memcpy(out->data, data.p, data.n);
	return 0;
}

int identity_parse(const char *text, struct identity *out)
{
	static const char keyid[] = "keyid:", email[] = "email:";
	struct addr a;

	if (strncmp(text, keyid, strlen(keyid)) == 0)
		return identity_set(out, ID_KEY_ID, SLICE_STR(text + strlen(keyid)));
	if (strncmp(text, email, strlen(email)) == 0)
		return identity_set(out, ID_USER_FQDN, SLICE_STR(text + strlen(email)));
	if (strchr(text, '=')) {
		uint8_t dn[IKE_ID_MAX];
		int n = cert_dn_parse(text, dn, sizeof(dn));

		return n > 0 ? identity_set(out, ID_DER_ASN1_DN, slice(dn, (size_t)n)) : ERR_CONFIG;
	}
	if (addr_parse(text, &a))
		return identity_set(out, a.family == FAMILY_IP4 ? ID_IPV4_ADDR : ID_IPV6_ADDR,
				    addr_bytes(&a));
	return identity_set(out, strchr(text, '@') ? ID_USER_FQDN : ID_FQDN, SLICE_STR(text));
}

bool identity_eq(const struct identity *a, const struct identity *b)
{
	struct slice x = slice(a->data, a->n), y = slice(b->data, b->n);

	if (a->type != b->type)
		return false;
	return a->type == ID_DER_ASN1_DN ? cert_dn_eq(x, y) : slice_eq(x, y);
}

const char *identity_text(const struct identity *id, char buf[IDENTITY_TEXT_MAX])
{
	struct addr a;
	size_t n = 0;

	if (id->type == ID_NONE)
		return strcpy(buf, "none");
	if ((id->type == ID_IPV4_ADDR || id->type == ID_IPV6_ADDR) &&
	    addr_from_bytes(slice(id->data, id->n), &a))
		return addr_text(&a, buf);
	if (id->type == ID_DER_ASN1_DN)
		return cert_dn_text(slice(id->data, id->n), buf, IDENTITY_TEXT_MAX);
	if (id->type == ID_KEY_ID)
		n = (size_t)snprintf(buf, IDENTITY_TEXT_MAX, "keyid:");
	else if (id->type == ID_USER_FQDN && !memchr(id->data, '@', id->n))
		n = (size_t)snprintf(buf, IDENTITY_TEXT_MAX, "email:");
	for (unsigned i = 0; i < id->n && n + 1 < IDENTITY_TEXT_MAX; i++) {
		uint8_t c = id->data[i];

		buf[n++] = c >= 0x20 && c < 0x7f ? (char)c : '?';
	}
	buf[n] = '\0';
	return buf;
}

const char *identity_word(const struct identity *id, char buf[IDENTITY_TEXT_MAX])
{
	identity_text(id, buf);
	return id->type == ID_KEY_ID ? buf + sizeof("keyid:") - 1 : buf;
}
