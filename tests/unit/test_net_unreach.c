/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "net/net.h"

#define IP4 20
#define IP6 40
#define ICMP 8
#define UDP 8

static struct net_unreachable heard;

/* By 203.0.113.1, about UDP from port 500 to 192.0.2.1 port 4500; 4 more bytes of options in what is
 * quoted. */
static size_t ip4(uint8_t m[100], uint8_t code)
{
	uint8_t *quoted = m + IP4 + ICMP, *udp = quoted + IP4 + 4;

	memset(m, 0, 100);
	m[0] = 0x45;
	m[9] = 1;
	memcpy(m + 12, (const uint8_t[]){ 203, 0, 113, 1 }, 4);
	m[IP4] = 3;
	m[IP4 + 1] = code;
	quoted[0] = 0x46;
	quoted[9] = 17;
	memcpy(quoted + 16, (const uint8_t[]){ 192, 0, 2, 1 }, 4);
	udp[0] = 500 >> 8;
	udp[1] = 500 & 255;
	udp[2] = 4500 >> 8;
	udp[3] = 4500 & 255;
	return (size_t)(udp - m) + UDP;
}

static void of_ip4(void **state)
{
	static const struct {
		uint8_t code;
		enum net_unreach_why why;
	} codes[] = { { 0, NET_UNREACH_HOST },	      { 1, NET_UNREACH_HOST },
		      { 3, NET_UNREACH_PORT },	      { 9, NET_UNREACH_PROHIBITED },
		      { 10, NET_UNREACH_PROHIBITED }, { 13, NET_UNREACH_PROHIBITED } };
	char text[ADDR_TEXT_MAX];
	uint8_t m[100];

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(codes); i++) {
		size_t n = ip4(m, codes[i].code);

		assert_true(net_unreach_parse(FAMILY_IP4, slice(m, n), &heard));
		assert_int_equal(heard.why, codes[i].why);
	}
	assert_string_equal(addr_text(&heard.by, text), "203.0.113.1");
	assert_string_equal(addr_text(&heard.to.addr, text), "192.0.2.1");
	assert_int_equal(heard.to.port, 4500);
}

static void of_ip6(void **state)
{
	char text[ADDR_TEXT_MAX];
	uint8_t m[100] = { 1, 4 };

	(void)state;
	m[ICMP] = 0x60;
	m[ICMP + 6] = 17;
	m[ICMP + 24] = 0x20;
	m[ICMP + 25] = 0x01;
	m[ICMP + 39] = 9;
	m[ICMP + IP6 + 2] = 500 >> 8;
	m[ICMP + IP6 + 3] = 500 & 255;
	assert_true(net_unreach_parse(FAMILY_IP6, slice(m, ICMP + IP6 + UDP), &heard));
	assert_int_equal(heard.why, NET_UNREACH_PORT);
	assert_string_equal(addr_text(&heard.to.addr, text), "2001::9");
	assert_int_equal(heard.to.port, 500);
	m[1] = 1;
	assert_true(net_unreach_parse(FAMILY_IP6, slice(m, ICMP + IP6 + UDP), &heard));
	assert_int_equal(heard.why, NET_UNREACH_PROHIBITED);
	m[ICMP + 6] = 6;
	assert_false(net_unreach_parse(FAMILY_IP6, slice(m, ICMP + IP6 + UDP), &heard));
}

/* Anything at all may come. */
static void what_is_not_about_udp(void **state)
{
	uint8_t m[100];
	size_t n = ip4(m, 3);

	(void)state;
	for (size_t cut = 0; cut < IP4 + ICMP + IP4 + 4 + 4; cut++)
		assert_false(net_unreach_parse(FAMILY_IP4, slice(m, cut), &heard));
	m[IP4] = 11;
	assert_false(net_unreach_parse(FAMILY_IP4, slice(m, n), &heard));
	ip4(m, 3);
	m[IP4 + ICMP + 9] = 6;
	assert_false(net_unreach_parse(FAMILY_IP4, slice(m, n), &heard));
	for (unsigned word = 0; word < 5; word++) {
		ip4(m, 3);
		m[IP4 + ICMP] = (uint8_t)(0x40 | word);
		assert_false(net_unreach_parse(FAMILY_IP4, slice(m, n), &heard));
		ip4(m, 3);
		m[0] = (uint8_t)(0x40 | word);
		assert_false(net_unreach_parse(FAMILY_IP4, slice(m, n), &heard));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_ip4),
		cmocka_unit_test(of_ip6),
		cmocka_unit_test(what_is_not_about_udp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
