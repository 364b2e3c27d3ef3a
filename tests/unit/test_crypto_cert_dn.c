/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Distinguished names: text to DER and back, comparison, and what is no name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>

#include "base/err.h"
#include "crypto/cert_impl.h"
#include "tests/support/hex.h"

static struct slice dn(const char *text, uint8_t buf[1024])
{
	int n = cert_dn_parse(text, buf, 1024);

	if (n <= 0)
		fail_msg("%s: %d", text, n);
	return slice(buf, (size_t)n);
}

static void test_bytes(void **state)
{
	uint8_t buf[1024], want[64];
	struct slice expected = hex_bytes("3027"
					  "310b 3009 0603550406 1302 4445"
					  "310b 3009 060355040a 0c02 4578"
					  "310b 3009 0603550403 0c02 6162",
					  want, sizeof(want));

	assert_true(slice_eq(dn("C=DE, O=Ex, CN=ab", buf), expected));
	assert_true(slice_eq(dn(" c = DE ,o= Ex;commonName =ab ", buf), expected));
	assert_true(slice_eq(dn("/C=DE/O=Ex/CN=ab", buf), expected));
	assert_true(
		slice_eq(dn("2.5.4.6=#13024445, OID.2.5.4.10=\"Ex\", cn=\\61b", buf), expected));
}

/* Every text, and the form in which it is written. */
static void test_text(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "CN=vpn, O=Example", "CN=vpn, O=Example" },
		{ "/C=DE/ST=Hessen/L=Ort/O=A/OU=B/CN=vpn/emailAddress=a@b.c",
		  "C=DE, ST=Hessen, L=Ort, O=A, OU=B, CN=vpn, emailAddress=a@b.c" },
		{ "CN=host/admin", "CN=host/admin" },
		{ "/CN=host/admin", "CN=host/admin" },
		{ "/CN=host/admin/O=A", "CN=host/admin, O=A" },
		{ "DC=com,DC=example,CN=x", "DC=com, DC=example, CN=x" },
		{ "E=a@b.c,S=Hessen", "emailAddress=a@b.c, ST=Hessen" },
		{ "serialNumber=12-3,CN=a+UID=b", "serialNumber=12-3, CN=a+UID=b" },
		{ "CN=Sue\\, Grabbit and Runn", "CN=Sue\\, Grabbit and Runn" },
		{ "CN=\"a, b; c\"", "CN=a\\, b\\; c" },
		{ "CN=\\20a\\ ", "CN=\\ a\\ " },
		{ "CN=\\#a", "CN=\\#a" },
		{ "CN=a\\\\b\\\"c", "CN=a\\\\b\\\"c" },
		{ "CN=a  b ", "CN=a  b" },
		{ "CN=", "CN=" },
		{ "1.2.3.4=x", "1.2.3.4=x" },
		{ "2.999.1234567=x", "2.999.1234567=x" },
		{ "CN=#0203010203", "CN=#0203010203" },
		{ "CN=M\xc3\xbcller", "CN=M\xc3\xbcller" },
		{ "CN=M\\c3\\bcller", "CN=M\xc3\xbcller" },
		{ "CN=a\\0ab\\1bc\\7f", "CN=a\\0ab\\1bc\\7f" },
		{ "CN=\xe2\x80\xae"
		  "abc",
		  "CN=\\e2\\80\\aeabc" },
		{ "CN=\\ff\\fe\xc3", "CN=\\ff\\fe\\c3" },
		{ "CN=\\ed\\a0\\80", "CN=\\ed\\a0\\80" },
		{ "CN=\\c0\\80", "CN=\\c0\\80" },
	};
	uint8_t buf[1024], again[1024];
	char text[256];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct slice name = dn(rows[i].in, buf);

		assert_string_equal(cert_dn_text(name, text, sizeof(text)), rows[i].out);
		assert_true(cert_dn_eq(name, dn(text, again)));
	}
}

static void test_bad_text(void **state)
{
	static const char *const rows[] = {
		"",
		"vpn",
		"=vpn",
		"CN",
		"CN=a,",
		"CN=a,,O=b",
		"/",
		"/CN=a/",
		"CN=a\\",
		"CN=\"a",
		"CN=\"a\"b",
		"XX=a",
		"1=a",
		"3.1=a",
		"1.40=a",
		"1.2.=a",
		"1..2=a",
		".1.2=a",
		"CN=#",
		"CN=#0c01",
		"CN=#0c0161x",
		"CN=#0c016162",
		"1.99999999999999999999=a",
		"CN=a+",
		"+CN=a",
	};
	uint8_t buf[1024];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int n = cert_dn_parse(rows[i], buf, sizeof(buf));

		/* A slash that no type follows is the value's. */
		if (strcmp(rows[i], "/CN=a/") == 0)
			assert_true(n > 0);
		else if (n != ERR_CONFIG)
			fail_msg("\"%s\": %d", rows[i], n);
	}
}

