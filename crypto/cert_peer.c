/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <wolfssl/options.h>
#include <wolfssl/error-ssl.h>
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/mem.h"
#include "crypto/cert_impl.h"

/* Certificates that may follow an issuer without pathLenConstraint; more than a chain has. */
#define PATH_UNLIMITED 255
#define NAME_TEXT_MAX 100
#define DATES_TEXT_MAX 200

struct cert_peer {
	struct cert_bytes der;
	struct cert_info info;
};

/* One certificate of the peer's chain on its way to a root. */
struct link {
	struct cert_info info;
	bool parsed;
	bool trusted; /* an issuer that leads to a root */
	unsigned room; /* issuers that may still follow a trusted one, self-issued ones aside */
	const char *refused; /* why it is not trusted, where its issuer is known */
	const struct cert_info *dated; /* it is because of the dates of this one; NULL: not so */
};

struct chain {
	const struct credentials *c;
	struct link links[CERT_CHAIN_MAX];
	unsigned n;
};

/* ---- one certificate and its issuer, by wolfSSL ---- */

static const char *reason(int ret)
{
	switch (ret) {
	case ASN_AFTER_DATE_E:
		return "has expired";
	case ASN_BEFORE_DATE_E:
		return "is not valid yet";
	case ASN_CRIT_EXT_E:
		return "has a critical extension that is not known";
	case ASN_NAME_INVALID_E:
		return "has a name that its issuer may not give";
	case CRL_CERT_REVOKED:
		return "has been revoked";
	case ASN_NO_SIGNER_E:
		return "is for another key of its issuer than the one that we know";
	default:
		return "has a signature that its issuer did not make";
	}
}

/* The lists of this issuer must all be good: one that is not could hide what it revokes. */
static const char *lists_load(const struct credentials *c, WOLFSSL_CERT_MANAGER *cm,
			      const struct cert_info *issuer)
{
	for (unsigned i = 0; i < c->n_crls; i++) {
		const struct cert_crl *crl = &c->crls[i];
		int ret;

		if (!cert_dn_eq(crl->issuer, issuer->subject))
			continue;
		ret = wolfSSL_CertManagerLoadCRLBuffer(cm, crl->der.p, (long)crl->der.n,
						       WOLFSSL_FILETYPE_ASN1);
		if (ret == ASN_AFTER_DATE_E || ret == CRL_CERT_DATE_ERR)
			return "cannot be looked up: the revocation list of its issuer is out of "
			       "date";
		if (ret != WOLFSSL_SUCCESS)
			return "cannot be looked up: the revocation list of its issuer is not "
			       "good";
	}
	return NULL;
}

/*
 * NULL when `issuer` issued `info`, both are valid now and no list revokes `info`. The manager
 * knows this issuer alone, because it takes whatever it is given for an authority. *dated: which of
 * them is not valid now, where that is why.
 */
static const char *issued(const struct credentials *c, const struct cert_info *issuer,
			  const struct cert_info *info, const struct cert_info **dated)
{
	WOLFSSL_CERT_MANAGER *cm = wolfSSL_CertManagerNew();
	const char *why = NULL;
	int ret;

	if (!cm)
		abort();
	ret = wolfSSL_CertManagerLoadCABuffer(cm, issuer->der.p, (long)issuer->der.n,
					      WOLFSSL_FILETYPE_ASN1);
	if (ret != WOLFSSL_SUCCESS) {
		if (ret == ASN_AFTER_DATE_E || ret == ASN_BEFORE_DATE_E)
			*dated = issuer;
		why = ret == ASN_AFTER_DATE_E  ? "has an issuer that has expired" :
		      ret == ASN_BEFORE_DATE_E ? "has an issuer that is not valid yet" :
						 "has an issuer that cannot be used";
		goto out;
	}
	why = lists_load(c, cm, issuer);
	if (why)
		goto out;
	ret = wolfSSL_CertManagerVerifyBuffer(cm, info->der.p, (long)info->der.n,
					      WOLFSSL_FILETYPE_ASN1);
	/* Without a list of this issuer nothing is revoked; it is looked at last. */
	if (ret != WOLFSSL_SUCCESS && ret != CRL_MISSING)
		why = reason(ret);
	if (ret == ASN_AFTER_DATE_E || ret == ASN_BEFORE_DATE_E)
		*dated = info;
out:
	wolfSSL_CertManagerFree(cm);
	return why;
}

/* ---- what an issuer may be ---- */

static bool rsa_in_bounds(const struct cert_info *info)
{
	return info->bits >= CERT_RSA_BITS_MIN && info->bits <= CERT_RSA_BITS_MAX;
}

