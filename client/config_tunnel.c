/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/config_impl.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

/* ---- prefixes ---- */

static bool overlap(const struct prefix *a, const struct prefix *b)
{
	return prefix_contains(a, &b->addr) || prefix_contains(b, &a->addr);
}

static struct prefix network_of(const struct prefix *p)
{
	struct prefix network = *p;
	struct addr hi;

	prefix_range(p, &network.addr, &hi);
	return network;
}

/* Slips in a list of prefixes, which is that of this key; `ordered`: what comes first counts. */
static void check_prefixes(struct config_reader *r, const char *key,
			   const struct config_prefixes *prefixes, bool ordered)
{
	char text[PREFIX_TEXT_MAX], other[PREFIX_TEXT_MAX];

	for (unsigned i = 0; i < prefixes->n; i++) {
		const struct config_prefix *list = prefixes->list;
		const struct prefix *a = &list[i].prefix;
		struct config_place at = config_value_place(r, "tunnel", key, list[i].at);
		struct prefix network = network_of(a);

		prefix_text(a, text);
		if (!addr_eq(&network.addr, &a->addr))
			config_warn(r, at, "[tunnel] %s = %s is taken as %s", key, text,
				    prefix_text(&network, other));
		for (unsigned j = 0; j < i; j++) {
			const struct prefix *b = &list[j].prefix;

			if (!overlap(a, b))
				continue;
			prefix_text(b, other);
			if (a->len == b->len)
				config_complain(r, at, "[tunnel] %s = %s is named twice", key,
						text);
			else if (ordered)
				config_warn(
					r, at,
					"[tunnel] %s = %s overlaps %s, which comes first and takes what "
					"both cover",
					key, text, other);
		}
	}
}

/* ---- fixed addresses: each pair of prefixes is a tunnel ---- */

static bool has_inner(const struct session_config *s, enum family family)
{
	for (unsigned i = 0; i < s->ninner; i++) {
		if (s->inner[i].family == family)
			return true;
	}
	return false;
}

/* Without [tunnel] local our inner addresses are our side; else each must be of use to us. */
static void settle_local(struct config_reader *r)
{
	struct config_draft *d = &r->draft;
	const struct session_config *s = &d->config->session;
	char text[PREFIX_TEXT_MAX];

	for (unsigned i = 0; i < d->local.n; i++) {
		const struct prefix *prefix = &d->local.list[i].prefix;
		bool inside = false;

		for (unsigned j = 0; j < s->ninner; j++)
			inside |= prefix_contains(prefix, &s->inner[j]);
		if (!has_inner(s, prefix->addr.family))
			config_complain(
				r, config_value_place(r, "tunnel", "local", d->local.list[i].at),
				"[tunnel] local = %s: we have no IPv%d address in the tunnel; add one to "
				"[tunnel] address",
				prefix_text(prefix, text), (int)prefix->addr.family);
		else if (!inside)
			config_warn(
				r, config_value_place(r, "tunnel", "local", d->local.list[i].at),
				"[tunnel] local = %s has no address of [tunnel] address in it: what this "
				"host itself sends does not fit",
				prefix_text(prefix, text));
	}
	if (d->local.n)
		return;
	for (unsigned i = 0; i < s->ninner; i++) {
		d->local.list[i].prefix.addr = s->inner[i];
		d->local.list[i].prefix.len = (uint8_t)(8 * family_size(s->inner[i].family));
	}
	d->local.n = s->ninner;
}

/* Adds the pairs of this remote prefix. False when there is no room. */
static bool add_tunnels(struct config_reader *r, const struct config_prefix *remote)
{
	const struct config_draft *d = &r->draft;
	struct session_config *s = &d->config->session;
	struct config_place at = config_value_place(r, "tunnel", "remote", remote->at);
	enum family family = remote->prefix.addr.family;
	char text[PREFIX_TEXT_MAX];
	bool any = false;

	for (unsigned i = 0; i < d->local.n; i++) {
		if (d->local.list[i].prefix.addr.family != family)
			continue;
		any = true;
		if (s->ntunnels == SESSION_TUNNELS_MAX) {
			config_complain(r, at, "more than %d pairs of a local and a remote prefix",
					SESSION_TUNNELS_MAX);
			return false;
		}
		s->tunnels[s->ntunnels].local = ts_from_prefix(&d->local.list[i].prefix);
		s->tunnels[s->ntunnels].remote = ts_from_prefix(&remote->prefix);
		s->ntunnels++;
	}
	if (!any)
		config_complain(
			r, at,
			"[tunnel] remote = %s: our side has no IPv%d; add an IPv%d address to [tunnel] "
			"%s",
			prefix_text(&remote->prefix, text), (int)family, (int)family,
			config_is_set(r, "tunnel", "local") ? "address and local" : "address");
	return true;
}

