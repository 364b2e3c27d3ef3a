/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/hooks.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define VAR_TEXT_MAX ((size_t)192 << 10)
#define VARS_OF_SPLIT 6
#define VARS_MAX (64 + 2 * VARS_OF_SPLIT * HOOKS_SPLITS_MAX)
#define MTU_MAX 65535
#define NAME_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."

const char *hooks_reason_name(enum hooks_reason reason)
{
	switch (reason) {
	case HOOKS_PRE_INIT:
		return "pre-init";
	case HOOKS_CONNECT:
		return "connect";
	case HOOKS_DISCONNECT:
		return "disconnect";
	case HOOKS_ATTEMPT_RECONNECT:
		return "attempt-reconnect";
	case HOOKS_RECONNECT:
		return "reconnect";
	case HOOKS_REASONS:
		break;
	}
	return "?";
}

/* ---- what may stand in a variable ---- */

/*
 * A script may hand it to a program as a word, or make a part of a path of it: it must look like no
 * option and like no way out of a directory.
 */
static bool name_ok(const char *s, size_t size)
{
	size_t n = strnlen(s, size);

	return n > 0 && n < size && s[0] != '-' && s[0] != '.' && strspn(s, NAME_CHARS) == n;
}

/*
 * What is printable, and newlines, but for what is special to a shell between double quotes, where
 * scripts put it, and to its echo.
 */
static bool banner_char_ok(char c)
{
	return c == '\n' || (c >= ' ' && c <= '~' && !strchr("\"$`\\", c));
}

static bool banner_ok(const char *s, size_t size)
{
	size_t n = strnlen(s, size);

	for (size_t i = 0; i < n; i++)
		if (!banner_char_ok(s[i]))
			return false;
	return n < size;
}

static bool family_ok(const struct addr *a)
{
	return a->family == FAMILY_IP4 || a->family == FAMILY_IP6;
}

/* An address of this family that a host may have, or none. */
static bool inner_ok(const struct addr *a, enum family family, unsigned len)
{
	if (a->family == FAMILY_NONE)
		return true;
	return a->family == family && len <= family_size(family) * 8 && addr_is_host(a);
}

static bool servers_ok(const struct addr *list, uint32_t n)
{
	if (n > IKE_DNS_MAX)
		return false;
	for (uint32_t i = 0; i < n; i++)
		if (!family_ok(&list[i]) || !addr_is_host(&list[i]))
			return false;
	return true;
}

static bool splits_ok(const struct ike_split *list, uint32_t n)
{
	if (n > HOOKS_SPLITS_MAX)
		return false;
	for (uint32_t i = 0; i < n; i++)
		if (!family_ok(&list[i].prefix.addr) ||
		    list[i].prefix.len > family_size(list[i].prefix.addr.family) * 8)
			return false;
	return true;
}

int hooks_env_check(const struct hooks_env *env)
{
	bool good = name_ok(env->device, sizeof(env->device)) &&
		    (family_ok(&env->gateway) && !addr_is_unspecified(&env->gateway)) &&
		    inner_ok(&env->ip4, FAMILY_IP4, env->ip4_len) &&
		    inner_ok(&env->ip6, FAMILY_IP6, env->ip6_len) && env->mtu <= MTU_MAX &&
		    servers_ok(env->dns, env->ndns) && servers_ok(env->nbns, env->nnbns) &&
		    (!env->domain[0] || name_ok(env->domain, sizeof(env->domain))) &&
		    banner_ok(env->banner, sizeof(env->banner)) &&
		    env->nsplit_dns <= IKE_SPLIT_DNS_MAX &&
		    splits_ok(env->include, env->ninclude) &&
		    splits_ok(env->exclude, env->nexclude);

	for (uint32_t i = 0; good && i < env->nsplit_dns; i++)
		good = name_ok(env->split_dns[i], sizeof(env->split_dns[i]));
	return good ? 0 : ERR_MALFORMED;
}

