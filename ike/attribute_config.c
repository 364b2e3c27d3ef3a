/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ike/attribute.h"

/* Each thing that is left out gets a line, up to so many. */
#define LINES_MAX 8
#define SPLIT_SIZE 14
#define SPLIT_SIZE_MIN 8 /* some cut the last one off behind its mask */

/* What one payload has said so far. */
struct take {
	struct ike_assigned *out;
	struct log *log;
	unsigned groups; /* 1 << enum group */
	int ip4_mask; /* -1: none */
	int ip6_mask;
	unsigned left_out;
};

/* What belongs together, and replaces what an earlier payload has said of it. */
enum group {
	GROUP_IP4,
	GROUP_IP6,
	GROUP_DNS,
	GROUP_NBNS,
	GROUP_DOMAIN,
	GROUP_BANNER,
	GROUP_INCLUDE,
	GROUP_EXCLUDE,
	GROUP_SPLIT_DNS,
	GROUP_BACKUP,
	GROUP_VERSION,
};

static bool first_of(struct take *t, enum group g)
{
	bool first = !(t->groups & 1u << g);

	t->groups |= 1u << g;
	return first;
}

static void leave_out(struct take *t, const char *what, struct slice value)
{
	if (t->left_out++ < LINES_MAX)
		log_ev(t->log, LOG_WARN, "left out of what the gateway gives",
		       log_str("what", what), log_bytes("value", value));
}

/* ---- addresses ---- */

static void take_ip4(struct take *t, struct slice v)
{
	struct addr a;

	if (v.n != 4 || !addr_from_bytes(v, &a) || !addr_is_host(&a)) {
		leave_out(t, "IPv4 address", v);
	} else if (first_of(t, GROUP_IP4)) {
		t->out->ip4 = a;
		t->out->ip4_len = 32;
	}
}

static void take_ip4_mask(struct take *t, struct slice v)
{
	int length = v.n == 4 ? netmask_length(v) : -1;

	if (length < 0)
		leave_out(t, "IPv4 netmask", v);
	else if (length > 0 && t->ip4_mask < 0)
		t->ip4_mask = length;
}

/* Some send the form of IKEv2, with the length of the prefix behind the address. */
static void take_ip6(struct take *t, struct slice v)
{
	struct addr a;

	if ((v.n != 16 && v.n != 17) || !addr_from_bytes(slice(v.p, 16), &a) || !addr_is_host(&a)) {
		leave_out(t, "IPv6 address", v);
	} else if (first_of(t, GROUP_IP6)) {
		t->out->ip6 = a;
		t->out->ip6_len = v.n == 17 && v.p[16] && v.p[16] <= 128 ? v.p[16] : 128;
	}
}

static void take_ip6_mask(struct take *t, struct slice v)
{
	int length = v.n == 16 ? netmask_length(v) : -1;

	if (length < 0)
		leave_out(t, "IPv6 netmask", v);
	else if (length > 0 && t->ip6_mask < 0)
		t->ip6_mask = length;
}

static void take_expiry(struct take *t, struct slice v)
{
	t->out->expiry_s = attribute_number(&(struct attribute){ .value = v });
}

/* ---- servers ---- */

static void take_server(struct take *t, struct slice v, struct addr *list, unsigned *n,
			const char *what)
{
	struct addr a;

	if (!addr_from_bytes(v, &a) || !addr_is_host(&a) || *n == IKE_DNS_MAX)
		leave_out(t, what, v);
	else if (!addr_is_in(list, *n, &a))
		list[(*n)++] = a;
}

static void take_dns(struct take *t, struct slice v)
{
	if (first_of(t, GROUP_DNS))
		t->out->ndns = 0;
	take_server(t, v, t->out->dns, &t->out->ndns, "DNS server");
}

