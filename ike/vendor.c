/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ike/codec.h"

/* `match` leading bytes decide; with `exact` nothing may follow them. */
struct vendor_id {
	enum vendor vendor;
	uint8_t n; /* bytes as sent */
	uint8_t match;
	bool exact;
	uint8_t bytes[20];
	const char *name;
};

static const struct vendor_id vendor_ids[] = {
	{ VENDOR_NATT_RFC,
	  16,
	  16,
	  true,
	  { 0x4a, 0x13, 0x1c, 0x81, 0x07, 0x03, 0x58, 0x45, 0x5c, 0x57, 0x28, 0xf2, 0x0e, 0x95,
	    0x45, 0x2f },
	  "NAT-T RFC 3947" },
	{ VENDOR_NATT_DRAFT_03,
	  16,
	  16,
	  true,
	  { 0x7d, 0x94, 0x19, 0xa6, 0x53, 0x10, 0xca, 0x6f, 0x2c, 0x17, 0x9d, 0x92, 0x15, 0x52,
	    0x9d, 0x56 },
	  "NAT-T draft 03" },
	{ VENDOR_NATT_DRAFT_02N,
	  16,
	  16,
	  true,
	  { 0x90, 0xcb, 0x80, 0x91, 0x3e, 0xbb, 0x69, 0x6e, 0x08, 0x63, 0x81, 0xb5, 0xec, 0x42,
	    0x7b, 0x1f },
	  "NAT-T draft 02, with newline" },
	{ VENDOR_NATT_DRAFT_02,
	  16,
	  16,
	  true,
	  { 0xcd, 0x60, 0x46, 0x43, 0x35, 0xdf, 0x21, 0xf8, 0x7c, 0xfd, 0xb2, 0xfc, 0x68, 0xb6,
	    0xa4, 0x48 },
	  "NAT-T draft 02" },
	{ VENDOR_NATT_RFC,
	  16,
	  16,
	  true,
	  { 0x4d, 0xf3, 0x79, 0x28, 0xe9, 0xfc, 0x4f, 0xd1, 0xb3, 0x26, 0x21, 0x70, 0xd5, 0x15,
	    0xc6, 0x62 },
	  "NAT-T, Apple's" },
	{ VENDOR_DPD,
	  16,
	  14,
	  true,
	  { 0xaf, 0xca, 0xd7, 0x13, 0x68, 0xa1, 0xf1, 0xc9, 0x6b, 0x86, 0x96, 0xfc, 0x77, 0x57,
	    0x01, 0x00 },
	  "DPD" },
	{ VENDOR_DPD,
	  16,
	  16,
	  true,
	  { 0x3b, 0x90, 0x31, 0xdc, 0xe4, 0xfc, 0xf8, 0x8b, 0x48, 0x9a, 0x92, 0x39, 0x63, 0xdd,
	    0x0c, 0x49 },
	  "DPD, Shrew Soft's" },
	/* Some send all of the hash, the draft its first half. */
	{ VENDOR_XAUTH, 8, 8, false, { 0x09, 0x00, 0x26, 0x89, 0xdf, 0xd6, 0xb7, 0x12 }, "XAUTH" },
	{ VENDOR_UNITY,
	  16,
	  14,
	  true,
	  { 0x12, 0xf5, 0xf2, 0x8c, 0x45, 0x71, 0x68, 0xa9, 0x70, 0x2d, 0x9f, 0xe2, 0x74, 0xcc,
	    0x01, 0x00 },
	  "Cisco Unity" },
	{ VENDOR_FRAGMENTATION,
	  16,
	  16,
	  true,
	  { 0x40, 0x48, 0xb7, 0xd5, 0x6e, 0xbc, 0xe8, 0x85, 0x25, 0xe7, 0xde, 0x7f, 0x00, 0xd6,
	    0xc2, 0xd3 },
	  "IKE fragmentation" },
	/* The first half of SHA-256("godwit"). */
	{ VENDOR_GODWIT,
	  16,
	  16,
	  true,
	  { 0x9c, 0x33, 0x3e, 0x08, 0x5d, 0x55, 0x69, 0x0a, 0x5f, 0xc0, 0x45, 0x34, 0x87, 0x39,
	    0x24, 0x94 },
	  "godwit" },
	/* The head of SHA-256("IPADDRESS_UPDATE 1"). */
	{ VENDOR_ADDRESS_UPDATE,
	  16,
	  16,
	  true,
	  { 0x6a, 0x3a, 0xdb, 0x1b, 0x36, 0xa7, 0x0a, 0xbb, 0x71, 0x8e, 0xd7, 0xe9, 0x41, 0xef,
	    0x2c, 0x8b },
	  "IPADDRESS_UPDATE" },
	{ VENDOR_SWAN,
	  16,
	  16,
	  true,
	  { 0x88, 0x2f, 0xe5, 0x6d, 0x6f, 0xd2, 0x0d, 0xbc, 0x22, 0x51, 0x61, 0x3b, 0x2e, 0xbe,
	    0x5b, 0xeb },
	  "strongSwan" },
	{ VENDOR_SWAN,
	  13,
	  13,
	  false,
	  { 'O', 'E', '-', 'L', 'i', 'b', 'r', 'e', 's', 'w', 'a', 'n', '-' },
	  "Libreswan" },
	{ VENDOR_CISCO, 4, 4, false, { 0x3e, 0x98, 0x40, 0x48 }, "Cisco IOS" },
	{ VENDOR_CISCO, 5, 5, false, { 'C', 'I', 'S', 'C', 'O' }, "Cisco" },
	{ VENDOR_CISCO,
	  16,
	  14,
	  true,
	  { 0x1f, 0x07, 0xf7, 0x0e, 0xaa, 0x65, 0x14, 0xd3, 0xb0, 0xfa, 0x96, 0x54, 0x2a, 0x50,
	    0x01, 0x00 },
	  "Cisco VPN 3000" },
	{ VENDOR_OTHER,
	  16,
	  16,
	  false,
	  { 0x1e, 0x2b, 0x51, 0x69, 0x05, 0x99, 0x1c, 0x7d, 0x7c, 0x96, 0xfc, 0xbf, 0xb5, 0x87,
	    0xe4, 0x61 },
	  "Windows" },
	{ VENDOR_OTHER,
	  12,
	  12,
	  false,
	  { 0x82, 0x99, 0x03, 0x17, 0x57, 0xa3, 0x60, 0x82, 0xc6, 0xa6, 0x21, 0xde },
	  "FortiGate" },
	{ VENDOR_OTHER,
	  20,
	  20,
	  false,
	  { 0x69, 0x93, 0x69, 0x22, 0x87, 0x41, 0xc6, 0xd4, 0xca, 0x09,
	    0x4c, 0x93, 0xe2, 0x42, 0xc9, 0xde, 0x19, 0xe7, 0xb7, 0xc6 },
	  "Juniper" },
};

