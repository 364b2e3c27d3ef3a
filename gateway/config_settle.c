/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>

#include "base/mem.h"
#include "client/psk.h"
#include "client/service.h"
#include "gateway/config_impl.h"

#define PATH_MAX_BYTES 1024

/* A file without a directory of its own is beside the configuration. */
static const char *beside(const struct gateway_reader *r, const char *file,
			  char buf[PATH_MAX_BYTES])
{
	char *path = service_beside(r->name, file);

	snprintf(buf, PATH_MAX_BYTES, "%s", path);
	free(path);
	return buf;
}

/* ---- proposals ---- */

static void weak_refuse(struct gateway_reader *r)
{
	const struct gateway_draft *d = &r->draft;
	const struct ike_child_config *child = &d->file->config.child;
	char weak[IKE_WEAK_MAX];

	for (unsigned i = 0; i < d->ike.nsuites && !d->weak_ike; i++)
		if (ike_suite_weak(&d->ike.suites[i], weak)[0])
			gateway_complain(r, 0,
					 "[ike] proposals: %s is weak; allow-weak = yes "
					 "takes it all the same",
					 weak);
	for (unsigned i = 0; i < child->nsuites && !d->weak_esp; i++)
		if (esp_suite_weak(&child->suites[i], weak)[0])
			gateway_complain(r, 0,
					 "[esp] proposals: %s is weak; allow-weak = yes "
					 "takes it all the same",
					 weak);
}

/* ---- files ---- */

static void users_fetch(struct gateway_reader *r)
{
	char path[PATH_MAX_BYTES], why[USERS_WHY_MAX];

	if (!r->draft.users)
		gateway_complain(r, 0, "users = yes needs [users] file");
	else if (users_load(beside(r, r->draft.users, path), &r->draft.file->users, why) != 0)
		gateway_complain(r, 0, "[users] file: %s", why);
}

static void credentials_fetch(struct gateway_reader *r, bool clients)
{
	const struct gateway_draft *d = &r->draft;
	char paths[5][PATH_MAX_BYTES], why[CERT_WHY_MAX];
	struct credentials_source source = {
		.ca = d->ca ? beside(r, d->ca, paths[0]) : NULL,
		.certificate = d->certificate ? beside(r, d->certificate, paths[1]) : NULL,
		.key = d->key ? beside(r, d->key, paths[2]) : NULL,
		.pkcs12 = d->pkcs12 ? beside(r, d->pkcs12, paths[3]) : NULL,
		.crl = d->crl ? beside(r, d->crl, paths[4]) : NULL,
		.password = d->key_password ? SLICE_STR(d->key_password) : SLICE_NONE,
	};

	if (!(d->certificate && d->key) && !d->pkcs12)
		gateway_complain(r, 0,
				 "certificates need [gateway] certificate and key, or pkcs12");
	else if (clients && !d->ca)
		gateway_complain(r, 0, "method = certificate needs [gateway] ca");
	else if (credentials_load(&source, &d->file->credentials, why) != 0)
		gateway_complain(r, 0, "%s", why);
}

static void psk_fetch(struct gateway_reader *r, unsigned n)
{
	struct ike_config *c = &r->draft.file->config.entries[n].ike;
	const char *name = r->draft.file->names[n];
	char path[PATH_MAX_BYTES], why[PSK_WHY_MAX];

	if (r->draft.psk_file[n] && c->psk.n)
		gateway_complain(r, 0, "[auth %s]: psk or psk-file, not both", name);
	else if (r->draft.psk_file[n] &&
		 psk_from_file(beside(r, r->draft.psk_file[n], path), &c->psk, why) != 0)
		gateway_complain(r, 0, "[auth %s] psk-file: %s %s", name, path, why);
	else if (c->auth == IKE_AUTH_PSK && !c->psk.n)
		gateway_complain(r, 0, "[auth %s] has no psk and no psk-file", name);
}

/* ---- entries ---- */

