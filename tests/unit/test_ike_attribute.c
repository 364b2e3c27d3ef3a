/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ike/attribute.h"
#include "tests/support/hex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static uint8_t bytes[IKE_MESSAGE_MAX];
static struct wr w;
static struct attributes a;
static struct ike_assigned got;
static unsigned lines;

static void count(void *ctx, const struct log_event *ev)
{
	lines++;
}

static struct log counting = { .level = LOG_WARN, .sink = count };

static int setup(void **state)
{
	wr_init(&w, bytes, sizeof(bytes));
	wr_u8(&w, ATTRIBUTE_REPLY);
	wr_u8(&w, 0);
	wr_u16(&w, 0x1234);
	memset(&got, 0, sizeof(got));
	got.save_password = -1;
	lines = 0;
	return 0;
}

static void put(uint16_t type, const char *hex)
{
	uint8_t value[4096];

	attribute_write(&w, type, hex_bytes(hex, value, sizeof(value)));
}

static void put_text(uint16_t type, const char *text)
{
	attribute_write(&w, type, SLICE_STR(text));
}

/* What has been put is given; a new payload may follow. */
static bool take(void)
{
	bool any;

	assert_int_equal(attributes_parse(wr_done(&w), &a), 0);
	any = attributes_take_config(&a, &got, &counting);
	wr_init(&w, bytes, sizeof(bytes));
	wr_u32(&w, 0x02001234);
	return any;
}

static void expect_addr(const struct addr *addr, const char *text)
{
	char buf[ADDR_TEXT_MAX];

	assert_string_equal(addr_text(addr, buf), text);
}

static void expect_prefix(const struct ike_split *s, const char *text)
{
	char buf[PREFIX_TEXT_MAX];

	assert_string_equal(prefix_text(&s->prefix, buf), text);
}

/* ---- form ---- */

static void both_encodings(void **state)
{
	struct attribute_walk walk;
	struct attribute one;

	attribute_write_number(&w, ATTRIBUTE_UNITY_PFS, 2);
	put(ATTRIBUTE_UNITY_SAVE_PASSWORD, "00000001");
	put(ATTRIBUTE_IP4_DNS, "");
	assert_int_equal(attributes_parse(wr_done(&w), &a), 0);
	assert_int_equal(a.message, ATTRIBUTE_REPLY);
	assert_int_equal(a.identifier, 0x1234);
	attribute_walk_init(&walk, &a);
	assert_true(attribute_walk_next(&walk, &one));
	assert_int_equal(one.type, ATTRIBUTE_UNITY_PFS);
	assert_int_equal(attribute_number(&one), 2);
	assert_true(attribute_walk_next(&walk, &one));
	assert_int_equal(attribute_number(&one), 1);
	assert_true(attribute_walk_next(&walk, &one));
	assert_int_equal(one.value.n, 0);
	assert_int_equal(attribute_number(&one), 0);
	assert_false(attribute_walk_next(&walk, &one));
}

