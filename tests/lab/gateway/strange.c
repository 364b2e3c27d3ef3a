/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lab/gateway/gateway.h"

#define BASIC 0x8000

/* ---- configurations ---- */

static void ip4(struct wr *w, uint16_t type, uint32_t value)
{
	uint8_t bytes[4];

	put_be32(bytes, value);
	attribute_write(w, type, SLICE_OF(bytes));
}

static void text(struct wr *w, uint16_t type, const char *value)
{
	attribute_write(w, type, SLICE_STR(value));
}

static void network(struct wr *w, uint32_t addr, uint32_t mask)
{
	wr_u32(w, addr);
	wr_u32(w, mask);
	wr_zero(w, 6);
}

static void address(struct wr *w)
{
	ip4(w, ATTRIBUTE_IP4_ADDRESS, 0x0a5c0007);
}

static void align(struct wr *w)
{
	wr_zero(w, (4 - wr_len(w) % 4) % 4);
}

/* Attributes filled up to four bytes; a list whose last entry ends behind its mask. */
static void write_form(struct ike_sa *sa, struct transaction *t, struct wr *w)
{
	(void)sa;
	(void)t;
	text(w, ATTRIBUTE_UNITY_DOMAIN, "corp.lab.test");
	align(w);
	address(w);
	align(w);
	text(w, ATTRIBUTE_UNITY_BANNER, "odd");
	align(w);
	ip4(w, ATTRIBUTE_IP4_DNS, 0x0a500035);
	align(w);
	wr_u16(w, ATTRIBUTE_UNITY_SPLIT_INCLUDE);
	wr_u16(w, 14 + 8);
	network(w, 0x0a500000, 0xffffff00);
	wr_u32(w, 0x0a510000);
	wr_u32(w, 0xffffff00);
	align(w);
}

/* Two bytes in place of addresses and names. */
static void write_basic(struct ike_sa *sa, struct transaction *t, struct wr *w)
{
	static const uint16_t types[] = {
		ATTRIBUTE_IP4_NETMASK,
		ATTRIBUTE_IP4_DNS,
		ATTRIBUTE_IP4_NBNS,
		ATTRIBUTE_UNITY_DOMAIN,
		ATTRIBUTE_UNITY_SPLIT_INCLUDE,
		ATTRIBUTE_UNITY_SPLIT_EXCLUDE,
		ATTRIBUTE_UNITY_BACKUP,
		ATTRIBUTE_ADDRESS_EXPIRY,
		ATTRIBUTE_UNITY_FIREWALL,
		ATTRIBUTE_IP6_ADDRESS,
		ATTRIBUTE_IP4_ADDRESS,
	};

	(void)sa;
	(void)t;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		wr_u16(w, types[i] | BASIC);
		wr_u16(w, 0);
	}
	address(w);
	ip4(w, ATTRIBUTE_IP4_DNS, 0x0a500035);
	wr_u16(w, ATTRIBUTE_UNITY_SPLIT_INCLUDE);
	wr_u16(w, 14);
	network(w, 0x0a500000, 0xffffff00);
}

/* More networks than are taken; those that are used come first. */
static void write_many(struct ike_sa *sa, struct transaction *t, struct wr *w)
{
	(void)sa;
	(void)t;
	address(w);
	wr_u16(w, ATTRIBUTE_UNITY_SPLIT_INCLUDE);
	wr_u16(w, 300 * 14);
	network(w, 0x0a500000, 0xffffff00);
	for (uint32_t i = 1; i < 300; i++)
		network(w, 0x0b000000 + (i << 8), 0xffffff00);
}

/* What must never come to a shell or a terminal; addresses that no host may have. */
static void write_hostile(struct ike_sa *sa, struct transaction *t, struct wr *w)
{
	(void)sa;
	(void)t;
	address(w);
	ip4(w, ATTRIBUTE_IP4_NETMASK, 0xff00ff00);
	ip4(w, ATTRIBUTE_IP4_DNS, 0);
	ip4(w, ATTRIBUTE_IP4_DNS, 0xffffffff);
	ip4(w, ATTRIBUTE_IP4_DNS, 0x0a500035);
	ip4(w, ATTRIBUTE_IP4_NBNS, 0x7f000001);
	text(w, ATTRIBUTE_UNITY_BANNER,
	     "\x1b]0;title\a\x1b[31mWelcome 'to' \"the\" `lab`\r\n$(touch pwned)\x7f\x9b");
	text(w, ATTRIBUTE_UNITY_DOMAIN, "evil;$(touch pwned).test");
	text(w, ATTRIBUTE_UNITY_SPLIT_DNS, "good.lab.test,$(id).test,-o.test,fine.lab.test");
	text(w, ATTRIBUTE_UNITY_BACKUP, "10.80.0.9 `id` 0.0.0.0");
	text(w, ATTRIBUTE_APPLICATION_VERSION, "Lab \x1b[2J OS");
	wr_u16(w, ATTRIBUTE_UNITY_SPLIT_INCLUDE);
	wr_u16(w, 4 * 14);
	network(w, 0x0a500000, 0xffffff00);
	network(w, 0x0a510000, 0xff00ff00);
	network(w, 0xe0000000, 0xf0000000);
	network(w, 0x7f000000, 0xff000000);
}