static void test_room(void **state)
{
	uint8_t buf[1024];
	char text[4096] = "CN=";
	int n = cert_dn_parse("C=DE, O=Ex, CN=ab", buf, sizeof(buf));

	for (int size = 0; size < n; size++)
		assert_int_equal(cert_dn_parse("C=DE, O=Ex, CN=ab", buf, (size_t)size),
				 ERR_NO_ROOM);
	memset(text + 3, 'x', sizeof(text) - 4);
	assert_int_equal(cert_dn_parse(text, buf, sizeof(buf)), ERR_NO_ROOM);
	text[3 + 512] = '\0';
	assert_true(cert_dn_parse(text, buf, sizeof(buf)) > 512);
}

static void test_cut(void **state)
{
	static const char whole[] = "C=DE, O=M\xc3\xbcller\\, Sohn, CN=vpn.example.com";
	uint8_t buf[1024];
	struct slice name = dn(whole, buf);

	for (size_t size = 1; size <= sizeof(whole); size++) {
		char *text = malloc(size);

		assert_ptr_equal(cert_dn_text(name, text, size), text);
		assert_true(strlen(text) < size);
		assert_memory_equal(text, whole, strlen(text));
		free(text);
	}
	cert_dn_text(name, NULL, 0);
}

static bool same(const char *a, const char *b)
{
	uint8_t x[1024], y[1024];
	bool eq = cert_dn_eq(dn(a, x), dn(b, y));

	assert_int_equal(cert_dn_eq(dn(b, x), dn(a, y)), eq);
	return eq;
}

static void test_eq(void **state)
{
	assert_true(same("CN=vpn, O=Example", "cn=VPN,o=example"));
	assert_true(same("CN=a b", "CN=\\  a   b \\ "));
	assert_true(same("C=DE", "C=#0c026465"));
	assert_true(same("CN=", "CN=\\ "));
	assert_false(same("CN=a b", "CN=ab"));
	assert_false(same("CN=a", "CN=ab"));
	assert_false(same("CN=a", "O=a"));
	assert_false(same("CN=a, O=b", "O=b, CN=a"));
	assert_false(same("CN=a, O=b", "CN=a+O=b"));
	assert_false(same("CN=a", "CN=a, O=b"));
	assert_false(same("CN=a", "CN=a\\00"));
	assert_false(same("CN=a\\00b", "CN=a\\00c"));
	/* Not text: no letter case. */
	assert_true(same("CN=#04024142", "CN=#04024142"));
	assert_false(same("CN=#04024142", "CN=#04024162"));
	assert_false(same("CN=#04024142", "CN=AB"));
}

static void test_no_names(void **state)
{
	static const char *const rows[] = {
		"",
		"30",
		"3000 00",
		"3080 0000",
		"3102 3000",
		"3002 3100",
		"3002 3000",
		"3004 3102 3000",
		"300b 3109 3007 0603550403 0c00 ff",
		"300b 3109 3007 0603550403 0c01",
		"300a 3108 3006 0403550403 0c",
		"300b 310930070603550403 0c00 30",
		"308109 3107 3005 0603550403",
		"300d 310b 3009 0600 0c05 0000000000",
		"300f 310d 300b 0603550403 0c02 6162 0500",
		"300b 3109 3007 0603550403 1f00",
		"30840000000b 3109 3007 0603550403 0c00",
		"30810b 3109 3007 0603550403 0c00",
		"3082000b 3109 3007 0603550403 0c00",
	};
	uint8_t buf[64], good[64];
	struct slice name = hex_bytes("300b 3109 3007 0603550403 0c00", good, sizeof(good));
	char text[64];

	assert_true(cert_dn_eq(name, name));
	assert_true(cert_dn_clean(name));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct slice bad = hex_bytes(rows[i], buf, sizeof(buf));

		assert_false(cert_dn_eq(bad, name));
		assert_false(cert_dn_eq(name, bad));
		assert_false(cert_dn_eq(bad, bad));
		assert_false(cert_dn_clean(bad));
		assert_string_equal(cert_dn_text(bad, text, sizeof(text)), "(not a name)");
	}
}

static void test_clean(void **state)
{
	uint8_t buf[1024];

	assert_true(cert_dn_clean(dn("CN=vpn, O=Example", buf)));
	assert_false(cert_dn_clean(dn("CN=vpn\\00.evil, O=Example", buf)));
	assert_true(cert_dn_clean(dn("CN=#1e020041", buf)));
}

static void test_oid_without_text(void **state)
{
	static const char *const rows[] = {
		/* A number that does not end, one with a leading zero, one beyond 64 bits. */
		"300b 3109 3007 0603 5504 83 0c00",
		"300c 310a 3008 0604 55 80 04 03 0c00",
		"3013 3111 300f 060b 55 ffffffffffffffffff 7f 0c00",
	};
	uint8_t buf[64];
	char text[64];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct slice name = hex_bytes(rows[i], buf, sizeof(buf));

		assert_true(cert_dn_eq(name, name));
		assert_string_equal(cert_dn_text(name, text, sizeof(text)), "(not a name)");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_bad_text),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_eq),
		cmocka_unit_test(test_no_names),
		cmocka_unit_test(test_clean),
		cmocka_unit_test(test_oid_without_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