static void numbers_have_an_end(void **state)
{
	uint8_t long_one[] = { 1, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
	struct attribute one = { .value = SLICE_OF(long_one) };

	assert_true(attribute_number(&one) == UINT32_MAX);
}

static void malformed(void **state)
{
	uint8_t body[] = { 1, 0, 0, 0, 0, 1, 0, 5, 1, 2, 3, 4 };

	for (size_t n = 0; n < 4; n++)
		assert_int_equal(attributes_parse(slice(body, n), &a), ERR_MALFORMED);
	assert_int_equal(attributes_parse(slice(body, 4), &a), 0);
	assert_int_equal(attributes_parse(SLICE_OF(body), &a), ERR_MALFORMED);
	body[7] = 4;
	assert_int_equal(attributes_parse(SLICE_OF(body), &a), 0);
}

static void padding_behind(void **state)
{
	for (unsigned n = 1; n < 12; n++) {
		setup(state);
		put(ATTRIBUTE_IP4_ADDRESS, "0a5b0007");
		wr_zero(&w, n);
		assert_true(take());
		expect_addr(&got.ip4, "10.91.0.7");
	}
	setup(state);
	put(ATTRIBUTE_IP4_ADDRESS, "0a5b0007");
	wr_u16(&w, 0xffff);
	assert_true(take());
	expect_addr(&got.ip4, "10.91.0.7");
}

/* Each attribute at a multiple of four, as if its length had counted that. */
static void padding_inside(void **state)
{
	static const char *const domains[] = { "a.xy", "ab.xy", "abc.xy", "abcd.xy" };

	for (unsigned k = 0; k < 4; k++) {
		setup(state);
		put_text(ATTRIBUTE_UNITY_DOMAIN, domains[k]);
		wr_zero(&w, (4 - wr_len(&w) % 4) % 4);
		put(ATTRIBUTE_IP4_ADDRESS, "0a5b0007");
		put_text(ATTRIBUTE_UNITY_BANNER, "xyz");
		wr_zero(&w, 1);
		put_text(ATTRIBUTE_UNITY_SPLIT_DNS, "b.example");
		wr_zero(&w, 3);
		put(ATTRIBUTE_IP4_DNS, "0a500001");
		assert_true(take());
		assert_string_equal(got.domain, domains[k]);
		expect_addr(&got.ip4, "10.91.0.7");
		assert_int_equal(got.ndns, 1);
		assert_string_equal(got.banner, "xyz");
		assert_int_equal(got.nsplit_dns, 1);
	}
}

static void types(void **state)
{
	struct attribute_types t;

	for (unsigned k = 0; k < 100; k++) {
		attribute_write(&w, (uint16_t)(100 + k), SLICE_NONE);
		attribute_write(&w, 100, SLICE_NONE);
	}
	assert_int_equal(attributes_parse(wr_done(&w), &a), 0);
	attribute_types_of(&a, &t);
	assert_int_equal(t.n, ATTRIBUTE_TYPES_MAX);
	assert_int_equal(t.type[0], 100);
	assert_int_equal(t.type[1], 101);
	assert_true(attribute_types_has(&t, 163));
	assert_false(attribute_types_has(&t, 164));
}

/* ---- XAUTH ---- */

static void xauth_request(void **state)
{
	struct xauth x;

	attribute_write_number(&w, ATTRIBUTE_XAUTH_TYPE, XAUTH_TYPE_OTP);
	put(ATTRIBUTE_XAUTH_USER_NAME, "");
	attribute_write_number(&w, ATTRIBUTE_XAUTH_PASSCODE, 0);
	put_text(ATTRIBUTE_XAUTH_MESSAGE, "Next\r\ncode\033[31m?");
	put_text(ATTRIBUTE_XAUTH_CHALLENGE, "otp-md5 499 ke1234");
	put(40000 & 0x7fff, "");
	assert_int_equal(attributes_parse(wr_done(&w), &a), 0);
	xauth_of(&a, &x);
	assert_true(x.any);
	assert_int_equal(x.fields, 1 << XAUTH_USERNAME | 1 << XAUTH_PASSCODE);
	assert_true(x.typed);
	assert_int_equal(x.type, XAUTH_TYPE_OTP);
	assert_true(x.challenge);
	assert_int_equal(x.status, -1);
	assert_string_equal(x.message, "Next code?[31m? otp-md5 499 ke1234");
}

static void xauth_status(void **state)
{
	static const struct {
		const char *hex;
		int status;
	} cases[] = {
		{ "0001", 1 }, { "00000001", 1 }, { "0000", 0 }, { "", 0 }, { "0002", 0 },
	};
	struct xauth x;

	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		setup(state);
		put(ATTRIBUTE_XAUTH_STATUS, cases[k].hex);
		assert_int_equal(attributes_parse(wr_done(&w), &a), 0);
		xauth_of(&a, &x);
		assert_int_equal(x.status, cases[k].status);
	}
	/* Both at once is no acceptance, in whatever order. */
	for (unsigned first = 0; first < 2; first++) {
		setup(state);
		attribute_write_number(&w, ATTRIBUTE_XAUTH_STATUS, (uint16_t)first);
		attribute_write_number(&w, ATTRIBUTE_XAUTH_STATUS, (uint16_t)!first);
		assert_int_equal(attributes_parse(wr_done(&w), &a), 0);
		xauth_of(&a, &x);
		assert_int_equal(x.status, 0);
	}
}

/* Two characters fit into a basic attribute. */
static void xauth_basic_message(void **state)
{
	struct xauth x;

	attribute_write_number(&w, ATTRIBUTE_XAUTH_MESSAGE, 'N' << 8 | 'o');
	assert_int_equal(attributes_parse(wr_done(&w), &a), 0);
	xauth_of(&a, &x);
	assert_string_equal(x.message, "No");
}