static void entry_settle(struct gateway_reader *r, unsigned n)
{
	const struct gateway_draft *d = &r->draft;
	struct ike_config *c = &d->file->config.entries[n].ike;
	const struct ike_config own = *c;

	*c = d->ike;
	c->psk = own.psk;
	c->remote = own.remote;
	c->remote_any = own.remote_any;
	c->local = d->local;
	c->gateway = true;
	c->address_update = d->file->config.roaming;
	c->auth = (enum ike_auth)d->method[n];
	c->mode = (enum ike_mode)d->mode[n];
	c->xauth = d->user[n] || c->auth == IKE_AUTH_HYBRID;
	if (c->mode == IKE_MODE_AGGRESSIVE && c->auth == IKE_AUTH_PSK && c->remote_any)
		gateway_complain(r, 0,
				 "[auth %s]: with mode = aggressive and a pre-shared key, identity "
				 "must be given: we prove to know the key to whoever names it",
				 d->file->names[n]);
	psk_fetch(r, n);
}

/* Who comes cannot be told apart by what he shows: the second one would never be taken. */
static bool is_twin(const struct ike_config *a, const struct ike_config *b)
{
	if (a->mode != b->mode || a->auth != b->auth || a->xauth != b->xauth ||
	    a->remote_any != b->remote_any)
		return false;
	if (!a->remote_any && !identity_eq(&a->remote, &b->remote))
		return false;
	/* In main mode the key is looked for by what it opens. */
	return a->auth != IKE_AUTH_PSK || a->mode == IKE_MODE_AGGRESSIVE ||
	       slice_eq(secret_slice(&a->psk), secret_slice(&b->psk));
}

static void entry_twins_refuse(struct gateway_reader *r, unsigned n)
{
	const struct gateway_config *c = &r->draft.file->config;

	for (unsigned i = 0; i < n; i++)
		if (is_twin(&c->entries[i].ike, &c->entries[n].ike))
			gateway_complain(
				r, 0,
				"[auth %s] and [auth %s] are for the same clients: give them "
				"other identities, or leave one out",
				r->draft.file->names[i], r->draft.file->names[n]);
}

static void entries_settle(struct gateway_reader *r)
{
	struct gateway_config *c = &r->draft.file->config;
	bool signs = false, clients_sign = false, users = false;

	for (unsigned i = 0; i < c->nentries; i++) {
		entry_settle(r, i);
		entry_twins_refuse(r, i);
		signs |= c->entries[i].ike.auth != IKE_AUTH_PSK;
		clients_sign |= c->entries[i].ike.auth == IKE_AUTH_RSA;
		users |= c->entries[i].ike.xauth;
	}
	if (users)
		users_fetch(r);
	if (signs)
		credentials_fetch(r, clients_sign);
	for (unsigned i = 0; i < c->nentries; i++)
		if (c->entries[i].ike.auth != IKE_AUTH_PSK)
			c->entries[i].ike.credentials = r->draft.file->credentials;
}

static void pool_overlap_refuse(struct gateway_reader *r, unsigned n)
{
	const struct pool_range *all = r->draft.file->config.pool;
	char lo[ADDR_TEXT_MAX], hi[ADDR_TEXT_MAX];

	for (unsigned i = 0; i < n; i++)
		if (all[i].lo.family == all[n].lo.family && addr_cmp(&all[i].lo, &all[n].hi) <= 0 &&
		    addr_cmp(&all[n].lo, &all[i].hi) <= 0)
			gateway_complain(
				r, 0, "[pool] addresses: %s to %s is in another range there, too",
				addr_text(&all[n].lo, lo), addr_text(&all[n].hi, hi));
}

/* The first address of each family is our own. */
static void pool_check(struct gateway_reader *r)
{
	const struct gateway_config *c = &r->draft.file->config;

	for (unsigned i = 0; i < c->npool; i++) {
		const struct pool_range *p = &c->pool[i];
		bool alone = true;

		pool_overlap_refuse(r, i);
		for (unsigned k = 0; k < c->npool; k++)
			alone &= k == i || c->pool[k].lo.family != p->lo.family;
		if (alone && addr_eq(&p->lo, &p->hi))
			gateway_complain(r, 0,
					 "[pool] has one address of this family, and it is the "
					 "gateway's own: there is none for clients");
	}
}

