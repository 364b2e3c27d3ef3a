/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/option_values.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "client/psk.h"

/* ---- refusing ---- */

/* What a person sees of a value: printable, and not too much of it. */
static void echo(char out[OPTION_ECHO_MAX], const char *text)
{
	size_t n = strlen(text);
	size_t shown = n < OPTION_ECHO_MAX ? n : OPTION_ECHO_MAX - 4;

	for (size_t i = 0; i < shown; i++)
		out[i] = (char)(isprint((unsigned char)text[i]) ? text[i] : '?');
	strcpy(out + shown, shown < n ? "..." : "");
}

bool option_refuse(struct option_value *v, size_t at, const char *item, const char *format, ...)
{
	va_list args;

	v->at = at;
	echo(v->item, item);
	va_start(args, format);
	vsnprintf(v->why, sizeof(v->why), format, args);
	va_end(args);
	return false;
}

bool option_refuse_all(const struct option *o, struct option_value *v)
{
	return option_refuse(v, 0, v->text, "expected %s", o->expect);
}

/* ---- what is taken as it is ---- */

static void *draft_field(struct config_draft *d, const struct option *o)
{
	return (char *)d + o->field;
}

bool value_text(struct config_draft *d, const struct option *o, struct option_value *v)
{
	const char **field = draft_field(d, o);

	if (o->max && strlen(v->text) > o->max)
		return option_refuse_all(o, v);
	*field = v->text;
	return true;
}

bool value_flag(struct config_draft *d, const struct option *o, struct option_value *v)
{
	bool *field = draft_field(d, o);

	*field = strcmp(v->text, "yes") == 0;
	return true;
}

bool value_word(struct config_draft *d, const struct option *o, struct option_value *v)
{
	unsigned *field = draft_field(d, o);

	for (*field = 0; strcmp(o->words[*field].word, v->text) != 0;)
		++*field;
	return true;
}

/* ---- lists ---- */

bool option_list_next(struct option_list *l)
{
	size_t n;

	if (l->next > strlen(l->text))
		return false;
	l->at = l->next + strspn(l->text + l->next, " \t");
	n = strcspn(l->text + l->at, ",");
	l->next = l->at + n + 1;
	while (n > 0 && (l->text[l->at + n - 1] == ' ' || l->text[l->at + n - 1] == '\t'))
		n--;
	if (n > OPTION_ITEM_MAX)
		n = OPTION_ITEM_MAX;
	memcpy(l->item, l->text + l->at, n);
	l->item[n] = '\0';
	return true;
}

/* As option_list_next; what a router's configuration has behind commas stays with what it belongs to. */
static bool list_next_proposal(struct option_list *l)
{
	struct option_list more;
	size_t n;

	if (!option_list_next(l))
		return false;
	for (more = *l; option_list_next(&more) && ike_suite_continues(more.item); *l = more) {
		n = more.at + strlen(more.item) - l->at;
		if (n > OPTION_ITEM_MAX)
			return true;
		more.at = l->at;
		memcpy(more.item, l->text + l->at, n);
		more.item[n] = '\0';
	}
	return true;
}

bool option_list_room(const struct option_list *l, unsigned n, unsigned max, struct option_value *v)
{
	if (n < max)
		return true;
	return option_refuse(v, l->at, l->item, "one too many, there can be %u", max);
}

/* ---- numbers ---- */

size_t option_number_parse(const char *text, uint32_t *out)
{
	size_t n = strspn(text, "0123456789");

	if (n == 0 || n > 9)
		return 0;
	*out = (uint32_t)strtoul(text, NULL, 10);
	return n;
}

bool duration_parse(const char *text, uint32_t *seconds)
{
	static const struct {
		const char *unit;
		uint32_t seconds;
	} units[] = { { "", 1 }, { "s", 1 }, { "m", 60 }, { "h", 3600 }, { "d", 86400 } };
	size_t n = option_number_parse(text, seconds);

	if (n == 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (strcmp(text + n, units[i].unit) != 0)
			continue;
		if (*seconds > UINT32_MAX / units[i].seconds)
			return false;
		*seconds *= units[i].seconds;
		return true;
	}
	return false;
}

bool duration_parse_ms(const char *text, uint32_t *ms)
{
	uint32_t n = 0;
	size_t used = option_number_parse(text, &n);

	if (used && strcmp(text + used, "ms") == 0) {
		*ms = n;
		return true;
	}
	if (!duration_parse(text, &n) || n > UINT32_MAX / 1000)
		return false;
	*ms = n * 1000;
	return true;
}

