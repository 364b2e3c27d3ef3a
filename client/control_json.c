/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/control_json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"

/* Not all that people and files call something is UTF-8, and JSON has nothing else. */
json_t *control_json_text(const char *text)
{
	json_t *o = text ? json_string(text) : json_null();
	char *plain;

	if (o)
		return o;
	plain = xstrdup(text);
	for (char *c = plain; *c; c++)
		if (*c & 0x80)
			*c = '?';
	o = json_string(plain);
	free(plain);
	return o;
}

json_t *control_json_age(vtime now, vtime since)
{
	return json_integer((json_int_t)(vtime_until(since, now) / VTIME_S));
}

json_t *control_json_until(const struct control_view *v, vtime at)
{
	return at == VTIME_NEVER ? json_null() : control_json_age(at, v->now);
}

json_t *control_json_spi(uint32_t spi)
{
	return json_sprintf("%08" PRIx32, spi);
}

json_t *control_json_cookie(const uint8_t cookie[IKE_COOKIE_SIZE])
{
	return json_sprintf("%016" PRIx64, get_be64(cookie));
}

json_t *control_json_endpoint(const struct endpoint *e)
{
	char buf[ENDPOINT_TEXT_MAX];

	return e->addr.family == FAMILY_NONE ? json_null() : json_string(endpoint_text(e, buf));
}

json_t *control_since(const struct control_view *v, vtime since)
{
	time_t t = (time_t)((v->wall - vtime_until(since, v->now)) / VTIME_S);
	char buf[40];
	struct tm tm;

	if (!gmtime_r(&t, &tm))
		return json_null();
	strftime(buf, sizeof(buf), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return json_string(buf);
}

json_t *control_json_addr(const struct addr *a)
{
	char buf[ADDR_TEXT_MAX];

	return a->family == FAMILY_NONE ? json_null() : json_string(addr_text(a, buf));
}

json_t *control_json_ts(const struct ts *ts)
{
	char buf[TS_TEXT_MAX];

	return json_string(ts_text(ts, buf));
}

static json_t *port(const struct tuple *t, uint16_t number)
{
	return t->ports ? json_integer(number) : json_null();
}

/* Of ICMP the type and code stand where the source port does: no port, then. */
json_t *control_json_tuple(const struct tuple *t)
{
	struct tuple plain = *t;
	char proto[TS_PROTO_TEXT_MAX];

	plain.ports &= t->proto != 1 && t->proto != 58;
	return json_pack("{s:s, s:o, s:o, s:o, s:o}", "protocol", ts_proto_text(t->proto, proto),
			 "source", control_json_addr(&t->src), "source_port",
			 port(&plain, t->sport), "destination", control_json_addr(&t->dst),
			 "destination_port", port(&plain, t->dport));
}

char *control_json_dump(json_t *o)
{
	char *text = json_dumps(o, JSON_COMPACT);

	json_decref(o);
	return text;
}