static void xauth_long_message(void **state)
{
	char text[2000];
	struct xauth x;

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	put_text(ATTRIBUTE_XAUTH_MESSAGE, text);
	put_text(ATTRIBUTE_XAUTH_MESSAGE, text);
	assert_int_equal(attributes_parse(wr_done(&w), &a), 0);
	xauth_of(&a, &x);
	assert_int_equal(strlen(x.message), IKE_SAID_MAX - 1);
}

/* ---- addresses ---- */

static void ip4(void **state)
{
	put(ATTRIBUTE_IP4_NETMASK, "ffffff00");
	put(ATTRIBUTE_IP4_ADDRESS, "0a5b0007");
	put(ATTRIBUTE_ADDRESS_EXPIRY, "00000e10");
	assert_true(take());
	expect_addr(&got.ip4, "10.91.0.7");
	assert_int_equal(got.ip4_len, 24);
	assert_int_equal(got.expiry_s, 3600);
	assert_int_equal(lines, 0);
}

static void zero_lengths(void **state)
{
	for (uint16_t t = 1; t <= ATTRIBUTE_IP6_SUBNET; t++)
		put(t, "");
	for (uint16_t t = ATTRIBUTE_UNITY_BANNER; t <= ATTRIBUTE_UNITY_HOSTNAME; t++)
		put(t, "");
	assert_false(take());
	assert_int_equal(got.ip4.family, FAMILY_NONE);
	assert_int_equal(got.save_password, -1);
	assert_int_equal(lines, 0);
}

static void netmask_zero(void **state)
{
	put(ATTRIBUTE_IP4_ADDRESS, "0a5b0007");
	put(ATTRIBUTE_IP4_NETMASK, "00000000");
	assert_true(take());
	assert_int_equal(got.ip4_len, 32);
	assert_int_equal(lines, 0);
}

static void netmask_with_holes(void **state)
{
	put(ATTRIBUTE_IP4_ADDRESS, "0a5b0007");
	put(ATTRIBUTE_IP4_NETMASK, "ff00ff00");
	put(ATTRIBUTE_IP4_NETMASK, "ffff");
	assert_true(take());
	expect_addr(&got.ip4, "10.91.0.7");
	assert_int_equal(got.ip4_len, 32);
	assert_int_equal(lines, 3);
}

static void addresses_no_host_has(void **state)
{
	static const char *const bad[] = { "00000000", "7f000001", "e0000001",
					   "ffffffff", "0a5b00",   "0a5b000700" };

	for (size_t k = 0; k < ARRAY_SIZE(bad); k++) {
		setup(state);
		put(ATTRIBUTE_IP4_ADDRESS, bad[k]);
		put(ATTRIBUTE_IP4_DNS, bad[k]);
		put(ATTRIBUTE_IP4_NBNS, bad[k]);
		take();
		assert_int_equal(got.ip4.family, FAMILY_NONE);
		assert_int_equal(got.ndns, 0);
		assert_int_equal(got.nnbns, 0);
		assert_int_equal(lines, 4);
	}
}

static void ip6_of_16_and_17_bytes(void **state)
{
	put(ATTRIBUTE_IP6_ADDRESS, "fd000000000000000000000000000007");
	assert_true(take());
	expect_addr(&got.ip6, "fd00::7");
	assert_int_equal(got.ip6_len, 128);
	put(ATTRIBUTE_IP6_ADDRESS, "fd00000000000000000000000000000840");
	assert_true(take());
	expect_addr(&got.ip6, "fd00::8");
	assert_int_equal(got.ip6_len, 64);
	put(ATTRIBUTE_IP6_ADDRESS, "fd000000000000000000000000000009ff");
	put(ATTRIBUTE_IP6_NETMASK, "ffffffffffff00000000000000000000");
	assert_true(take());
	assert_int_equal(got.ip6_len, 48);
	put(ATTRIBUTE_IP6_ADDRESS, "ff020000000000000000000000000001");
	put(ATTRIBUTE_IP6_ADDRESS, "00000000000000000000000000000001");
	put(ATTRIBUTE_IP6_ADDRESS, "fd0000000000000000000000000000");
	put(ATTRIBUTE_IP6_ADDRESS, "fd00000000000000000000000000000940ff");
	take();
	expect_addr(&got.ip6, "fd00::9");
	assert_int_equal(lines, 5);
}