const char *duration_text(uint32_t seconds, char buf[16])
{
	if (seconds == 0 || seconds % 60 != 0)
		snprintf(buf, 16, "%" PRIu32 "s", seconds);
	else if (seconds % 3600 != 0)
		snprintf(buf, 16, "%" PRIu32 "m", seconds / 60);
	else if (seconds % 86400 != 0)
		snprintf(buf, 16, "%" PRIu32 "h", seconds / 3600);
	else
		snprintf(buf, 16, "%" PRIu32 "d", seconds / 86400);
	return buf;
}

bool option_duration(const struct option *o, struct option_value *v, uint32_t *out)
{
	uint32_t seconds;

	if (!duration_parse(v->text, &seconds) || seconds < o->min || seconds > o->max)
		return option_refuse_all(o, v);
	*out = seconds;
	return true;
}

/* ---- [gateway] ---- */

bool option_is_host_name(const char *s)
{
	const char *last = strrchr(s, '.');

	if (strlen(s) > 253 || !isalnum((unsigned char)s[0]) || strstr(s, ".."))
		return false;
	if (s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")] !=
	    '\0')
		return false;
	last = last ? last + 1 : s;
	return last[0] == '\0' || last[strspn(last, "0123456789")] != '\0';
}

bool value_gateways(struct config_draft *d, const struct option *o, struct option_value *v)
{
	struct session_config *s = &d->config->session;
	struct option_list l = { .text = v->text };
	struct addr a;

	while (option_list_next(&l)) {
		bool is_addr = addr_parse(l.item, &a);

		if (!option_list_room(&l, s->ngateways, SESSION_GATEWAYS_MAX, v))
			return false;
		if (is_addr ? addr_is_unspecified(&a) : !option_is_host_name(l.item))
			return option_refuse(v, l.at, l.item, "expected %s", o->expect);
		d->config->storage[s->ngateways] = xstrdup(l.item);
		s->gateways[s->ngateways] = d->config->storage[s->ngateways];
		s->ngateways++;
	}
	return true;
}

static bool identity(const struct option *o, struct option_value *v, struct identity *out)
{
	return identity_parse(v->text, out) == 0 ? true : option_refuse_all(o, v);
}

bool value_peer(struct config_draft *d, const struct option *o, struct option_value *v)
{
	d->config->session.ike.remote_any = strcmp(v->text, "any") == 0;
	if (d->config->session.ike.remote_any)
		return true;
	return identity(o, v, &d->config->session.ike.remote);
}

static bool port(const struct option *o, struct option_value *v, uint16_t *out)
{
	uint32_t n = 0;
	size_t used = option_number_parse(v->text, &n);

	if (used == 0 || v->text[used] || n < o->min || n > o->max)
		return option_refuse_all(o, v);
	*out = (uint16_t)n;
	return true;
}

bool value_local_port(struct config_draft *d, const struct option *o, struct option_value *v)
{
	return port(o, v, &d->config->local_port);
}

bool value_workers(struct config_draft *d, const struct option *o, struct option_value *v)
{
	return option_count(o, v, "", &d->config->workers);
}

bool value_cisco_port(struct config_draft *d, const struct option *o, struct option_value *v)
{
	return port(o, v, &d->config->session.cisco_port);
}

bool value_local_address(struct config_draft *d, const struct option *o, struct option_value *v)
{
	struct addr a;

	if (!addr_parse(v->text, &a) || !addr_is_host(&a))
		return option_refuse_all(o, v);
	d->config->local_address = a;
	return true;
}

/* ---- [auth] ---- */

bool value_fd(struct config_draft *d, const struct option *o, struct option_value *v)
{
	return option_count(o, v, "", draft_field(d, o));
}

bool value_own(struct config_draft *d, const struct option *o, struct option_value *v)
{
	return identity(o, v, &d->config->session.ike.local);
}

bool value_psk(struct config_draft *d, const struct option *o, struct option_value *v)
{
	if (strlen(v->text) > PSK_MAX)
		return option_refuse_all(o, v);
	secret_free(&d->config->session.ike.psk);
	secret_set(&d->config->session.ike.psk, SLICE_STR(v->text));
	return true;
}

/* ---- [ike], [esp] ---- */