/* ---- servers ---- */

static bool prefix_within(const struct prefix *p, const struct prefix *network)
{
	struct addr lo, hi;

	prefix_range(p, &lo, &hi);
	return prefix_contains(network, &lo) && prefix_contains(network, &hi);
}

static bool is_behind(const struct gateway_config *c, const struct prefix *p)
{
	for (unsigned i = 0; i < c->nnetworks; i++)
		if (prefix_within(p, &c->networks[i]))
			return true;
	return false;
}

static bool meets_pool(const struct gateway_config *c, const struct prefix *p)
{
	struct addr lo, hi;

	prefix_range(p, &lo, &hi);
	for (unsigned i = 0; i < c->npool; i++)
		if (addr_cmp(&c->pool[i].lo, &hi) <= 0 && addr_cmp(&lo, &c->pool[i].hi) <= 0)
			return true;
	return false;
}

static bool same_network(const struct prefix *a, const struct prefix *b)
{
	return a->len == b->len && prefix_contains(a, &b->addr);
}

static void twins_refuse(struct gateway_reader *r, unsigned n)
{
	const struct gateway_server *all = r->draft.file->servers;

	for (unsigned i = 0; i < n; i++)
		if (same_network(&all[i].service, &all[n].service) &&
		    addr_eq(&all[i].address, &all[n].address))
			gateway_complain(r, 0,
					 "[server %s] and [server %s] have the same service and "
					 "address: leave one out",
					 all[i].name, all[n].name);
}

static void server_settle(struct gateway_reader *r, unsigned n)
{
	const struct gateway_config *c = &r->draft.file->config;
	const struct gateway_server *s = &r->draft.file->servers[n];
	const struct prefix address = { s->address, (uint8_t)(8 * family_size(s->address.family)) };
	char service[PREFIX_TEXT_MAX];

	if (!s->service.addr.family || !s->address.family)
		gateway_complain(r, 0, "[server %s] has no %s", s->name,
				 s->address.family ? "service" : "address");
	else if (s->service.addr.family != s->address.family)
		gateway_complain(r, 0,
				 "[server %s]: service and address must both be IPv4 or both IPv6",
				 s->name);
	else if (addr_is_in(c->own, c->nown, &s->address))
		gateway_complain(r, 0,
				 "[server %s]: address is in [gateway] listen: it must be another "
				 "host's",
				 s->name);
	else if (meets_pool(c, &s->service) || meets_pool(c, &address))
		gateway_complain(r, 0,
				 "[server %s]: %s lies in [pool] addresses, and those are clients'",
				 s->name, meets_pool(c, &address) ? "address" : "service");
	else if (!is_behind(c, &s->service))
		gateway_complain(r, 0,
				 "[server %s]: service %s is not in [networks] behind, so that "
				 "clients would not send to it; add it there",
				 s->name, prefix_text(&s->service, service));
	else
		twins_refuse(r, n);
}

void gateway_settle(struct gateway_reader *r)
{
	struct gateway_config *c = &r->draft.file->config;

	if (c->nentries == 0)
		gateway_complain(r, 0, "there is no [auth NAME]: nobody could come");
	if (c->nnetworks == 0)
		gateway_complain(r, 0, "[networks] behind is missing: there is nothing to reach");
	if (c->half_open_source_max > c->half_open_max)
		c->half_open_source_max = c->half_open_max;
	c->exchanges_burst = c->exchanges_per_s + c->exchanges_per_s / 2;
	c->exchanges_source_per_s = c->exchanges_per_s / 4;
	c->exchanges_source_burst = c->exchanges_per_s + c->exchanges_per_s / 4;
	weak_refuse(r);
	pool_check(r);
	for (unsigned i = 0; i < r->draft.file->nservers; i++)
		server_settle(r, i);
	if (r->errors == 0)
		entries_settle(r);
}
