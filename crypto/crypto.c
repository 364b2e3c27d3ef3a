/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <wolfssl/options.h>
#include <wolfssl/version.h>
#include <wolfssl/wolfcrypt/wc_port.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "crypto/gcm.h"
#include "crypto/internal.h"

#ifndef GODWIT_WOLFSSL_PACKAGE
#define GODWIT_WOLFSSL_PACKAGE "unknown"
#endif

int crypto_init(void)
{
	if (wolfCrypt_Init() != 0)
		return ERR_SYSTEM;
	gcm_init();
	return 0;
}

const char *crypto_version(void)
{
	return LIBWOLFSSL_VERSION_STRING;
}

const char *crypto_package(void)
{
	return GODWIT_WOLFSSL_PACKAGE;
}

void crypto_must(int ret, const char *call)
{
	if (ret == 0)
		return;
	fprintf(stderr, "godwit: %s failed with %d\n", call, ret);
	abort();
}