bool value_ike_proposals(struct config_draft *d, const struct option *o, struct option_value *v)
{
	struct ike_config *ike = &d->config->session.ike;
	struct option_list l = { .text = v->text };
	char why[IKE_WHY_MAX] = "";

	ike->nsuites = 0;
	while (list_next_proposal(&l)) {
		if (!option_list_room(&l, ike->nsuites, IKE_SUITES_MAX, v))
			return false;
		if (!l.item[0])
			return option_refuse(v, l.at, l.item, "expected %s", o->expect);
		if (ike_suite_parse(l.item, &ike->suites[ike->nsuites], why) != 0)
			return option_refuse(v, l.at, l.item, "%s", why);
		d->ike_at[ike->nsuites++] = l.at;
	}
	return true;
}

bool value_ike_lifetime(struct config_draft *d, const struct option *o, struct option_value *v)
{
	return option_duration(o, v, &d->config->session.ike.lifetime_s);
}

bool option_esp_proposals(const struct option *o, struct option_value *v,
			  struct ike_child_config *child, size_t *at, enum dh_group *proposed)
{
	struct option_list l = { .text = v->text };
	enum dh_group group = DH_NONE;
	char why[IKE_WHY_MAX] = "";

	child->nsuites = 0;
	while (option_list_next(&l)) {
		if (!option_list_room(&l, child->nsuites, IKE_SUITES_MAX, v))
			return false;
		if (!l.item[0])
			return option_refuse(v, l.at, l.item, "expected %s", o->expect);
		if (esp_suite_parse(l.item, &child->suites[child->nsuites], &group, why) != 0)
			return option_refuse(v, l.at, l.item, "%s", why);
		if (group != DH_NONE && *proposed != DH_NONE && group != *proposed)
			return option_refuse(
				v, l.at, l.item,
				"names another group than a proposal before it (%s); one "
				"negotiation has one group",
				dh_group_name(*proposed));
		if (group != DH_NONE)
			*proposed = group;
		at[child->nsuites++] = l.at;
	}
	return true;
}

bool value_esp_proposals(struct config_draft *d, const struct option *o, struct option_value *v)
{
	return option_esp_proposals(o, v, &d->config->session.child, d->esp_at, &d->proposed_group);
}

bool option_pfs(const struct option *o, struct option_value *v, enum pfs_wish *pfs,
		enum dh_group *group)
{
	char why[IKE_WHY_MAX] = "";
	int err;

	if (strcmp(v->text, "yes") == 0) {
		*pfs = PFS_AS_PROPOSED;
		return true;
	}
	if (strcmp(v->text, "no") == 0 || strcmp(v->text, "nopfs") == 0) {
		*pfs = PFS_NONE;
		return true;
	}
	if (strcmp(v->text, "server") == 0) {
		*pfs = PFS_SERVER;
		return true;
	}
	*pfs = PFS_GROUP;
	err = dh_group_parse(v->text, group, why);
	if (err == ERR_UNSUPPORTED)
		return option_refuse(v, 0, v->text, "%s", why);
	return err == 0 ? true : option_refuse_all(o, v);
}

bool value_pfs(struct config_draft *d, const struct option *o, struct option_value *v)
{
	return option_pfs(o, v, &d->pfs, &d->pfs_group);
}

bool value_keylife(struct config_draft *d, const struct option *o, struct option_value *v)
{
	return option_duration(o, v, &d->config->session.child.keylife_s);
}

/* A duration that the session counts in its own unit. */
static bool session_time(const struct option *o, struct option_value *v, vtime *out)
{
	uint32_t seconds = 0;

	if (!option_duration(o, v, &seconds))
		return false;
	*out = seconds * VTIME_S;
	return true;
}

bool value_dpd(struct config_draft *d, const struct option *o, struct option_value *v)
{
	d->config->session.dpd = 0;
	return strcmp(v->text, "0") == 0 || session_time(o, v, &d->config->session.dpd);
}

bool value_rekeymargin(struct config_draft *d, const struct option *o, struct option_value *v)
{
	return session_time(o, v, &d->config->session.rekeymargin);
}

bool option_count(const struct option *o, struct option_value *v, const char *unit, unsigned *out)
{
	uint32_t n = 0;
	size_t used = option_number_parse(v->text, &n);

	if (used == 0 || strcmp(v->text + used, unit) != 0 || n < o->min || n > o->max)
		return option_refuse_all(o, v);
	*out = n;
	return true;
}