static void repeated_attributes(void **state)
{
	put(ATTRIBUTE_IP4_ADDRESS, "0a5b0007");
	put(ATTRIBUTE_IP4_ADDRESS, "0a5b0008");
	put(ATTRIBUTE_IP4_DNS, "0a500001");
	put(ATTRIBUTE_IP4_DNS, "0a500001");
	put(ATTRIBUTE_IP4_DNS, "0a500002");
	put(ATTRIBUTE_IP6_DNS, "fd000000000000000000000000000053");
	put_text(ATTRIBUTE_UNITY_DOMAIN, "one.example");
	put_text(ATTRIBUTE_UNITY_DOMAIN, "two.example");
	assert_true(take());
	expect_addr(&got.ip4, "10.91.0.7");
	assert_int_equal(got.ndns, 3);
	expect_addr(&got.dns[1], "10.80.0.2");
	expect_addr(&got.dns[2], "fd00::53");
	assert_string_equal(got.domain, "one.example");
}

/* What comes later replaces the lists it has, and leaves the rest. */
static void a_second_message(void **state)
{
	put(ATTRIBUTE_IP4_ADDRESS, "0a5b0007");
	put(ATTRIBUTE_IP4_DNS, "0a500001");
	put(ATTRIBUTE_IP4_DNS, "0a500002");
	assert_true(take());
	put(ATTRIBUTE_IP4_DNS, "0a500003");
	assert_true(take());
	expect_addr(&got.ip4, "10.91.0.7");
	assert_int_equal(got.ndns, 1);
	expect_addr(&got.dns[0], "10.80.0.3");
}

static void endless_servers(void **state)
{
	for (unsigned k = 0; k < 300; k++) {
		wr_u32(&w, ATTRIBUTE_IP4_DNS << 16 | 4);
		wr_u32(&w, 0x0a500001 + k);
	}
	assert_true(take());
	assert_int_equal(got.ndns, IKE_DNS_MAX);
	assert_in_range(lines, 2, 10);
}

static void unknown_attributes(void **state)
{
	put(6, "0a500001");
	put(28683, "00");
	put(0x7fff, "0102030405");
	attribute_write_number(&w, 0x4000, 7);
	assert_false(take());
	assert_int_equal(lines, 0);
}

/* ---- networks ---- */

#define ENTRY_A                                                                                    \
	"0a000000ff000000"                                                                         \
	"000000000000"
#define ENTRY_B                                                                                    \
	"c0a80000ffff0000"                                                                         \
	"000600500116"

static void split_include(void **state)
{
	put(ATTRIBUTE_UNITY_SPLIT_INCLUDE, ENTRY_A ENTRY_B);
	assert_true(take());
	assert_true(got.unity);
	assert_int_equal(got.ninclude, 2);
	expect_prefix(&got.include[0], "10.0.0.0/8");
	expect_prefix(&got.include[1], "192.168.0.0/16");
	assert_int_equal(got.include[1].proto, 6);
	assert_int_equal(got.include[1].sport, 80);
	assert_int_equal(got.include[1].dport, 0x1601);
}

static void short_last_entry(void **state)
{
	static const char entry[] = "c0a80000ffff0000000600500116";

	for (unsigned n = 1; n < 14; n++) {
		char hex[64];

		setup(state);
		snprintf(hex, sizeof(hex), ENTRY_A "%.*s", (int)(2 * n), entry);
		put(ATTRIBUTE_UNITY_SPLIT_INCLUDE, hex);
		assert_true(take());
		assert_int_equal(got.ninclude, n < 8 ? 1 : 2);
		assert_int_equal(lines, n < 8 ? 2 : 0);
		if (n < 8)
			continue;
		expect_prefix(&got.include[1], "192.168.0.0/16");
		assert_int_equal(got.include[1].proto, 0);
	}
}

static void networks_nobody_has(void **state)
{
	put(ATTRIBUTE_UNITY_SPLIT_INCLUDE, "7f000000ff000000000000000000"
					   "e0000000f0000000000000000000"
					   "0a000000ff00ff00000000000000"
					   "00000000ffffffff000000000000" ENTRY_A);
	put(ATTRIBUTE_UNITY_SPLIT_EXCLUDE, "0000000000000000000000000000"
					   "00000000ffffffff000000000000" ENTRY_B);
	assert_true(take());
	assert_int_equal(got.ninclude, 1);
	expect_prefix(&got.include[0], "10.0.0.0/8");
	assert_int_equal(got.nexclude, 1);
	expect_prefix(&got.exclude[0], "192.168.0.0/16");
	assert_int_equal(lines, 7);
}