/* Why it cannot be an issuer, or NULL. Keys of other kinds than RSA are wolfSSL's to judge. */
static const char *no_issuer(const struct cert_info *info)
{
	if (info->no_cert_sign)
		return "has an issuer that may not sign certificates";
	if (!info->is_ca)
		return "has an issuer that is no CA";
	if (info->bits && !rsa_in_bounds(info))
		return "has an issuer whose RSA key is not of 2048 to 4096 bits";
	return NULL;
}

/* A root of the first X.509 version has no way to say that it is a CA. */
static const char *no_root(const struct cert_info *info)
{
	struct cert_info root = *info;

	if (info->first_version && cert_dn_eq(info->subject, info->issuer))
		root.is_ca = true;
	return no_issuer(&root);
}

static unsigned room_of(const struct cert_info *info)
{
	return info->path_length < 0 ? PATH_UNLIMITED : (unsigned)info->path_length;
}

/*
 * The issuer is known by name: is it the one that issued the link, and may it? `leaf`: no more
 * certificates follow the link.
 */
static bool link_to(struct chain *chain, struct link *link, const struct cert_info *issuer,
		    unsigned room, bool leaf)
{
	bool self_issued = cert_dn_eq(link->info.subject, link->info.issuer);
	unsigned own = room_of(&link->info);

	if (!leaf && room == 0 && !self_issued)
		link->refused = "makes the chain longer than one of its issuers allows";
	else if (link->info.weak_signature)
		link->refused = "is signed with MD5, which can be forged";
	else
		link->refused = issued(chain->c, issuer, &link->info, &link->dated);
	if (link->refused)
		return false;
	if (!self_issued && room != PATH_UNLIMITED && room > 0)
		room--;
	link->room = room < own ? room : own;
	return true;
}

/* wolfSSL holds the constraints of the issuer alone against a name, not those of a CA above it. */
static const char *too_constrained(const struct cert_info *issuer, bool leaf)
{
	return !leaf && issuer->constrains ? "is under a CA whose names are constrained" : NULL;
}

/* Of an issuer that was tried before nothing stays. */
static bool refuse(struct link *link, const char *why)
{
	link->refused = why;
	link->dated = NULL;
	return why != NULL;
}

/* Looks for an issuer among the roots and the links that are trusted already. */
static bool link_up(struct chain *chain, struct link *link, bool leaf)
{
	const struct credentials *c = chain->c;

	for (unsigned i = 0; i < c->n_roots; i++) {
		const struct cert_info *root = &c->roots[i].info;

		if (!cert_dn_eq(root->subject, link->info.issuer))
			continue;
		if (!refuse(link, no_root(root)) && !refuse(link, too_constrained(root, leaf)) &&
		    link_to(chain, link, root, room_of(root), leaf))
			return true;
	}
	for (unsigned i = 1; i < chain->n; i++) {
		const struct link *issuer = &chain->links[i];

		if (issuer == link || !issuer->trusted ||
		    !cert_dn_eq(issuer->info.subject, link->info.issuer))
			continue;
		if (!refuse(link, too_constrained(&issuer->info, leaf)) &&
		    link_to(chain, link, &issuer->info, issuer->room, leaf))
			return true;
	}
	return false;
}

/* From the roots downwards, until nothing more can be reached. */
static void trust_issuers(struct chain *chain)
{
	bool more = true;

	while (more) {
		more = false;
		for (unsigned i = 1; i < chain->n; i++) {
			struct link *link = &chain->links[i];

			if (!link->parsed || link->trusted || no_issuer(&link->info))
				continue;
			if (link_up(chain, link, false))
				more = link->trusted = true;
		}
	}
}

/* ---- why not ---- */

static const char *name_of(const struct cert_info *info, char buf[NAME_TEXT_MAX])
{
	return cert_dn_text(info->subject, buf, NAME_TEXT_MAX);
}

static struct link *sent_issuer(struct chain *chain, const struct link *link)
{
	for (unsigned i = 1; i < chain->n; i++) {
		struct link *issuer = &chain->links[i];

		if (issuer != link && issuer->parsed && !issuer->trusted &&
		    cert_dn_eq(issuer->info.subject, link->info.issuer))
			return issuer;
	}
	return NULL;
}

