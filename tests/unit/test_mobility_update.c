/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mobility/update.h"

#include "base/err.h"
#include "ike/codec.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static struct addr addr(const char *text)
{
	struct addr a = { 0 };

	assert_true(!*text || addr_parse(text, &a));
	return a;
}

static struct update_body body(const char *old, const char *new, unsigned n)
{
	struct update_body b = {
		.old = addr(old), .new = addr(new), .identifier = 0x01020304, .n = n
	};

	for (unsigned i = 0; i < n; i++)
		b.spi[i] = 0xc0de0000 + i;
	return b;
}

static bool same(const struct update_body *a, const struct update_body *b)
{
	return addr_eq(&a->old, &b->old) && addr_eq(&a->new, &b->new) &&
	       a->identifier == b->identifier && a->n == b->n &&
	       memcmp(a->spi, b->spi, a->n * sizeof(a->spi[0])) == 0;
}

/* Bytes are counted from 1, from the beginning of the notification payload. */
static uint8_t *byte(uint8_t *data, unsigned number)
{
	return data + number - UPDATE_HEAD_SIZE - 1;
}

static void ip4_bytes(void **state)
{
	const struct update_body b = body("192.0.2.1", "198.51.100.7", 2);
	uint8_t data[UPDATE_BODY_MAX];
	size_t n = update_write(&b, data);

	assert_int_equal(UPDATE_HEAD_SIZE + n, 25 + 4 * 2);
	assert_false(update_is_ip6(&b));
	assert_memory_equal(byte(data, 13), "\xc0\x00\x02\x01", 4);
	assert_memory_equal(byte(data, 17), "\xc6\x33\x64\x07", 4);
	assert_memory_equal(byte(data, 21), "\x01\x02\x03\x04", 4);
	assert_int_equal(*byte(data, 25), 2);
	assert_memory_equal(byte(data, 26), "\xc0\xde\x00\x00\xc0\xde\x00\x01", 8);
}

static void ip6_bytes(void **state)
{
	static const uint8_t mapped[] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1 };
	const struct update_body b = body("192.0.2.1", "2001:db8::7", 2);
	struct addr new = addr("2001:db8::7");
	uint8_t data[UPDATE_BODY_MAX];
	size_t n = update_write(&b, data);

	assert_int_equal(UPDATE_HEAD_SIZE + n, 49 + 4 * 2);
	assert_true(update_is_ip6(&b));
	assert_memory_equal(byte(data, 13), mapped, 16);
	assert_memory_equal(byte(data, 29), new.b, 16);
	assert_memory_equal(byte(data, 45), "\x01\x02\x03\x04", 4);
	assert_int_equal(*byte(data, 49), 2);
	assert_memory_equal(byte(data, 50), "\xc0\xde\x00\x00\xc0\xde\x00\x01", 8);
}

static const struct {
	const char *old, *new;
	bool ip6;
} pairs[] = {
	{ "192.0.2.1", "198.51.100.7", false }, { "192.0.2.1", "2001:db8::7", true },
	{ "2001:db8::1", "192.0.2.7", true },	{ "2001:db8::1", "2001:db8::7", true },
	{ "0.0.0.0", "192.0.2.7", false },	{ "::", "192.0.2.7", true },
};

static void written_and_read(void **state)
{
	static const unsigned counts[] = { 0, 1, 254, 255 };
	static const uint16_t types[][2] = { { UPDATE_REQUEST, UPDATE_REQUEST6 },
					     { UPDATE_ACK, UPDATE_ACK6 },
					     { UPDATE_NACK, UPDATE_NACK6 } };

	for (unsigned i = 0; i < ARRAY_SIZE(pairs) * ARRAY_SIZE(counts); i++) {
		bool ip6 = pairs[i / ARRAY_SIZE(counts)].ip6;
		const struct update_body b = body(pairs[i / ARRAY_SIZE(counts)].old,
						  pairs[i / ARRAY_SIZE(counts)].new,
						  counts[i % ARRAY_SIZE(counts)]);
		uint8_t data[UPDATE_BODY_MAX];
		struct update_body out;
		struct slice s = slice(data, update_write(&b, data));

		assert_true(s.n);
		for (unsigned k = 0; k < ARRAY_SIZE(types); k++) {
			assert_int_equal(update_parse(types[k][ip6], s, &out), 0);
			assert_true(same(&b, &out));
			assert_int_equal(update_parse(types[k][!ip6], s, &out), ERR_MALFORMED);
		}
	}
}