static void settle_fixed(struct config_reader *r)
{
	const struct config_draft *d = &r->draft;
	const struct session_config *s = &d->config->session;

	if (!d->remote.n)
		config_complain(
			r, config_value_place(r, "tunnel", "remote", 0),
			"[tunnel] remote is missing: with an address of our own the gateway "
			"does not say what is behind it; expected prefixes such as "
			"10.99.0.0/24, separated by commas");
	settle_local(r);
	for (unsigned i = 0; i < d->remote.n; i++) {
		if (!add_tunnels(r, &d->remote.list[i]))
			break;
	}
	if (s->mtu != 0 && s->mtu < 1280 && has_inner(s, FAMILY_IP6))
		config_complain(r, config_value_place(r, "tunnel", "mtu", 0),
				"[tunnel] mtu = %u: IPv6 in the tunnel needs at least 1280",
				s->mtu);
}

/* ---- addresses from the gateway ---- */

static bool has_family(const struct config_prefixes *prefixes, enum family family)
{
	for (unsigned i = 0; i < prefixes->n; i++) {
		if (prefixes->list[i].prefix.addr.family == family)
			return true;
	}
	return false;
}

static unsigned copy_prefixes(const struct config_prefixes *from, struct prefix *to)
{
	for (unsigned i = 0; i < from->n; i++)
		to[i] = network_of(&from->list[i].prefix);
	return from->n;
}

/* Where both sides have prefixes, they must make pairs, and not too many. */
static void check_pairs(struct config_reader *r)
{
	const struct config_draft *d = &r->draft;
	unsigned pairs = 0;
	char text[PREFIX_TEXT_MAX];

	for (unsigned i = 0; d->local.n && i < d->remote.n; i++) {
		const struct config_prefix *remote = &d->remote.list[i];
		enum family family = remote->prefix.addr.family;

		for (unsigned j = 0; j < d->local.n; j++)
			pairs += d->local.list[j].prefix.addr.family == family;
		if (!has_family(&d->local, family))
			config_complain(r, config_value_place(r, "tunnel", "remote", remote->at),
					"[tunnel] remote = %s: our side has no IPv%d; add an IPv%d "
					"prefix to [tunnel] local",
					prefix_text(&remote->prefix, text), (int)family,
					(int)family);
	}
	if (pairs > SESSION_TUNNELS_MAX)
		config_complain(r, config_value_place(r, "tunnel", "remote", 0),
				"more than %d pairs of a local and a remote prefix",
				SESSION_TUNNELS_MAX);
}

static void settle_config(struct config_reader *r)
{
	const struct config_draft *d = &r->draft;
	struct session_config *s = &d->config->session;
	struct ike_config_wish *wish = &s->ike.wish;

	wish->pull = true;
	/* Cisco's gateways give none by these means, and some dislike to be asked. */
	wish->ip6 = s->ike.vendor != IKE_VENDOR_CISCO || has_family(&d->remote, FAMILY_IP6) ||
		    has_family(&d->local, FAMILY_IP6);
	if (wish->ip6 && s->mtu != 0 && s->mtu < 1280) {
		wish->ip6 = false;
		config_warn(
			r, config_value_place(r, "tunnel", "mtu", 0),
			"[tunnel] mtu = %u: the gateway is not asked for an IPv6 address, which "
			"needs at least 1280",
			s->mtu);
	}
	if (gethostname(wish->hostname, sizeof(wish->hostname)) != 0)
		wish->hostname[0] = '\0';
	wish->hostname[sizeof(wish->hostname) - 1] = '\0';
	check_pairs(r);
	s->nremotes = copy_prefixes(&d->remote, s->remotes);
	s->nlocals = copy_prefixes(&d->local, s->locals);
}

/* ---- what stays out of it ---- */

static bool covers(const struct prefix *outer, const struct prefix *inner)
{
	return outer->len <= inner->len && prefix_contains(outer, &inner->addr);
}

/* An exclusion that cuts nothing out, or all of something, is a slip. */
static void check_exclude(struct config_reader *r, const struct config_prefix *exclude)
{
	const struct config_prefixes *remote = &r->draft.remote;
	struct config_place at = config_value_place(r, "tunnel", "exclude", exclude->at);
	char text[PREFIX_TEXT_MAX], other[PREFIX_TEXT_MAX];
	bool any = remote->n == 0;

	prefix_text(&exclude->prefix, text);
	for (unsigned i = 0; i < remote->n; i++) {
		any |= overlap(&exclude->prefix, &remote->list[i].prefix);
		if (covers(&exclude->prefix, &remote->list[i].prefix))
			config_warn(r, at,
				    "[tunnel] exclude = %s takes all of %s out of the tunnel", text,
				    prefix_text(&remote->list[i].prefix, other));
	}
	if (!any)
		config_warn(
			r, at,
			"[tunnel] exclude = %s changes nothing: no prefix of [tunnel] remote has "
			"any of it",
			text);
}

static void settle_excludes(struct config_reader *r)
{
	const struct config_draft *d = &r->draft;
	struct session_config *s = &d->config->session;

	check_prefixes(r, "exclude", &d->exclude, false);
	for (unsigned i = 0; i < d->exclude.n; i++)
		check_exclude(r, &d->exclude.list[i]);
	s->nexcludes = copy_prefixes(&d->exclude, s->excludes);
}

/* ---- the script ---- */