/* ---- made from the session's effect ---- */

static void make_banner(const char *from, char out[IKE_BANNER_MAX])
{
	size_t n = 0;

	for (; from[n] && n < IKE_BANNER_MAX - 1; n++) {
		if (banner_char_ok(from[n]))
			out[n] = from[n];
		else if (from[n] == '"' || from[n] == '`')
			out[n] = '\'';
		else
			out[n] = from[n] == '\\' ? '/' : from[n] == '\t' ? ' ' : '?';
	}
	out[n] = '\0';
}

static uint32_t make_servers(const struct addr *from, unsigned n, struct addr out[IKE_DNS_MAX])
{
	uint32_t kept = 0;

	for (unsigned i = 0; i < n && kept < IKE_DNS_MAX; i++)
		if (family_ok(&from[i]) && addr_is_host(&from[i]))
			out[kept++] = from[i];
	return kept;
}

/* What the gateway said about this network besides: protocol and ports. */
static struct ike_split make_split(const struct prefix *p, const struct ike_split *said,
				   unsigned nsaid)
{
	for (unsigned i = 0; i < nsaid; i++)
		if (said[i].prefix.len == p->len && addr_eq(&said[i].prefix.addr, &p->addr))
			return said[i];
	return (struct ike_split){ .prefix = *p };
}

static uint32_t make_splits(const struct prefix *from, unsigned n, const struct ike_split *said,
			    unsigned nsaid, struct ike_split out[HOOKS_SPLITS_MAX])
{
	uint32_t kept = 0;

	for (unsigned i = 0; i < n && kept < HOOKS_SPLITS_MAX; i++)
		if (family_ok(&from[i].addr))
			out[kept++] = make_split(&from[i], said, nsaid);
	return kept;
}

static bool is_everything(const struct ike_split *list, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (list[i].prefix.len != 0)
			return false;
	return true;
}

static void make_assigned(const struct ike_assigned *a, struct hooks_env *out)
{
	if (addr_eq(&out->ip4, &a->ip4) && a->ip4_len <= 32)
		out->ip4_len = a->ip4_len;
	if (addr_eq(&out->ip6, &a->ip6) && a->ip6_len <= 128)
		out->ip6_len = a->ip6_len;
	out->ndns = make_servers(a->dns, a->ndns, out->dns);
	out->nnbns = make_servers(a->nbns, a->nnbns, out->nbns);
	if (name_ok(a->domain, sizeof(a->domain)))
		memcpy(out->domain, a->domain, strlen(a->domain));
	make_banner(a->banner, out->banner);
	for (unsigned i = 0; i < a->nsplit_dns && out->nsplit_dns < IKE_SPLIT_DNS_MAX; i++)
		if (name_ok(a->split_dns[i], sizeof(a->split_dns[i])))
			memcpy(out->split_dns[out->nsplit_dns++], a->split_dns[i],
			       strlen(a->split_dns[i]));
}

/* The gateway's own list as it stands, unless the configuration knows better. */
static void make_networks(const struct session_config *config, const struct session_effect *fx,
			  struct hooks_env *out)
{
	static const struct ike_assigned nothing;
	const struct ike_assigned *a = fx->tun.assigned ? fx->tun.assigned : &nothing;

	if (config->nremotes == 0 && a->ninclude) {
		out->ninclude = a->ninclude;
		memcpy(out->include, a->include, a->ninclude * sizeof(a->include[0]));
	} else {
		out->ninclude = make_splits(fx->tun.routes, fx->tun.nroutes, a->include,
					    a->ninclude, out->include);
		/* That is said by no list at all. */
		if (is_everything(out->include, out->ninclude))
			out->ninclude = 0;
	}
	out->nexclude = make_splits(fx->tun.excludes, fx->tun.nexcludes, a->exclude, a->nexclude,
				    out->exclude);
}