static void ten_thousand_routes(void **state)
{
	wr_u16(&w, ATTRIBUTE_UNITY_SPLIT_INCLUDE);
	wr_u16(&w, 14 * 700);
	for (unsigned k = 0; k < 700; k++) {
		wr_u32(&w, 0x0a000000 + (k << 8));
		wr_u32(&w, 0xffffff00);
		wr_zero(&w, 6);
	}
	assert_true(take());
	assert_int_equal(got.ninclude, IKE_SPLIT_MAX);
	assert_in_range(lines, 2, 10);
}

static void subnets(void **state)
{
	put(ATTRIBUTE_IP4_SUBNET, "0a500000ffffff00");
	put(ATTRIBUTE_IP6_SUBNET, "fd00000000000000000000000000000030");
	put(ATTRIBUTE_IP4_SUBNET, "0a500000ffff00ff");
	put(ATTRIBUTE_IP6_SUBNET, "fd00000000000000000000000000000081");
	put(ATTRIBUTE_IP4_SUBNET, "0a500000");
	assert_true(take());
	assert_false(got.unity);
	assert_int_equal(got.ninclude, 2);
	expect_prefix(&got.include[0], "10.80.0.0/24");
	expect_prefix(&got.include[1], "fd00::/48");
	assert_int_equal(lines, 4);
}

/* ---- names and text ---- */

static void domains(void **state)
{
	static const char *const bad[] = { "a;reboot",	"$(id)", "a b",	     "a`b`", "-rf",
					   "a\nb.de",	"a\"b",	 "a..b",     ".a",   "'x'",
					   "x\033[31m", "a/b",	 "a\xc3\xa4" };

	for (size_t k = 0; k < ARRAY_SIZE(bad); k++) {
		setup(state);
		put_text(ATTRIBUTE_UNITY_DOMAIN, bad[k]);
		put_text(ATTRIBUTE_UNITY_SPLIT_DNS, bad[k]);
		take();
		assert_string_equal(got.domain, "");
		for (unsigned i = 0; i < got.nsplit_dns; i++)
			assert_null(strpbrk(got.split_dns[i], ";$()`\"'/\n\033 \xc3"));
		assert_true(lines >= 2);
	}
	setup(state);
	put(ATTRIBUTE_UNITY_DOMAIN, "636f72705f312d782e6578616d706c6500");
	take();
	assert_string_equal(got.domain, "corp_1-x.example");
	assert_int_equal(lines, 0);
}

static void long_domain(void **state)
{
	char text[400];

	memset(text, 'a', sizeof(text));
	text[IKE_NAME_MAX] = '\0';
	put_text(ATTRIBUTE_UNITY_DOMAIN, text);
	take();
	assert_string_equal(got.domain, "");
	setup(state);
	text[IKE_NAME_MAX - 1] = '\0';
	put_text(ATTRIBUTE_UNITY_DOMAIN, text);
	take();
	assert_string_equal(got.domain, text);
}

static void split_dns(void **state)
{
	static const uint8_t list[] = "one.example,two.example  three.example\0.four.example,,\n";

	attribute_write(&w, ATTRIBUTE_UNITY_SPLIT_DNS, SLICE_OF(list));
	put_text(ATTRIBUTE_UNITY_SPLIT_DNS, "five.example");
	assert_true(take());
	assert_int_equal(got.nsplit_dns, 5);
	assert_string_equal(got.split_dns[2], "three.example");
	assert_string_equal(got.split_dns[3], "four.example");
	assert_string_equal(got.split_dns[4], "five.example");
}

static void backup_servers(void **state)
{
	put_text(ATTRIBUTE_UNITY_BACKUP,
		 "198.51.100.2\ngw2.example 0.0.0.0 2001:db8::2 127.0.0.1 $x");
	assert_true(take());
	assert_int_equal(got.nbackup, 3);
	assert_string_equal(got.backup[0], "198.51.100.2");
	assert_string_equal(got.backup[1], "gw2.example");
	assert_string_equal(got.backup[2], "2001:db8::2");
	setup(state);
	for (unsigned k = 0; k < 20; k++)
		put_text(ATTRIBUTE_UNITY_BACKUP, "gw.example");
	take();
	assert_int_equal(got.nbackup, IKE_BACKUP_MAX);
}

