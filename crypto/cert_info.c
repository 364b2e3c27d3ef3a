/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/asn.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/err.h"
#include "base/mem.h"
#include "crypto/cert_impl.h"

/* Context tags of TBSCertificate, RFC 5280 section 4.1. */
#define TAG_VERSION 0xa0
#define TAG_EXTENSIONS 0xa3

/* 2026-01-01: a clock that is before it has not been set. */
#define CLOCK_SET_SINCE 1767225600

static const uint8_t oid_alt_name[] = { 0x55, 0x1d, 0x11 };

/* extensions: the body of the list. The body of subjectAltName's GeneralNames. */
static void alt_names_find(struct rd *extensions, struct slice *out)
{
	struct rd one, value;
	struct der d;

	while (der_next(extensions, &d)) {
		struct slice oid;

		rd_init(&one, d.body);
		oid = der_take(&one, DER_OID);
		if (!slice_eq(oid, SLICE_OF(oid_alt_name)))
			continue;
		/* A second one would be for whoever looks at the other. */
		if (out->p)
			extensions->bad = true;
		der_next(&one, &d);
		if (d.tag == DER_BOOLEAN)
			der_next(&one, &d);
		rd_init(&value, d.body);
		*out = der_take(&value, DER_SEQUENCE);
		if (d.tag != DER_OCTETS || one.bad || value.bad || rd_left(&value))
			extensions->bad = true;
	}
}

/* Where names and key lie: wolfSSL's own result has them without their headers or as copies. */
static int find_parts(struct cert_info *info)
{
	struct rd file, outer, tbs, extensions;
	struct der d;

	rd_init(&file, info->der);
	rd_init(&outer, der_take(&file, DER_SEQUENCE));
	rd_init(&tbs, der_take(&outer, DER_SEQUENCE));
	if (file.bad || outer.bad || rd_left(&file) != 0)
		return ERR_MALFORMED;
	der_next(&tbs, &d);
	info->first_version = d.tag != TAG_VERSION;
	if (d.tag == TAG_VERSION)
		der_next(&tbs, &d);
	if (d.tag != DER_INTEGER)
		return ERR_MALFORMED;
	der_take(&tbs, DER_SEQUENCE);
	info->issuer = der_take_whole(&tbs, DER_SEQUENCE);
	info->validity = der_take(&tbs, DER_SEQUENCE);
	info->subject = der_take_whole(&tbs, DER_SEQUENCE);
	info->spki = der_take_whole(&tbs, DER_SEQUENCE);
	while (der_next(&tbs, &d)) {
		if (d.tag != TAG_EXTENSIONS)
			continue;
		rd_init(&outer, d.body);
		rd_init(&extensions, der_take(&outer, DER_SEQUENCE));
		alt_names_find(&extensions, &info->alt_names);
		if (outer.bad || extensions.bad)
			return ERR_MALFORMED;
	}
	return tbs.bad ? ERR_MALFORMED : 0;
}

static void take_uses(const struct DecodedCert *cert, struct cert_info *out)
{
	const unsigned signs = KEYUSE_DIGITAL_SIG | KEYUSE_CONTENT_COMMIT;
	bool cert_sign = !cert->extKeyUsageSet || cert->extKeyUsage & KEYUSE_KEY_CERT_SIGN;

	out->is_ca = cert->isCA && cert_sign;
	out->no_cert_sign = cert->isCA && !cert_sign;
	out->may_sign = !cert->extKeyUsageSet || cert->extKeyUsage & signs;
	out->path_length = cert->isCA && cert->pathLengthSet ? cert->pathLength : -1;
	out->constrains = cert->extNameConstraintSet;
	out->weak_signature = cert->signatureOID == CTC_MD2wRSA ||
			      cert->signatureOID == CTC_MD5wRSA;
}

