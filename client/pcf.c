/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/client.h"

#include <string.h>

#include "base/err.h"
#include "crypto/cisco.h"
#include "crypto/crypto.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The bytes of an even number of hex digits; -1 for anything else. */
static ssize_t hex_bytes(const char *hex, uint8_t *out, size_t size)
{
	size_t n = strlen(hex);

	if (n % 2 != 0 || n / 2 > size)
		return -1;
	for (size_t i = 0; i < n / 2; i++) {
		int high = hex_digit(hex[2 * i]), low = hex_digit(hex[2 * i + 1]);

		if (high < 0 || low < 0)
			return -1;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return (ssize_t)(n / 2);
}

bool client_pcf_password(const char *hex, char out[CLIENT_PCF_PASSWORD_MAX + 1])
{
	uint8_t hidden[CLIENT_PCF_PASSWORD_MAX + 64];
	struct secret password = { 0 };
	ssize_t n = hex_bytes(hex, hidden, sizeof(hidden));
	bool good;

	if (n < 0 || crypto_init() != 0)
		return false;
	good = cisco_password_open(slice(hidden, (size_t)n), &password) == 0 &&
	       password.n <= CLIENT_PCF_PASSWORD_MAX;
	if (good && password.n > 0)
		memcpy(out, password.p, password.n);
	if (good)
		out[password.n] = '\0';
	/* Some encoders hide the end of the text with it. */
	good = good && strlen(out) + 1 >= password.n;
	secret_free(&password);
	return good;
}