/* Follows the names upwards to the place where it breaks. */
static int explain(struct chain *chain, char why[CERT_WHY_MAX])
{
	const struct link *link = &chain->links[0], *issuer;
	char name[NAME_TEXT_MAX], missing[NAME_TEXT_MAX], dates[DATES_TEXT_MAX] = "";

	for (unsigned i = 0; i < chain->n && !link->refused; i++) {
		if (cert_dn_eq(link->info.subject, link->info.issuer))
			break;
		issuer = sent_issuer(chain, link);
		if (!issuer)
			break;
		if (no_issuer(&issuer->info)) {
			snprintf(why, CERT_WHY_MAX, "%s %s", name_of(&link->info, name),
				 no_issuer(&issuer->info));
			return ERR_AUTH;
		}
		link = issuer;
	}
	name_of(&link->info, name);
	if (link->dated)
		cert_info_dates_text(link->dated, "its owner", dates, sizeof(dates));
	if (link->refused)
		snprintf(why, CERT_WHY_MAX, "%s %s%s", name, link->refused, dates);
	else if (cert_dn_eq(link->info.subject, link->info.issuer))
		snprintf(why, CERT_WHY_MAX,
			 "%s is its own issuer and none of those we trust (in ca)", name);
	else
		snprintf(why, CERT_WHY_MAX,
			 "the issuer of %s is not known: %s; put its certificate into ca, if it is "
			 "to be trusted",
			 name, cert_dn_text(link->info.issuer, missing, sizeof(missing)));
	return ERR_AUTH;
}

/* ---- the leaf ---- */

/* The next name of subjectAltName: dNSName, rfc822Name and iPAddress; false at the end. */
static bool alt_name_next(struct rd *r, enum cert_name *type, struct slice *name)
{
	struct der d;

	while (der_next(r, &d)) {
		*name = d.body;
		switch (d.tag) {
		case 0x81:
			*type = CERT_NAME_EMAIL;
			return true;
		case 0x82:
			*type = CERT_NAME_DNS;
			return true;
		case 0x87:
			*type = CERT_NAME_IP;
			return true;
		}
	}
	return false;
}

static bool alt_names_clean(const struct cert_info *info)
{
	enum cert_name type;
	struct slice name;
	struct rd r;

	rd_init(&r, info->alt_names);
	while (alt_name_next(&r, &type, &name)) {
		if (type == CERT_NAME_IP ? name.n != 4 && name.n != 16 :
					   name.n == 0 || memchr(name.p, 0, name.n) != NULL)
			return false;
	}
	return !r.bad;
}

static const char *leaf_unfit(const struct cert_info *leaf)
{
	if (leaf->bits == 0)
		return "has no RSA key";
	if (leaf->bits < CERT_RSA_BITS_MIN)
		return "has an RSA key of fewer than 2048 bits";
	if (leaf->bits > CERT_RSA_BITS_MAX)
		return "has an RSA key of more than 4096 bits";
	if (!leaf->may_sign)
		return "may not be used for signatures";
	if (!alt_names_clean(leaf))
		return "has a subjectAltName that is not well formed";
	return NULL;
}

/* It is itself among the roots: then its own dates alone count. */
static bool is_root(const struct chain *chain)
{
	for (unsigned i = 0; i < chain->c->n_roots; i++) {
		if (slice_eq(chain->c->roots[i].info.der, chain->links[0].info.der))
			return true;
	}
	return false;
}

static int trust_leaf(struct chain *chain, char why[CERT_WHY_MAX])
{
	struct link *leaf = &chain->links[0];
	char name[NAME_TEXT_MAX], dates[DATES_TEXT_MAX] = "";
	const char *unfit = leaf_unfit(&leaf->info);

	if (!unfit && is_root(chain)) {
		unfit = cert_info_dates(&leaf->info);
		if (!unfit)
			return 0;
		cert_info_dates_text(&leaf->info, "its owner", dates, sizeof(dates));
	}
	if (unfit) {
		snprintf(why, CERT_WHY_MAX, "%s %s%s", name_of(&leaf->info, name), unfit, dates);
		return ERR_AUTH;
	}
	trust_issuers(chain);
	return link_up(chain, leaf, true) ? 0 : explain(chain, why);
}

static int parse(struct chain *chain, const struct slice *certs, unsigned n, char why[CERT_WHY_MAX])
{
	for (unsigned i = 0; i < n; i++) {
		int err = cert_info_parse(certs[i], &chain->links[i].info);

		/* An issuer that is not understood is not needed, or will be missed. */
		if (err == ERR_MALFORMED) {
			snprintf(why, CERT_WHY_MAX, "a certificate is not well formed");
			return ERR_MALFORMED;
		}
		if (err && i == 0) {
			snprintf(why, CERT_WHY_MAX,
				 "the certificate has what we do not know, such "
				 "as a critical extension");
			return ERR_AUTH;
		}
		chain->links[i].parsed = err == 0;
	}
	chain->n = n;
	return 0;
}

int cert_peer_verify(const struct credentials *c, const struct slice *certs, unsigned n,
		     struct cert_peer **out, char why[CERT_WHY_MAX])
{
	struct chain *chain;
	int err;