static void take_nbns(struct take *t, struct slice v)
{
	if (first_of(t, GROUP_NBNS))
		t->out->nnbns = 0;
	take_server(t, v, t->out->nbns, &t->out->nnbns, "NetBIOS name server");
}

/* ---- networks ---- */

/* What no host may have is no network to be reached through a tunnel. */
static bool network_is_usable(const struct prefix *p)
{
	const uint8_t *b = p->addr.b;
	struct addr lo, hi;

	prefix_range(p, &lo, &hi);
	if (p->addr.family == FAMILY_IP4)
		return !(p->len >= 8 && (b[0] == 0 || b[0] == 127)) &&
		       !(p->len >= 3 && b[0] >= 224);
	return !(p->len >= 8 && b[0] == 0xff) && !(p->len == 128 && !addr_is_host(&lo));
}

static void take_network(struct take *t, const struct ike_split *s, struct slice v, bool exclude)
{
	struct ike_assigned *o = t->out;
	unsigned *n = exclude ? &o->nexclude : &o->ninclude;

	if (!network_is_usable(&s->prefix) || (exclude && s->prefix.len == 0) ||
	    *n == IKE_SPLIT_MAX)
		leave_out(t, exclude ? "excluded network" : "network", v);
	else
		(exclude ? o->exclude : o->include)[(*n)++] = *s;
}

/* Address, mask, protocol and ports; the destination's is in the order of a PC. */
static void take_split_entry(struct take *t, struct slice v, bool exclude)
{
	struct ike_split s = { 0 };
	int length = netmask_length(slice(v.p + 4, 4));

	addr_from_bytes(slice(v.p, 4), &s.prefix.addr);
	if (length < 0) {
		leave_out(t, "network with a mask that has holes", v);
		return;
	}
	s.prefix.len = (uint8_t)length;
	if (v.n == SPLIT_SIZE) {
		s.proto = v.p[9];
		s.sport = get_be16(v.p + 10);
		s.dport = (uint16_t)(v.p[12] | v.p[13] << 8);
	}
	take_network(t, &s, v, exclude);
}

static void take_split(struct take *t, struct slice v, bool exclude)
{
	struct rd r;

	rd_init(&r, v);
	while (rd_left(&r) >= SPLIT_SIZE_MIN) {
		size_t n = rd_left(&r) < SPLIT_SIZE ? rd_left(&r) : SPLIT_SIZE;

		take_split_entry(t, rd_slice(&r, n), exclude);
	}
	if (rd_left(&r))
		leave_out(t, "end of a list of networks", rd_rest(&r));
}

static void include_begin(struct take *t)
{
	if (!first_of(t, GROUP_INCLUDE))
		return;
	t->out->ninclude = 0;
	t->out->unity = false;
}

static void take_include(struct take *t, struct slice v)
{
	include_begin(t);
	t->out->unity = true;
	take_split(t, v, false);
}

static void take_exclude(struct take *t, struct slice v)
{
	if (first_of(t, GROUP_EXCLUDE))
		t->out->nexclude = 0;
	take_split(t, v, true);
}

static void take_ip4_subnet(struct take *t, struct slice v)
{
	struct ike_split s = { 0 };
	int length = v.n == 8 ? netmask_length(slice(v.p + 4, 4)) : -1;

	include_begin(t);
	if (length < 0) {
		leave_out(t, "IPv4 subnet", v);
		return;
	}
	addr_from_bytes(slice(v.p, 4), &s.prefix.addr);
	s.prefix.len = (uint8_t)length;
	take_network(t, &s, v, false);
}

static void take_ip6_subnet(struct take *t, struct slice v)
{
	struct ike_split s = { 0 };

	include_begin(t);
	if (v.n != 17 || v.p[16] > 128) {
		leave_out(t, "IPv6 subnet", v);
		return;
	}
	addr_from_bytes(slice(v.p, 16), &s.prefix.addr);
	s.prefix.len = v.p[16];
	take_network(t, &s, v, false);
}