bool value_rekeyfuzz(struct config_draft *d, const struct option *o, struct option_value *v)
{
	return option_count(o, v, "%", &d->config->session.rekeyfuzz);
}

/* ---- [tunnel] ---- */

bool value_device(struct config_draft *d, const struct option *o, struct option_value *v)
{
	size_t n = strlen(v->text);

	if (n > CONFIG_DEVICE_MAX || strcmp(v->text, ".") == 0 || strcmp(v->text, "..") == 0)
		return option_refuse_all(o, v);
	for (size_t i = 0; i < n; i++) {
		if (!isalnum((unsigned char)v->text[i]) && !strchr("-_.", v->text[i]))
			return option_refuse_all(o, v);
	}
	strcpy(d->config->device, v->text);
	return true;
}

bool value_mtu(struct config_draft *d, const struct option *o, struct option_value *v)
{
	uint32_t mtu = 0;

	if (strcmp(v->text, "auto") != 0) {
		size_t used = option_number_parse(v->text, &mtu);

		if (used == 0 || v->text[used] || mtu < o->min || mtu > o->max)
			return option_refuse_all(o, v);
	}
	d->config->session.mtu = mtu;
	return true;
}

bool value_inner(struct config_draft *d, const struct option *o, struct option_value *v)
{
	struct session_config *s = &d->config->session;
	struct option_list l = { .text = v->text };
	struct prefix p;

	s->address_config = strcmp(v->text, "config") == 0;
	while (!s->address_config && option_list_next(&l)) {
		if (!prefix_parse(l.item, &p) || !addr_is_host(&p.addr))
			return option_refuse(v, l.at, l.item, "expected %s", o->expect);
		if (p.len != 8 * family_size(p.addr.family))
			return option_refuse(
				v, l.at, l.item,
				"the tunnel's device takes a single address: leave the length "
				"out, or write /%zu",
				8 * family_size(p.addr.family));
		for (unsigned i = 0; i < s->ninner; i++) {
			if (s->inner[i].family == p.addr.family)
				return option_refuse(v, l.at, l.item,
						     "a second IPv%d address; expected %s",
						     (int)p.addr.family, o->expect);
		}
		s->inner[s->ninner++] = p.addr;
	}
	return true;
}

static bool prefixes(const struct option *o, struct option_value *v, unsigned max,
		     struct config_prefixes *out)
{
	struct option_list l = { .text = v->text };

	out->n = 0;
	while (option_list_next(&l)) {
		if (!option_list_room(&l, out->n, max, v))
			return false;
		if (!prefix_parse(l.item, &out->list[out->n].prefix))
			return option_refuse(v, l.at, l.item, "expected %s", o->expect);
		out->list[out->n++].at = l.at;
	}
	return true;
}

bool value_local(struct config_draft *d, const struct option *o, struct option_value *v)
{
	d->local.n = 0;
	return strcmp(v->text, "address") == 0 || prefixes(o, v, SESSION_TUNNELS_MAX, &d->local);
}

bool value_remote(struct config_draft *d, const struct option *o, struct option_value *v)
{
	d->remote.n = 0;
	return strcmp(v->text, "config") == 0 || prefixes(o, v, SESSION_TUNNELS_MAX, &d->remote);
}

bool value_exclude(struct config_draft *d, const struct option *o, struct option_value *v)
{
	return prefixes(o, v, SESSION_EXCLUDES_MAX, &d->exclude);
}

bool value_idle_close(struct config_draft *d, const struct option *o, struct option_value *v)
{
	d->config->session.idle_close = 0;
	return strcmp(v->text, "0") == 0 || session_time(o, v, &d->config->session.idle_close);
}

bool value_hold(struct config_draft *d, const struct option *o, struct option_value *v)
{
	return session_time(o, v, &d->config->hold);
}

/* A number of bytes, of KiB with a K behind it, or of MiB with an M. */
bool value_hold_bytes(struct config_draft *d, const struct option *o, struct option_value *v)
{
	uint32_t n = 0;
	size_t used = option_number_parse(v->text, &n);
	const char *unit = v->text + used;
	unsigned shift = strcmp(unit, "K") == 0 ? 10 : strcmp(unit, "M") == 0 ? 20 : 0;
	uint64_t bytes = (uint64_t)n << shift;

	if (used == 0 || (shift == 0 && *unit) || (bytes && (bytes < o->min || bytes > o->max)))
		return option_refuse_all(o, v);
	d->config->hold_bytes = (size_t)bytes;
	return true;
}
