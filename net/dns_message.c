/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/dns_message.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"

#define HEADER_RD 0x0100
#define FLAG_ANSWER 0x8000
#define HEADER_REST 8 /* four counts */
#define CODE_MASK 0x000f
#define CLASS_IN 1
#define LABEL_MAX 63
#define NAME_MAX_BYTES 255
#define POINTER 0xc0

struct slice dns_query(uint16_t id, const char *name, enum dns_type type, bool recurse,
		       uint8_t buf[DNS_QUERY_MAX])
{
	struct wr w;

	if (strlen(name) + 2 > NAME_MAX_BYTES)
		return SLICE_NONE;
	wr_init(&w, buf, DNS_QUERY_MAX);
	wr_u16(&w, id);
	wr_u16(&w, recurse ? HEADER_RD : 0);
	wr_u16(&w, 1);
	wr_zero(&w, 6);
	while (*name) {
		size_t n = strcspn(name, ".");

		if (n == 0 || n > LABEL_MAX)
			return SLICE_NONE;
		wr_u8(&w, (uint8_t)n);
		wr_slice(&w, slice(name, n));
		name += n + (name[n] == '.');
	}
	wr_u8(&w, 0);
	wr_u16(&w, type);
	wr_u16(&w, CLASS_IN);
	return wr_done(&w);
}

/* Up to its end, or to where it goes on elsewhere. */
static void skip_name(struct rd *r)
{
	uint8_t n;

	while ((n = rd_u8(r)) && (n & POINTER) != POINTER && !r->bad)
		rd_slice(r, n);
	if (n)
		rd_u8(r);
}

static void take_record(struct rd *r, struct dns_answer *out)
{
	uint16_t type, class;
	struct slice data;
	struct addr a;

	skip_name(r);
	type = rd_u16(r);
	class = rd_u16(r);
	rd_u32(r);
	data = rd_slice(r, rd_u16(r));
	if (r->bad || class != CLASS_IN || (type != DNS_A && type != DNS_AAAA) ||
	    data.n != family_size(type == DNS_A ? FAMILY_IP4 : FAMILY_IP6) ||
	    out->n == ARRAY_SIZE(out->addrs))
		return;
	if (addr_from_bytes(data, &a))
		out->addrs[out->n++] = a;
}

bool dns_is_answer(struct slice bytes, uint16_t id)
{
	struct rd r;

	rd_init(&r, bytes);
	return rd_u16(&r) == id && rd_u16(&r) & FLAG_ANSWER && rd_slice(&r, HEADER_REST).p &&
	       !r.bad;
}

int dns_parse(struct slice bytes, uint16_t id, struct dns_answer *out)
{
	uint16_t got, flags, questions, answers;
	struct rd r;

	rd_init(&r, bytes);
	got = rd_u16(&r);
	flags = rd_u16(&r);
	questions = rd_u16(&r);
	answers = rd_u16(&r);
	rd_u32(&r);
	if (r.bad)
		return ERR_MALFORMED;
	if (got != id || !(flags & FLAG_ANSWER))
		return ERR_UNEXPECTED;
	for (unsigned i = 0; i < questions && !r.bad; i++) {
		skip_name(&r);
		rd_u32(&r);
	}
	for (unsigned i = 0; i < answers && !r.bad; i++)
		take_record(&r, out);
	if (r.bad)
		return ERR_MALFORMED;
	out->answered = true;
	out->code = flags & CODE_MASK;
	return 0;
}