/* ---- names and text ---- */

static bool is_name_byte(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_' || c == '.';
}

/* What may stand in a search list or a command's environment: no option, no empty label. */
static bool is_name(struct slice v)
{
	if (v.n == 0 || v.n >= IKE_NAME_MAX || v.p[0] == '-' || v.p[0] == '.')
		return false;
	for (size_t i = 0; i < v.n; i++)
		if (!is_name_byte(v.p[i]) || (i && v.p[i] == '.' && v.p[i - 1] == '.'))
			return false;
	return true;
}

static struct slice trim(struct slice v)
{
	while (v.n && v.p[v.n - 1] <= ' ')
		v.n--;
	while (v.n && v.p[0] <= ' ') {
		v.p++;
		v.n--;
	}
	return v;
}

static void name_copy(char out[IKE_NAME_MAX], struct slice v)
{
	memcpy(out, v.p, v.n);
	out[v.n] = '\0';
}

static void take_domain(struct take *t, struct slice v)
{
	v = trim(v);
	if (!is_name(v))
		leave_out(t, "domain", v);
	else if (first_of(t, GROUP_DOMAIN))
		name_copy(t->out->domain, v);
}

/* The next item of a list with commas, blanks or NULs in between. */
static bool list_next(struct rd *r, struct slice *item)
{
	static const char between[] = ",; \t\r\n";

	while (rd_left(r) && strchr(between, *r->p)) /* the NUL is in it, too */
		rd_u8(r);
	*item = slice(r->p, 0);
	while (rd_left(r) && !strchr(between, *r->p)) {
		rd_u8(r);
		item->n++;
	}
	return item->n > 0;
}

static void take_split_dns(struct take *t, struct slice v)
{
	struct ike_assigned *o = t->out;
	struct slice item;
	struct rd r;

	if (first_of(t, GROUP_SPLIT_DNS))
		o->nsplit_dns = 0;
	rd_init(&r, v);
	while (list_next(&r, &item)) {
		if (item.p[0] == '.')
			item = slice(item.p + 1, item.n - 1);
		if (!is_name(item) || o->nsplit_dns == IKE_SPLIT_DNS_MAX)
			leave_out(t, "domain of split DNS", item);
		else
			name_copy(o->split_dns[o->nsplit_dns++], item);
	}
}

static bool is_server(struct slice v)
{
	char text[IKE_NAME_MAX];
	struct addr a;

	if (v.n == 0 || v.n >= sizeof(text))
		return false;
	name_copy(text, v);
	if (strlen(text) == v.n && addr_parse(text, &a))
		return addr_is_host(&a);
	return is_name(v);
}

static void take_backup(struct take *t, struct slice v)
{
	struct ike_assigned *o = t->out;
	struct slice item;
	struct rd r;

	if (first_of(t, GROUP_BACKUP))
		o->nbackup = 0;
	rd_init(&r, v);
	while (list_next(&r, &item)) {
		if (!is_server(item) || o->nbackup == IKE_BACKUP_MAX)
			leave_out(t, "backup server", item);
		else
			name_copy(o->backup[o->nbackup++], item);
	}
}

/* As attribute_text, with its lines. */
static void take_banner(struct take *t, struct slice v)
{
	char *out = t->out->banner;
	size_t n = 0;

	if (!first_of(t, GROUP_BANNER))
		return;
	while (v.n && v.p[v.n - 1] <= ' ')
		v.n--;
	for (size_t i = 0; i < v.n && n + 1 < IKE_BANNER_MAX; i++) {
		uint8_t c = v.p[i];

		if (c == '\r' && i + 1 < v.n && v.p[i + 1] == '\n')
			continue;
		if (c == '\r')
			c = '\n';
		if (c == '\t')
			c = ' ';
		out[n++] = c == '\n' || (c >= ' ' && c < 0x7f) ? (char)c : '?';
	}
	out[n] = '\0';
}