static void banner(void **state)
{
	put_text(ATTRIBUTE_UNITY_BANNER, "Welcome\r\nto\rthe\tnet\033]0;x\007\n\n");
	put_text(ATTRIBUTE_APPLICATION_VERSION, "Gate\nway 1.0\033[2J ");
	assert_true(take());
	assert_string_equal(got.banner, "Welcome\nto\nthe net?]0;x");
	assert_string_equal(got.application_version, "Gate way 1.0?[2J");
}

static void long_banner(void **state)
{
	wr_u16(&w, ATTRIBUTE_UNITY_BANNER);
	wr_u16(&w, 9000);
	for (unsigned k = 0; k < 9000; k++)
		wr_u8(&w, 'b');
	assert_true(take());
	assert_int_equal(strlen(got.banner), IKE_BANNER_MAX - 1);
}

static void numbers(void **state)
{
	attribute_write_number(&w, ATTRIBUTE_UNITY_SAVE_PASSWORD, 1);
	put(ATTRIBUTE_UNITY_PFS, "0002");
	attribute_write_number(&w, ATTRIBUTE_UNITY_NATT_PORT, 10000);
	assert_true(take());
	assert_int_equal(got.save_password, 1);
	assert_true(got.pfs);
	assert_int_equal(got.natt_port, 10000);
	attribute_write_number(&w, ATTRIBUTE_UNITY_SAVE_PASSWORD, 0);
	put(ATTRIBUTE_UNITY_NATT_PORT, "00012710");
	attribute_write_number(&w, ATTRIBUTE_UNITY_PFS, 0);
	assert_true(take());
	assert_int_equal(got.save_password, 0);
	assert_false(got.pfs);
	assert_int_equal(got.natt_port, 10000);
	assert_int_equal(lines, 2);
}

/* ---- both directions ---- */

static bool split_eq(const struct ike_split *x, const struct ike_split *y)
{
	return addr_eq(&x->prefix.addr, &y->prefix.addr) && x->prefix.len == y->prefix.len &&
	       x->proto == y->proto && x->sport == y->sport && x->dport == y->dport;
}

static void given_and_taken(void **state)
{
	static struct ike_assigned give;
	struct prefix p;

	memset(&give, 0, sizeof(give));
	addr_parse("10.91.0.7", &give.ip4);
	give.ip4_len = 24;
	addr_parse("fd00::7", &give.ip6);
	give.ip6_len = 64;
	give.expiry_s = 7200;
	give.ndns = 2;
	addr_parse("10.80.0.1", &give.dns[0]);
	addr_parse("fd00::53", &give.dns[1]);
	give.nnbns = 1;
	addr_parse("10.80.0.2", &give.nbns[0]);
	strcpy(give.domain, "corp.example");
	strcpy(give.banner, "Welcome\nto it");
	strcpy(give.application_version, "1.0");
	give.ninclude = give.nexclude = 1;
	prefix_parse("10.80.0.0/16", &p);
	give.include[0] = (struct ike_split){ .prefix = p, .proto = 17, .sport = 1, .dport = 53 };
	prefix_parse("10.80.9.0/24", &p);
	give.exclude[0] = (struct ike_split){ .prefix = p };
	give.nsplit_dns = give.nbackup = 2;
	strcpy(give.split_dns[0], "a.example");
	strcpy(give.split_dns[1], "b.example");
	strcpy(give.backup[0], "gw2.example");
	strcpy(give.backup[1], "198.51.100.9");
	give.save_password = 1;
	give.pfs = give.unity = true;
	give.natt_port = 10000;
	attributes_write_config(&w, &give, NULL);
	assert_true(take());
	assert_int_equal(lines, 0);
	assert_memory_equal(&got, &give, offsetof(struct ike_assigned, include));
	assert_true(split_eq(&got.include[0], &give.include[0]));
	assert_int_equal(got.nexclude, 1);
	assert_true(split_eq(&got.exclude[0], &give.exclude[0]));
	assert_int_equal(got.nsplit_dns, 2);
	assert_memory_equal(got.split_dns, give.split_dns, sizeof(got.split_dns));
	assert_int_equal(got.nbackup, 2);
	assert_memory_equal(got.backup, give.backup, sizeof(got.backup));
	assert_string_equal(got.application_version, "1.0");
	assert_int_equal(got.save_password, 1);
	assert_true(got.pfs && got.unity);
	assert_int_equal(got.natt_port, 10000);
}