int cert_info_parse(struct slice der, struct cert_info *out)
{
	struct DecodedCert *cert;
	int err, ret;

	*out = (struct cert_info){ .der = der };
	if (der.n == 0 || der.n > CERT_SIZE_MAX)
		return ERR_MALFORMED;
	err = find_parts(out);
	if (err)
		return err;
	if (!cert_dn_clean(out->subject) || !cert_dn_clean(out->issuer))
		return ERR_MALFORMED;
	cert = xcalloc(1, sizeof(*cert));
	wc_InitDecodedCert(cert, der.p, (word32)der.n, NULL);
	ret = wc_ParseCert(cert, CERT_TYPE, NO_VERIFY, NULL);
	if (ret == 0) {
		take_uses(cert, out);
		if (cert->keyOID == RSAk)
			out->bits = cert_rsa_bits(out->spki);
	} else {
		err = ret == ASN_CRIT_EXT_E || ret == ASN_UNKNOWN_OID_E ? ERR_UNSUPPORTED :
									  ERR_MALFORMED;
	}
	wc_FreeDecodedCert(cert);
	free(cert);
	return err;
}

const char *cert_info_dates(const struct cert_info *info)
{
	WOLFSSL_CERT_MANAGER *cm = wolfSSL_CertManagerNew();
	int ret;

	if (!cm)
		abort();
	/* Loading looks at the dates; what else it may dislike is no matter here. */
	ret = wolfSSL_CertManagerLoadCABuffer(cm, info->der.p, (long)info->der.n,
					      WOLFSSL_FILETYPE_ASN1);
	wolfSSL_CertManagerFree(cm);
	if (ret == ASN_AFTER_DATE_E)
		return "has expired";
	return ret == ASN_BEFORE_DATE_E ? "is not valid yet" : NULL;
}

/* RFC 5280 section 4.1.2.5: YYMMDDhhmmssZ until 2049, YYYYMMDDhhmmssZ from then on. */
static void put_time(struct rd *validity, char out[sizeof("2026-11-22 06:30")])
{
	char digits[16];
	struct der d;
	bool ok = der_next(validity, &d);
	size_t years = d.tag == DER_TIME ? 4 : 2;

	memcpy(out, "an unknown time", sizeof("an unknown time"));
	if (!ok || (d.tag != DER_TIME && d.tag != DER_UTC_TIME) || d.body.n < years + 10)
		return;
	for (size_t i = 0; i < years + 8; i++)
		if (d.body.p[i] < '0' || d.body.p[i] > '9')
			return;
	snprintf(digits, sizeof(digits), "%s%.*s",
		 years == 4	   ? "" :
		 d.body.p[0] < '5' ? "20" :
				     "19",
		 (int)years + 8, (const char *)d.body.p);
	snprintf(out, sizeof("2026-11-22 06:30"), "%.4s-%.2s-%.2s %.2s:%.2s", digits, digits + 4,
		 digits + 6, digits + 8, digits + 10);
}

const char *cert_info_dates_text(const struct cert_info *info, const char *owner, char *buf,
				 size_t size)
{
	time_t clock = time(NULL);
	const char *wrong = cert_info_dates(info);
	bool gone = clock >= CLOCK_SET_SINCE && wrong && strcmp(wrong, "has expired") == 0;
	char from[20], to[20], now[20] = "nothing";
	struct tm tm;
	struct rd r;

	rd_init(&r, info->validity);
	put_time(&r, from);
	put_time(&r, to);
	if (gmtime_r(&clock, &tm))
		strftime(now, sizeof(now), "%Y-%m-%d %H:%M", &tm);
	snprintf(buf, size, ": valid from %s to %s, and our clock says %s UTC; %s%s", from, to, now,
		 gone ? owner : "our clock is ",
		 gone			 ? " must get a new one, unless our clock is wrong" :
		 clock < CLOCK_SET_SINCE ? "wrong: set it (timedatectl set-ntp true)" :
					   "most likely wrong: set it (timedatectl set-ntp true)");
	return buf;
}
