/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/addr.h"

#include <arpa/inet.h>
#include <stdio.h>

size_t family_size(enum family f)
{
	switch (f) {
	case FAMILY_IP4:
		return 4;
	case FAMILY_IP6:
		return 16;
	case FAMILY_NONE:
		break;
	}
	return 0;
}

bool addr_parse(const char *text, struct addr *out)
{
	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, text, out->b) == 1)
		out->family = FAMILY_IP4;
	else if (inet_pton(AF_INET6, text, out->b) == 1)
		out->family = FAMILY_IP6;
	return out->family != FAMILY_NONE;
}

bool addr_from_bytes(struct slice s, struct addr *out)
{
	memset(out, 0, sizeof(*out));
	if (s.n != 4 && s.n != 16)
		return false;
	out->family = s.n == 4 ? FAMILY_IP4 : FAMILY_IP6;
	memcpy(out->b, s.p, s.n);
	return true;
}

struct slice addr_bytes(const struct addr *a)
{
	return slice(a->b, family_size(a->family));
}

bool addr_eq(const struct addr *a, const struct addr *b)
{
	return a->family == b->family && memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

bool addr_is_in(const struct addr *list, size_t n, const struct addr *a)
{
	for (size_t i = 0; i < n; i++)
		if (addr_eq(&list[i], a))
			return true;
	return false;
}

int addr_cmp(const struct addr *a, const struct addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->b, b->b, sizeof(a->b));
}

bool addr_is_unspecified(const struct addr *a)
{
	static const uint8_t zero[16];

	return memcmp(a->b, zero, sizeof(zero)) == 0;
}

bool addr_is_host(const struct addr *a)
{
	static const uint8_t loopback6[16] = { [15] = 1 };

	if (a->family == FAMILY_NONE || addr_is_unspecified(a))
		return false;
	if (a->family == FAMILY_IP4)
		return a->b[0] != 0 && a->b[0] != 127 && a->b[0] < 224;
	return a->b[0] != 0xff && memcmp(a->b, loopback6, sizeof(loopback6)) != 0;
}

const char *addr_text(const struct addr *a, char buf[ADDR_TEXT_MAX])
{
	if (a->family == FAMILY_NONE)
		return strcpy(buf, "none");
	if (!inet_ntop(a->family == FAMILY_IP4 ? AF_INET : AF_INET6, a->b, buf, ADDR_TEXT_MAX))
		buf[0] = '\0';
	return buf;
}

bool endpoint_eq(const struct endpoint *a, const struct endpoint *b)
{
	return a->port == b->port && addr_eq(&a->addr, &b->addr);
}

const char *endpoint_text(const struct endpoint *e, char buf[ENDPOINT_TEXT_MAX])
{
	char a[ADDR_TEXT_MAX];

	snprintf(buf, ENDPOINT_TEXT_MAX, e->addr.family == FAMILY_IP6 ? "[%s]:%u" : "%s:%u",
		 addr_text(&e->addr, a), e->port);
	return buf;
}

bool prefix_parse(const char *text, struct prefix *out)
{
	const char *slash = strchr(text, '/');
	char a[ADDR_TEXT_MAX];
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	unsigned len = 0;

	if (n >= sizeof(a))
		return false;
	memcpy(a, text, n);
	a[n] = '\0';
	if (!addr_parse(a, &out->addr))
		return false;
	out->len = (uint8_t)(8 * family_size(out->addr.family));
	if (!slash)
		return true;
	if (!slash[1] || strlen(slash + 1) > 3)
		return false;
	for (const char *c = slash + 1; *c; c++) {
		if (*c < '0' || *c > '9')
			return false;
		len = 10 * len + (unsigned)(*c - '0');
	}
	if (len > out->len)
		return false;
	out->len = (uint8_t)len;
	return true;
}

void prefix_range(const struct prefix *p, struct addr *lo, struct addr *hi)
{
	size_t n = family_size(p->addr.family);

	*lo = p->addr;
	*hi = p->addr;
	for (size_t i = 0; i < n; i++) {
		unsigned bits = p->len > 8 * i ? p->len - 8 * (unsigned)i : 0;
		uint8_t mask = bits >= 8 ? 0xff : (uint8_t)(0xff00 >> bits);

		lo->b[i] = p->addr.b[i] & mask;
		hi->b[i] = (uint8_t)(p->addr.b[i] | (uint8_t)~mask);
	}
}

bool prefix_contains(const struct prefix *p, const struct addr *a)
{
	struct addr lo, hi;

	prefix_range(p, &lo, &hi);
	return addr_cmp(&lo, a) <= 0 && addr_cmp(a, &hi) <= 0;
}

const char *prefix_text(const struct prefix *p, char buf[PREFIX_TEXT_MAX])
{
	char a[ADDR_TEXT_MAX];

	snprintf(buf, PREFIX_TEXT_MAX, "%s/%u", addr_text(&p->addr, a), p->len);
	return buf;
}

struct endpoint path_esp_remote(const struct path *p)
{
	struct endpoint e = p->remote;

	switch (p->encapsulation) {
	case ENCAPSULATION_UDP:
	case ENCAPSULATION_TCP:
		break;
	case ENCAPSULATION_ESP:
		e.port = 0;
		break;
	case ENCAPSULATION_CISCO_UDP:
		e.port = p->data_port ? p->data_port : e.port;
		break;
	}
	return e;
}

const char *encapsulation_name(enum encapsulation e)
{
	switch (e) {
	case ENCAPSULATION_UDP:
		return "udp";
	case ENCAPSULATION_ESP:
		return "esp";
	case ENCAPSULATION_CISCO_UDP:
		return "cisco-udp";
	case ENCAPSULATION_TCP:
		return "tcp";
	}
	return "unknown";
}