static void only_what_was_asked(void **state)
{
	static struct ike_assigned give = { .pfs = true };
	const struct attribute_types asked = { .n = 1, .type = { ATTRIBUTE_IP4_ADDRESS } };

	addr_parse("10.91.0.7", &give.ip4);
	strcpy(give.domain, "corp.example");
	attributes_write_config(&w, &give, &asked);
	assert_int_equal(wr_len(&w), 4 + 8);
}

static void wish_as_cisco_clients(void **state)
{
	struct ike_config_wish wish = { .pull = true, .hostname = "laptop" };
	struct attribute_types t;
	struct attribute_wish heard;

	strcpy(wish.application_version, "godwit 1");
	addr_parse("10.91.0.7", &wish.held[0]);
	attributes_write_wish(&w, &wish, &(struct attribute_ask){ .unity = true });
	assert_int_equal(attributes_parse(wr_done(&w), &a), 0);
	attribute_types_of(&a, &t);
	for (uint16_t k = ATTRIBUTE_UNITY_BANNER; k <= ATTRIBUTE_UNITY_HOSTNAME; k++)
		assert_int_equal(attribute_types_has(&t, k), k != ATTRIBUTE_UNITY_NATT_PORT);
	assert_true(attribute_types_has(&t, ATTRIBUTE_IP4_NBNS));
	assert_false(attribute_types_has(&t, ATTRIBUTE_IP6_ADDRESS));
	attributes_wish_of(&a, &heard);
	expect_addr(&heard.held[0], "10.91.0.7");
	assert_int_equal(heard.held[1].family, FAMILY_NONE);
	assert_false(heard.ip6);
	assert_string_equal(heard.application_version, "godwit 1");
}

static void wish_for_cisco_udp(void **state)
{
	struct ike_config_wish wish = { .pull = true };
	struct attribute_types t;

	attributes_write_wish(&w, &wish,
			      &(struct attribute_ask){ .unity = true, .cisco_udp = true });
	assert_int_equal(attributes_parse(wr_done(&w), &a), 0);
	attribute_types_of(&a, &t);
	assert_true(attribute_types_has(&t, ATTRIBUTE_UNITY_NATT_PORT));
	/* Texts that are empty are not sent. */
	assert_false(attribute_types_has(&t, ATTRIBUTE_UNITY_HOSTNAME));
	assert_false(attribute_types_has(&t, ATTRIBUTE_APPLICATION_VERSION));
}

static void wish_without_unity(void **state)
{
	struct ike_config_wish wish = { .pull = true, .ip6 = true };
	struct attribute_types t;
	struct attribute_wish heard;

	addr_parse("fd00::7", &wish.held[1]);
	attributes_write_wish(&w, &wish, &(struct attribute_ask){ 0 });
	assert_int_equal(attributes_parse(wr_done(&w), &a), 0);
	attribute_types_of(&a, &t);
	for (unsigned k = 0; k < t.n; k++)
		assert_true(t.type[k] <= ATTRIBUTE_IP6_SUBNET);
	attributes_wish_of(&a, &heard);
	assert_true(heard.ip6);
	expect_addr(&heard.held[1], "fd00::7");
}

#define T(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(both_encodings),
		T(numbers_have_an_end),
		T(malformed),
		T(padding_behind),
		T(padding_inside),
		T(types),
		T(xauth_request),
		T(xauth_status),
		T(xauth_basic_message),
		T(xauth_long_message),
		T(ip4),
		T(zero_lengths),
		T(netmask_zero),
		T(netmask_with_holes),
		T(addresses_no_host_has),
		T(ip6_of_16_and_17_bytes),
		T(repeated_attributes),
		T(a_second_message),
		T(endless_servers),
		T(unknown_attributes),
		T(split_include),
		T(short_last_entry),
		T(networks_nobody_has),
		T(ten_thousand_routes),
		T(subnets),
		T(domains),
		T(long_domain),
		T(split_dns),
		T(backup_servers),
		T(banner),
		T(long_banner),
		T(numbers),
		T(given_and_taken),
		T(only_what_was_asked),
		T(wish_as_cisco_clients),
		T(wish_for_cisco_udp),
		T(wish_without_unity),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