	*out = NULL;
	if (n == 0 || n > CERT_CHAIN_MAX) {
		snprintf(why, CERT_WHY_MAX, "%u certificates are not 1 to %d", n, CERT_CHAIN_MAX);
		return ERR_MALFORMED;
	}
	chain = xcalloc(1, sizeof(*chain));
	chain->c = c;
	err = parse(chain, certs, n, why);
	if (err == 0)
		err = trust_leaf(chain, why);
	free(chain);
	if (err)
		return err;
	*out = xcalloc(1, sizeof(**out));
	cert_bytes_set(&(*out)->der, certs[0]);
	return cert_info_parse(cert_bytes_slice(&(*out)->der), &(*out)->info);
}

void cert_peer_free(struct cert_peer *p)
{
	if (!p)
		return;
	cert_bytes_free(&p->der);
	free(p);
}

/* ---- names ---- */

static bool text_eq(struct slice a, struct slice b)
{
	return a.n == b.n && strncasecmp((const char *)a.p, (const char *)b.p, a.n) == 0;
}

static struct slice after(struct slice s, const uint8_t *p)
{
	return slice(p + 1, s.n - (size_t)(p + 1 - s.p));
}

static bool dns_eq(struct slice pattern, struct slice name)
{
	const uint8_t *dot, *second;

	if (name.n && name.p[name.n - 1] == '.')
		name.n--;
	if (text_eq(pattern, name))
		return true;
	if (pattern.n < 3 || pattern.p[0] != '*' || pattern.p[1] != '.')
		return false;
	pattern = slice(pattern.p + 1, pattern.n - 1);
	dot = memchr(name.p, '.', name.n);
	/* "*.com" would be a name for half the world. */
	second = memchr(pattern.p + 1, '.', pattern.n - 1);
	if (!dot || dot == name.p || !second)
		return false;
	return text_eq(after(pattern, pattern.p), after(name, dot));
}

/* What stands before the "@" may tell letters apart, RFC 5321 section 2.4. */
static bool email_eq(struct slice a, struct slice b)
{
	const uint8_t *at = a.n ? memrchr(a.p, '@', a.n) : NULL;
	size_t local = at ? (size_t)(at - a.p) + 1 : 0;

	return at && a.n == b.n && memcmp(a.p, b.p, local) == 0 &&
	       text_eq(slice(a.p + local, a.n - local), slice(b.p + local, b.n - local));
}

static bool name_eq(enum cert_name type, struct slice theirs, struct slice name)
{
	switch (type) {
	case CERT_NAME_DN:
		return cert_dn_eq(theirs, name);
	case CERT_NAME_DNS:
		return dns_eq(theirs, name);
	case CERT_NAME_EMAIL:
		return email_eq(theirs, name);
	case CERT_NAME_IP:
		return slice_eq(theirs, name);
	}
	return false;
}

bool cert_peer_is(const struct cert_peer *p, enum cert_name type, struct slice name)
{
	enum cert_name theirs_type;
	struct slice theirs;
	struct rd r;

	if (name.n == 0)
		return false;
	if (type == CERT_NAME_DN)
		return name_eq(type, p->info.subject, name);
	if (type != CERT_NAME_IP && memchr(name.p, 0, name.n))
		return false;
	rd_init(&r, p->info.alt_names);
	while (alt_name_next(&r, &theirs_type, &theirs)) {
		if (theirs_type == type && name_eq(type, theirs, name))
			return true;
	}
	return false;
}

static void put_alt_name(struct wr *w, enum cert_name type, struct slice name)
{
	static const char *const labels[] = {
		[CERT_NAME_DN] = "",
		[CERT_NAME_DNS] = "DNS ",
		[CERT_NAME_EMAIL] = "e-mail ",
		[CERT_NAME_IP] = "IP ",
	};
	char text[ADDR_TEXT_MAX];
	struct addr a;

	wr_slice(w, SLICE_STR(labels[type]));
	if (type != CERT_NAME_IP) {
		cert_put_text(w, name);
		return;
	}
	if (addr_from_bytes(name, &a))
		wr_slice(w, SLICE_STR(addr_text(&a, text)));
}

const char *cert_peer_text(const struct cert_peer *p, char *buf, size_t size)
{
	enum cert_name type;
	struct slice name;
	struct rd r;
	struct wr w;

	if (size == 0)
		return buf;
	cert_dn_text(p->info.subject, buf, size);
	wr_init(&w, buf, size - 1);
	w.p += strlen(buf);
	rd_init(&r, p->info.alt_names);
	while (alt_name_next(&r, &type, &name)) {
		if (wr_len(&w))
			wr_slice(&w, SLICE_STR("; "));
		put_alt_name(&w, type, name);
	}
	buf[wr_len(&w)] = '\0';
	return buf;
}

int cert_peer_check(const struct cert_peer *p, struct slice bytes, struct slice signature)
{
	return cert_rsa_check(p->info.spki, bytes, signature);
}