static void an_unknown_old_address_is_the_unspecified_one(void **state)
{
	const struct update_body rows[] = { body("", "192.0.2.7", 1), body("", "2001:db8::7", 1) };
	static const uint16_t types[] = { UPDATE_REQUEST, UPDATE_REQUEST6 };

	for (unsigned i = 0; i < 2; i++) {
		uint8_t data[UPDATE_BODY_MAX];
		struct update_body out;
		struct slice s = slice(data, update_write(&rows[i], data));

		assert_int_equal(update_parse(types[i], s, &out), 0);
		assert_true(addr_is_unspecified(&out.old));
		assert_true(addr_eq(&out.new, &rows[i].new));
	}
}

static void the_length_is_exactly_right(void **state)
{
	for (unsigned i = 0; i < ARRAY_SIZE(pairs); i++) {
		const struct update_body b = body(pairs[i].old, pairs[i].new, 3);
		uint16_t type = pairs[i].ip6 ? UPDATE_REQUEST6 : UPDATE_REQUEST;
		uint8_t data[UPDATE_BODY_MAX + 8] = { 0 };
		size_t n = update_write(&b, data);
		struct update_body out;

		for (size_t k = 0; k < n + 8; k++)
			assert_int_equal(update_parse(type, slice(data, k), &out),
					 k == n ? 0 : ERR_MALFORMED);
		/* A count that does not fit the length. */
		for (unsigned count = 0; count < 256; count++) {
			*byte(data, pairs[i].ip6 ? 49 : 25) = (uint8_t)count;
			assert_int_equal(update_parse(type, slice(data, n), &out),
					 count == 3 ? 0 : ERR_MALFORMED);
		}
	}
}

static void ip6_types_are_for_ip6(void **state)
{
	const struct update_body b = body("2001:db8::1", "2001:db8::7", 0);
	uint8_t data[UPDATE_BODY_MAX];
	struct update_body out;
	size_t n = update_write(&b, data);

	for (unsigned at = 13; at <= 29; at += 16) {
		memset(byte(data, at), 0, 10);
		memset(byte(data, at) + 10, 0xff, 2);
	}
	assert_int_equal(update_parse(UPDATE_REQUEST6, slice(data, n), &out), ERR_MALFORMED);
}

static void other_types(void **state)
{
	static const uint16_t types[] = { 0,	 9727,	9730, UPDATE_CHECK, UPDATE_CHECK_REPLY,
					  40703, 40710, 65535 };
	const struct update_body b = body("192.0.2.1", "198.51.100.7", 1);
	uint8_t data[UPDATE_BODY_MAX];
	size_t n = update_write(&b, data);
	struct update_body out;

	for (unsigned i = 0; i < ARRAY_SIZE(types); i++)
		assert_int_equal(update_parse(types[i], slice(data, n), &out), ERR_UNSUPPORTED);
}

static void checks(void **state)
{
	struct update_check c = { .identifier = 0x01020304 }, out;
	uint8_t data[UPDATE_CHECK_SIZE + 1] = { 0 };

	memset(c.random, 0x5a, sizeof(c.random));
	update_check_write(&c, data);
	assert_memory_equal(data, "\x01\x02\x03\x04\x5a", 5);
	assert_int_equal(data[19], 0x5a);
	for (size_t n = 0; n <= sizeof(data); n++)
		assert_int_equal(update_check_parse(slice(data, n), &out),
				 n == UPDATE_CHECK_SIZE ? 0 : ERR_MALFORMED);
	update_check_parse(slice(data, UPDATE_CHECK_SIZE), &out);
	assert_memory_equal(&out, &c, sizeof(c));
}

/* The numbers that ike/ hands on, and those of its codec. */
static void the_same_numbers_in_ike(void **state)
{
	assert_int_equal(UPDATE_REQUEST, NOTIFY_ADDRESS_UPDATE);
	assert_int_equal(UPDATE_CHECK_REPLY, NOTIFY_ADDRESS_CHECK_REPLY);
	assert_int_equal(UPDATE_NACK, NOTIFY_ADDRESS_NACK);
	assert_int_equal(UPDATE_NACK6, NOTIFY_ADDRESS_NACK6);
	assert_in_range(UPDATE_BODY_MAX, 0, IKE_NOTIFY_MAX);
}

static void raw_esp_goes_into_udp_behind_a_nat(void **state)
{
	assert_int_equal(update_encapsulation(ENCAPSULATION_ESP, false), ENCAPSULATION_ESP);
	assert_int_equal(update_encapsulation(ENCAPSULATION_ESP, true), ENCAPSULATION_UDP);
	assert_int_equal(update_encapsulation(ENCAPSULATION_UDP, false), ENCAPSULATION_UDP);
	assert_int_equal(update_encapsulation(ENCAPSULATION_UDP, true), ENCAPSULATION_UDP);
	assert_int_equal(update_encapsulation(ENCAPSULATION_TCP, true), ENCAPSULATION_TCP);
}