static void take_version(struct take *t, struct slice v)
{
	if (first_of(t, GROUP_VERSION))
		attribute_text(v, t->out->application_version, sizeof(t->out->application_version));
}

/* ---- numbers ---- */

static uint32_t number_of(struct slice v)
{
	return attribute_number(&(struct attribute){ .value = v });
}

static void take_save_password(struct take *t, struct slice v)
{
	t->out->save_password = number_of(v) != 0;
}

static void take_pfs(struct take *t, struct slice v)
{
	t->out->pfs = number_of(v) != 0;
}

static void take_natt_port(struct take *t, struct slice v)
{
	uint32_t port = number_of(v);

	if (port > UINT16_MAX)
		leave_out(t, "port", v);
	else
		t->out->natt_port = (uint16_t)port;
}

/* ---- all of it ---- */

static const struct {
	uint16_t type;
	void (*take)(struct take *t, struct slice value);
} rows[] = {
	{ ATTRIBUTE_IP4_ADDRESS, take_ip4 },
	{ ATTRIBUTE_IP4_NETMASK, take_ip4_mask },
	{ ATTRIBUTE_IP4_DNS, take_dns },
	{ ATTRIBUTE_IP4_NBNS, take_nbns },
	{ ATTRIBUTE_ADDRESS_EXPIRY, take_expiry },
	{ ATTRIBUTE_APPLICATION_VERSION, take_version },
	{ ATTRIBUTE_IP6_ADDRESS, take_ip6 },
	{ ATTRIBUTE_IP6_NETMASK, take_ip6_mask },
	{ ATTRIBUTE_IP6_DNS, take_dns },
	{ ATTRIBUTE_IP6_NBNS, take_nbns },
	{ ATTRIBUTE_IP4_SUBNET, take_ip4_subnet },
	{ ATTRIBUTE_IP6_SUBNET, take_ip6_subnet },
	{ ATTRIBUTE_UNITY_BANNER, take_banner },
	{ ATTRIBUTE_UNITY_SAVE_PASSWORD, take_save_password },
	{ ATTRIBUTE_UNITY_DOMAIN, take_domain },
	{ ATTRIBUTE_UNITY_SPLIT_DNS, take_split_dns },
	{ ATTRIBUTE_UNITY_SPLIT_INCLUDE, take_include },
	{ ATTRIBUTE_UNITY_NATT_PORT, take_natt_port },
	{ ATTRIBUTE_UNITY_SPLIT_EXCLUDE, take_exclude },
	{ ATTRIBUTE_UNITY_PFS, take_pfs },
	{ ATTRIBUTE_UNITY_BACKUP, take_backup },
};

static bool take_attribute(struct take *t, const struct attribute *a)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows) && a->value.n; i++) {
		if (rows[i].type != a->type)
			continue;
		rows[i].take(t, a->value);
		return true;
	}
	return false;
}

/* A mask may come before its address. */
static void take_masks(const struct take *t)
{
	if (t->ip4_mask > 0 && t->out->ip4.family == FAMILY_IP4)
		t->out->ip4_len = (uint8_t)t->ip4_mask;
	if (t->ip6_mask > 0 && t->out->ip6.family == FAMILY_IP6)
		t->out->ip6_len = (uint8_t)t->ip6_mask;
}

bool attributes_take_config(const struct attributes *a, struct ike_assigned *out, struct log *log)
{
	struct take t = { .out = out, .log = log, .ip4_mask = -1, .ip6_mask = -1 };
	struct attribute_walk w;
	struct attribute one;
	bool any = false;

	attribute_walk_init(&w, a);
	while (attribute_walk_next(&w, &one))
		any |= take_attribute(&t, &one);
	take_masks(&t);
	if (t.left_out)
		log_ev(log, LOG_WARN, "the gateway gives what cannot be used",
		       log_u64("count", t.left_out));
	return any;
}