/* It runs with our privileges: who could change it must have them anyway. */
static void check_script(struct config_reader *r, const char *path)
{
	struct config_place at = config_value_place(r, "hooks", "script", 0);
	struct stat st;

	if (stat(path, &st) != 0)
		config_complain(r, at, "[hooks] script: %s: %s", path, strerror(errno));
	else if (!S_ISREG(st.st_mode) || !(st.st_mode & 0111))
		config_complain(
			r, at,
			"[hooks] script: %s is not a program; if it is one, run: chmod +x %s", path,
			path);
	else if (st.st_mode & 022)
		config_complain(
			r, at,
			"[hooks] script: others can change %s (mode %04o); run: chmod go-w %s",
			path, (unsigned)st.st_mode & 07777, path);
	else if (st.st_uid != 0 && st.st_uid != geteuid())
		config_complain(
			r, at,
			"[hooks] script: %s is uid %u's and would run as uid %u; run: chown "
			"%u %s",
			path, (unsigned)st.st_uid, (unsigned)geteuid(), (unsigned)geteuid(), path);
}

/* A program alone may be beside the file. In the background the working directory is another one. */
static char *script_program(struct config_reader *r, const char *name)
{
	char *path = config_beside(r, "hooks", "script", name);
	char *whole = r->source->fetch ? realpath(path, NULL) : NULL;

	if (r->source->fetch)
		check_script(r, whole ? whole : path);
	if (!whole)
		return path;
	free(path);
	return whole;
}

/* With words behind it it is a command, whose program is known where it is named by its path. */
static char *script_command(struct config_reader *r, const char *text)
{
	size_t n = strcspn(text, " \t");
	char *program;

	if (!text[n])
		return script_program(r, text);
	program = xcalloc(n + 1, 1);
	memcpy(program, text, n);
	if (program[0] != '/' && strchr(program, '/'))
		config_complain(
			r, config_value_place(r, "hooks", "script", 0),
			"[hooks] script: a program with arguments is known by its whole path, "
			"beginning with /, or by a name that is in the PATH");
	else if (r->source->fetch && program[0] == '/')
		check_script(r, program);
	free(program);
	return xstrdup(text);
}

/* The one that everybody has. What it sets beside us would stand in our way. */
static bool is_vpnc_script(const char *command)
{
	size_t n = strcspn(command, " \t");
	size_t name = n;

	while (name > 0 && command[name - 1] != '/')
		name--;
	return slice_eq(slice(command + name, n - name), SLICE_STR("vpnc-script"));
}

/* Own servers, or domains for them, are of no use to nobody. */
static void settle_dns(struct config_reader *r)
{
	static const char *const keys[] = { "servers", "domains", "default-route", NULL };
	const struct config_draft *d = &r->draft;
	struct session_config *s = &d->config->session;
	struct dns_config *c = &d->config->dns;

	c->manage = (enum dns_wish)d->dns;
	c->default_route = (enum dns_default)d->default_route;
	s->reach_dns = c->manage != DNS_NONE;
	for (unsigned i = 0; i < c->nservers && s->ndns < IKE_DNS_MAX; i++)
		s->dns[s->ndns++] = c->servers[i];
	if (c->manage == DNS_NONE)
		config_refuse_keys(r, "dns", keys, "needs manage other than none");
	if (!s->address_config && c->servers_config && c->nservers == 0 &&
	    (c->manage == DNS_RESOLVED || c->manage == DNS_RESOLVCONF))
		config_warn(r, config_value_place(r, "dns", "manage", 0),
			    "[dns] manage: with an address of our own the gateway names no DNS "
			    "servers; set [dns] servers");
}

static void settle_script(struct config_reader *r)
{
	const struct config_draft *d = &r->draft;
	struct config *c = d->config;

	if (!d->script && d->routes == ROUTES_SCRIPT)
		config_complain(r, config_value_place(r, "tunnel", "routes", 0),
				"[tunnel] routes = script needs a script; set [hooks] script");
	if (!d->script && d->dns == DNS_SCRIPT)
		config_complain(r, config_value_place(r, "dns", "manage", 0),
				"[dns] manage = script needs a script; set [hooks] script");
	if (!d->script)
		return;
	if (is_vpnc_script(d->script) && d->routes == ROUTES_OWN)
		config_warn(
			r, config_value_place(r, "hooks", "script", 0),
			"[hooks] script: vpnc-script sets addresses and routes itself; set [tunnel] "
			"routes = script");
	c->script = script_command(r, d->script);
	c->routes_by_script = d->routes == ROUTES_SCRIPT;
}

void config_settle_tunnel(struct config_reader *r)
{
	const struct config_draft *d = &r->draft;

	check_prefixes(r, "local", &d->local, true);
	check_prefixes(r, "remote", &d->remote, true);
	if (d->config->session.address_config)
		settle_config(r);
	else
		settle_fixed(r);
	settle_excludes(r);
	settle_script(r);
	settle_dns(r);
	d->config->offload = (enum offload_wish)d->offload;
	d->config->select = (enum dispatch_select)d->select;
}