/* Its capabilities, where they are said: messages of main and aggressive mode, that is all there. */
#define FRAGMENTATION_PHASE1 0x80000000u

static bool matches(const struct vendor_id *v, struct slice body)
{
	if (v->vendor == VENDOR_FRAGMENTATION && body.n == v->n + 4u &&
	    get_be32(body.p + v->n) & FRAGMENTATION_PHASE1)
		body.n = v->n;
	return (v->exact ? body.n == v->n : body.n >= v->n) &&
	       memcmp(body.p, v->bytes, v->match) == 0;
}

enum vendor vendor_find(struct slice body, const char **name)
{
	const struct vendor_id *found = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(vendor_ids) && !found; i++)
		if (matches(&vendor_ids[i], body))
			found = &vendor_ids[i];
	if (name)
		*name = found ? found->name : "unknown";
	return found ? found->vendor : VENDOR_UNKNOWN;
}

struct slice vendor_bytes(enum vendor vendor)
{
	for (size_t i = 0; i < ARRAY_SIZE(vendor_ids); i++)
		if (vendor_ids[i].vendor == vendor && vendor != VENDOR_OTHER)
			return slice(vendor_ids[i].bytes, vendor_ids[i].n);
	return SLICE_NONE;
}

vendor_set vendor_msg_set(const struct ike_msg *m)
{
	vendor_set set = 0;

	for (const struct ike_payload *p = ike_msg_find(m, PAYLOAD_VID); p;
	     p = ike_msg_find_next(m, p))
		set |= VENDOR_BIT(vendor_find(p->body, NULL));
	return set;
}

enum natt vendor_natt(vendor_set set)
{
	if (set & VENDOR_BIT(VENDOR_NATT_RFC))
		return NATT_RFC;
	if (set & (VENDOR_BIT(VENDOR_NATT_DRAFT_03) | VENDOR_BIT(VENDOR_NATT_DRAFT_02N) |
		   VENDOR_BIT(VENDOR_NATT_DRAFT_02)))
		return NATT_DRAFT;
	return NATT_NONE;
}

bool vendor_is_cisco(vendor_set set)
{
	return set & (VENDOR_BIT(VENDOR_UNITY) | VENDOR_BIT(VENDOR_CISCO)) &&
	       !(set & VENDOR_BIT(VENDOR_SWAN));
}

static void write_one(struct ike_writer *b, enum vendor v)
{
	ike_write_body(b, PAYLOAD_VID, vendor_bytes(v));
}

void vendor_write_all(struct ike_writer *b, const struct ike_config *c)
{
	static const enum vendor natt[] = { VENDOR_NATT_RFC, VENDOR_NATT_DRAFT_03,
					    VENDOR_NATT_DRAFT_02N, VENDOR_NATT_DRAFT_02 };
	bool user = c->xauth || c->auth == IKE_AUTH_HYBRID;

	if (c->transport == IKE_TRANSPORT_AUTO || c->transport == IKE_TRANSPORT_UDP)
		for (size_t i = 0; i < ARRAY_SIZE(natt); i++)
			write_one(b, natt[i]);
	write_one(b, VENDOR_DPD);
	write_one(b, VENDOR_GODWIT);
	if (c->address_update)
		write_one(b, VENDOR_ADDRESS_UPDATE);
	if (user)
		write_one(b, VENDOR_XAUTH);
	if (user || c->wish.pull || c->vendor == IKE_VENDOR_CISCO)
		write_one(b, VENDOR_UNITY);
	if (c->no_fragments)
		return;
	write_one(b, VENDOR_FRAGMENTATION);
	wr_u32(&b->w, FRAGMENTATION_PHASE1);
}