void hooks_env_make(const struct session_config *config, const char *device,
		    const struct session_effect *fx, struct hooks_env *out)
{
	memset(out, 0, sizeof(*out));
	snprintf(out->device, sizeof(out->device), "%s", device);
	out->gateway = fx->tun.path.remote.addr;
	out->mtu = fx->tun.mtu;
	for (unsigned i = 0; i < fx->tun.ninner; i++) {
		const struct addr *a = &fx->tun.inner[i];

		if (!addr_is_host(a))
			continue;
		if (a->family == FAMILY_IP4 && out->ip4.family == FAMILY_NONE) {
			out->ip4 = *a;
			out->ip4_len = 32;
		} else if (a->family == FAMILY_IP6 && out->ip6.family == FAMILY_NONE) {
			out->ip6 = *a;
			out->ip6_len = 128;
		}
	}
	if (fx->tun.assigned)
		make_assigned(fx->tun.assigned, out);
	make_networks(config, fx, out);
}

/* ---- the environment ---- */

/* There is room: VARS_MAX and VAR_TEXT_MAX are for the largest struct hooks_env there is. */
__attribute__((format(printf, 2, 3))) static void add(struct hooks_vars *v, const char *format, ...)
{
	size_t room = VAR_TEXT_MAX - v->used;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(v->text + v->used, room, format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= room || v->n + 1 >= VARS_MAX)
		abort();
	v->vars[v->n++] = v->text + v->used;
	v->used += (size_t)n + 1;
}

static const char *mask_text(unsigned len, char buf[ADDR_TEXT_MAX])
{
	struct addr mask = { .family = FAMILY_IP4 };

	put_be32(mask.b, len ? UINT32_MAX << (32 - len) : 0);
	return addr_text(&mask, buf);
}

static const char *network_text(const struct prefix *p, char buf[ADDR_TEXT_MAX])
{
	struct addr lo, hi;

	prefix_range(p, &lo, &hi);
	return addr_text(&lo, buf);
}

static void add_servers(struct hooks_vars *v, const char *name, const struct addr *list, uint32_t n,
			enum family family)
{
	char text[IKE_DNS_MAX * ADDR_TEXT_MAX], buf[ADDR_TEXT_MAX];
	size_t used = 0;

	for (uint32_t i = 0; i < n; i++)
		if (list[i].family == family)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s",
						 used ? " " : "", addr_text(&list[i], buf));
	if (used)
		add(v, "%s=%s", name, text);
}

static void add_ip4(struct hooks_vars *v, const struct hooks_env *env)
{
	struct prefix net = { env->ip4, env->ip4_len };
	char buf[ADDR_TEXT_MAX];

	if (env->ip4.family == FAMILY_NONE)
		return;
	add(v, "INTERNAL_IP4_ADDRESS=%s", addr_text(&env->ip4, buf));
	if (env->ip4_len == 32)
		return;
	add(v, "INTERNAL_IP4_NETMASK=%s", mask_text(env->ip4_len, buf));
	add(v, "INTERNAL_IP4_NETMASKLEN=%u", env->ip4_len);
	add(v, "INTERNAL_IP4_NETADDR=%s", network_text(&net, buf));
}

static void add_ip6(struct hooks_vars *v, const struct hooks_env *env)
{
	char buf[ADDR_TEXT_MAX];

	if (env->ip6.family == FAMILY_NONE)
		return;
	add(v, "INTERNAL_IP6_ADDRESS=%s", addr_text(&env->ip6, buf));
	add(v, "INTERNAL_IP6_NETMASK=%s/%u", addr_text(&env->ip6, buf), env->ip6_len);
}