static const struct {
	const char *name;
	void (*write)(struct ike_sa *sa, struct transaction *t, struct wr *w);
} configurations[] = {
	{ "form", write_form },
	{ "basic", write_basic },
	{ "many", write_many },
	{ "hostile", write_hostile },
};

bool lab_strange_give(struct ike_sa *sa, vtime now, const char *name)
{
	struct transaction *open = sa->user.open;

	for (size_t i = 0; i < ARRAY_SIZE(configurations) && open; i++) {
		if (strcmp(configurations[i].name, name) != 0)
			continue;
		sa->user.open = NULL;
		v1_transaction_answer(sa, now, open, configurations[i].write, NULL);
		return true;
	}
	return false;
}

/* ---- notifies ---- */

#define LIFE_TYPE 1 /* of phase 1 and of IPsec's DOI as well */

static void lifetime(struct ike_sa *sa, uint8_t protocol, struct slice data)
{
	uint8_t cookies[2 * IKE_COOKIE_SIZE] = { 0 };

	sa_cookies(sa, cookies);
	v1_info_send_notify(sa, &(struct notify_payload){
					.protocol = protocol,
					.type = NOTIFY_RESPONDER_LIFETIME,
					.spi = protocol == PROTOCOL_ISAKMP ? SLICE_OF(cookies) :
									     slice(cookies, 4),
					.data = data,
				});
}

/* Of ISAKMP the numbers are 11 and 12, of ESP 1 and 2. */
static void lifetimes(struct ike_sa *sa)
{
	static const uint8_t no_value[] = { 0x80, 11, 0, 1 };
	static const uint8_t no_type[] = { 0x80, 12, 0x0e, 0x10 };
	static const uint8_t zero[] = { 0x80, 11, 0, 1, 0x80, 12, 0, 0 };
	static const uint8_t wide[] = { 0x80, 11, 0, 1, 0, 12, 0, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9 };
	static const uint8_t unknown[] = { 0xff, 0xfe, 0, 1, 0x80, 11, 0, 9, 0x80, 12, 0, 1 };
	static const uint8_t cut[] = { 0x80, 11, 0, 1, 0, 12, 0, 4, 0 };
	static const uint8_t esp_no_value[] = { 0x80, LIFE_TYPE, 0, 1 };
	static const uint8_t esp_cut[] = { 0x80 };

	lifetime(sa, PROTOCOL_ISAKMP, SLICE_OF(no_value));
	lifetime(sa, PROTOCOL_ISAKMP, SLICE_OF(no_type));
	lifetime(sa, PROTOCOL_ISAKMP, SLICE_OF(zero));
	lifetime(sa, PROTOCOL_ISAKMP, SLICE_OF(wide));
	lifetime(sa, PROTOCOL_ISAKMP, SLICE_OF(unknown));
	lifetime(sa, PROTOCOL_ISAKMP, SLICE_OF(cut));
	lifetime(sa, PROTOCOL_ISAKMP, SLICE_NONE);
	lifetime(sa, PROTOCOL_ESP, SLICE_OF(esp_no_value));
	lifetime(sa, PROTOCOL_ESP, SLICE_OF(esp_cut));
	lifetime(sa, 77, SLICE_OF(zero));
}

static void an_hour(struct ike_sa *sa)
{
	static const uint8_t data[] = { 0x80, 11, 0, 1, 0, 12, 0, 4, 0, 0, 0x0e, 0x10 };

	lifetime(sa, PROTOCOL_ISAKMP, SLICE_OF(data));
}

bool lab_strange_notify(struct ike_sa *sa, const char *name)
{
	if (strcmp(name, "lifetimes") == 0)
		lifetimes(sa);
	else if (strcmp(name, "hour") == 0)
		an_hour(sa);
	else
		return false;
	return true;
}