/* ---- the examples of the documentation ---- */

static char *document(void)
{
	const char *source = getenv("GODWIT_SOURCE");
	char path[4096], *text;
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/docs/ipaddress-update.md", source ? source : ".");
	f = fopen(path, "r");
	assert_non_null(f);
	text = calloc(1, 1 << 17);
	assert_non_null(text);
	n = fread(text, 1, (1 << 17) - 1, f);
	fclose(f);
	assert_true(n > 0);
	return text;
}

/* The bytes of the block that begins behind "name:"; each line has an offset, bytes, and a note. */
static size_t dump(const char *text, const char *name, uint8_t *out, size_t size)
{
	const char *p = strstr(text, name);
	size_t n = 0;

	assert_non_null(p);
	p = strstr(p, "```\n");
	assert_non_null(p);
	for (p += 4; strncmp(p, "```", 3) != 0; p = strchr(p, '\n') + 1) {
		unsigned value, offset;
		int used;

		assert_int_equal(sscanf(p, "%u %n", &offset, &used), 1);
		assert_int_equal(offset, n + 1);
		for (p += used; isxdigit(p[0]) && isxdigit(p[1]) && isspace(p[2]); p += 3) {
			assert_int_equal(sscanf(p, "%2x", &value), 1);
			assert_true(n < size);
			out[n++] = (uint8_t)value;
			if (p[2] == '\n') {
				p += 2;
				break;
			}
		}
	}
	return n;
}

/* A notification payload with its header, a NAT-D payload behind it. */
static struct slice payload(uint16_t type, struct slice data, uint8_t *buf, size_t size)
{
	const struct ike_header h = { .exchange = ISAKMP_INFORMATIONAL };
	struct ike_writer w;

	ike_write_header(&w, buf, size, &h);
	notify_write(&w, &(struct notify_payload){
				 .protocol = PROTOCOL_ISAKMP, .type = type, .data = data });
	ike_write_body(&w, PAYLOAD_NAT_D, SLICE_STR("hash"));
	ike_write_done(&w);
	return slice(buf + IKE_HEADER_SIZE, UPDATE_HEAD_SIZE + data.n);
}

static void check_example(const char *text, const char *name, uint16_t type, struct slice data)
{
	uint8_t buf[2048], bytes[2048];
	struct slice want = payload(type, data, buf, sizeof(buf));
	size_t n = dump(text, name, bytes, sizeof(bytes));

	assert_int_equal(n, want.n);
	assert_memory_equal(bytes, want.p, n);
}

static void the_documents_examples(void **state)
{
	struct update_body b = body("192.0.2.10", "198.51.100.23", 2);
	struct update_check c = { .identifier = 1 };
	uint8_t data[UPDATE_BODY_MAX];
	char *text = document();

	b.identifier = 1;
	b.spi[0] = 0xc1a5e001;
	b.spi[1] = 0xc1a5e002;
	check_example(text, "Request:", UPDATE_REQUEST, slice(data, update_write(&b, data)));
	b.n = 1;
	check_example(text, "ACK of one of the two:", UPDATE_ACK,
		      slice(data, update_write(&b, data)));
	b.n = 2;
	b.identifier = 2;
	b.old = b.new;
	b.new = addr("2001:db8::23");
	check_example(text, "Request to IPv6:", UPDATE_REQUEST6,
		      slice(data, update_write(&b, data)));
	for (unsigned i = 0; i < UPDATE_RANDOM_SIZE; i++)
		c.random[i] = (uint8_t)(0xa0 + i);
	update_check_write(&c, data);
	check_example(text, "CHECK:", UPDATE_CHECK, slice(data, UPDATE_CHECK_SIZE));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ip4_bytes),
		cmocka_unit_test(ip6_bytes),
		cmocka_unit_test(written_and_read),
		cmocka_unit_test(an_unknown_old_address_is_the_unspecified_one),
		cmocka_unit_test(the_length_is_exactly_right),
		cmocka_unit_test(ip6_types_are_for_ip6),
		cmocka_unit_test(other_types),
		cmocka_unit_test(checks),
		cmocka_unit_test(the_same_numbers_in_ike),
		cmocka_unit_test(raw_esp_goes_into_udp_behind_a_nat),
		cmocka_unit_test(the_documents_examples),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