static void add_split4(struct hooks_vars *v, const char *list, unsigned i,
		       const struct ike_split *s)
{
	char buf[ADDR_TEXT_MAX];

	add(v, "CISCO_%s_%u_ADDR=%s", list, i, network_text(&s->prefix, buf));
	add(v, "CISCO_%s_%u_MASK=%s", list, i, mask_text(s->prefix.len, buf));
	add(v, "CISCO_%s_%u_MASKLEN=%u", list, i, s->prefix.len);
	add(v, "CISCO_%s_%u_PROTOCOL=%u", list, i, s->proto);
	add(v, "CISCO_%s_%u_SPORT=%u", list, i, s->sport);
	add(v, "CISCO_%s_%u_DPORT=%u", list, i, s->dport);
}

static void add_split6(struct hooks_vars *v, const char *list, unsigned i,
		       const struct ike_split *s)
{
	char buf[ADDR_TEXT_MAX];

	add(v, "CISCO_IPV6_%s_%u_ADDR=%s", list, i, network_text(&s->prefix, buf));
	add(v, "CISCO_IPV6_%s_%u_MASKLEN=%u", list, i, s->prefix.len);
}

static void add_splits(struct hooks_vars *v, const char *list, const struct ike_split *splits,
		       uint32_t n)
{
	unsigned n4 = 0, n6 = 0;

	for (uint32_t i = 0; i < n; i++) {
		if (splits[i].prefix.addr.family == FAMILY_IP4)
			add_split4(v, list, n4++, &splits[i]);
		else
			add_split6(v, list, n6++, &splits[i]);
	}
	if (n4)
		add(v, "CISCO_%s=%u", list, n4);
	if (n6)
		add(v, "CISCO_IPV6_%s=%u", list, n6);
}

static void add_split_dns(struct hooks_vars *v, const struct hooks_env *env)
{
	char text[IKE_SPLIT_DNS_MAX * (IKE_NAME_MAX + 1)] = "";
	size_t used = 0;

	for (uint32_t i = 0; i < env->nsplit_dns; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", used ? "," : "",
					 env->split_dns[i]);
	if (used)
		add(v, "CISCO_SPLIT_DNS=%s", text);
}

static void add_env(struct hooks_vars *v, const struct hooks_env *env)
{
	char buf[ADDR_TEXT_MAX];

	add(v, "TUNDEV=%s", env->device);
	if (env->gateway.family == FAMILY_NONE)
		return;
	add(v, "VPNGATEWAY=%s", addr_text(&env->gateway, buf));
	add_ip4(v, env);
	add_ip6(v, env);
	if (env->mtu)
		add(v, "INTERNAL_IP4_MTU=%" PRIu32, env->mtu);
	add_servers(v, "INTERNAL_IP4_DNS", env->dns, env->ndns, FAMILY_IP4);
	add_servers(v, "INTERNAL_IP6_DNS", env->dns, env->ndns, FAMILY_IP6);
	add_servers(v, "INTERNAL_IP4_NBNS", env->nbns, env->nnbns, FAMILY_IP4);
	if (env->domain[0])
		add(v, "CISCO_DEF_DOMAIN=%s", env->domain);
	if (env->banner[0])
		add(v, "CISCO_BANNER=%s", env->banner);
	add_split_dns(v, env);
	add_splits(v, "SPLIT_INC", env->include, env->ninclude);
	add_splits(v, "SPLIT_EXC", env->exclude, env->nexclude);
}

void hooks_vars_make(const struct hooks_env *env, enum hooks_reason reason, pid_t owner,
		     unsigned log_level, struct hooks_vars *out)
{
	*out = (struct hooks_vars){ .vars = xcalloc(VARS_MAX, sizeof(char *)),
				    .text = xcalloc(1, VAR_TEXT_MAX) };
	add(out, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	add(out, "reason=%s", hooks_reason_name(reason));
	add(out, "VPNPID=%d", (int)owner);
	add(out, "LOG_LEVEL=%u", log_level);
	if (env->device[0])
		add_env(out, env);
}

void hooks_vars_free(struct hooks_vars *v)
{
	free(v->vars);
	free(v->text);
	*v = (struct hooks_vars){ 0 };
}
