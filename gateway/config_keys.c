/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stddef.h>
#include <stdlib.h>

#include "client/option_values.h"
#include "gateway/config_impl.h"

#define DRAFT(name) offsetof(struct gateway_draft, name)
#define CONFIG(name) offsetof(struct gateway_config, name)
#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

#define EXPECT_IDENTITY                                                                            \
	"a name, an address, user@name, keyid:NAME or a distinguished name such as C=DE, CN=vpn"

/* ---- where values go ---- */

static void *in_draft(struct gateway_draft *d, const struct gateway_key *k)
{
	return (char *)d + k->field;
}

static void *in_config(struct gateway_draft *d, const struct gateway_key *k)
{
	return (char *)&d->file->config + k->field;
}

static struct gateway_entry *entry(struct gateway_draft *d)
{
	return &d->file->config.entries[d->entry];
}

static bool refuse(const struct gateway_key *k, const char *item, char why[KEY_WHY_MAX])
{
	snprintf(why, KEY_WHY_MAX, "%.60s: expected %.200s", k->secret ? "this" : item, k->expect);
	return false;
}

/* ---- parsers ---- */

static bool take_text(struct gateway_draft *d, const struct gateway_key *k, const char *value,
		      char why[KEY_WHY_MAX])
{
	const char **field = in_draft(d, k);

	(void)why;
	*field = value;
	d->secret |= k->secret;
	return true;
}

/* Into an array of k->max bytes of the configuration. */
static bool take_line(struct gateway_draft *d, const struct gateway_key *k, const char *value,
		      char why[KEY_WHY_MAX])
{
	if (strlen(value) >= k->max)
		return refuse(k, value, why);
	strcpy(in_config(d, k), value);
	return true;
}

static bool word_of(const struct gateway_key *k, const char *value, unsigned *out,
		    char why[KEY_WHY_MAX])
{
	for (*out = 0; k->words[*out]; ++*out)
		if (strcmp(k->words[*out], value) == 0)
			return true;
	return refuse(k, value, why);
}

/* Words to an array of unsigned in the draft, one for each entry. */
static bool take_word(struct gateway_draft *d, const struct gateway_key *k, const char *value,
		      char why[KEY_WHY_MAX])
{
	unsigned *field = in_draft(d, k);

	return word_of(k, value, &field[d->entry], why);
}

static bool flag_of(const struct gateway_key *k, const char *value, bool *out,
		    char why[KEY_WHY_MAX])
{
	if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
		return refuse(k, value, why);
	*out = value[0] == 'y';
	return true;
}

static bool take_flag(struct gateway_draft *d, const struct gateway_key *k, const char *value,
		      char why[KEY_WHY_MAX])
{
	return flag_of(k, value, in_draft(d, k), why);
}

static bool take_split(struct gateway_draft *d, const struct gateway_key *k, const char *value,
		       char why[KEY_WHY_MAX])
{
	return flag_of(k, value, &d->file->config.split, why);
}

static bool take_roaming(struct gateway_draft *d, const struct gateway_key *k, const char *value,
			 char why[KEY_WHY_MAX])
{
	return flag_of(k, value, &d->file->config.roaming, why);
}

static bool take_offload(struct gateway_draft *d, const struct gateway_key *k, const char *value,
			 char why[KEY_WHY_MAX])
{
	unsigned word = 0;
	bool known = word_of(k, value, &word, why);

	d->file->offload = (enum offload_wish)word;
	return known;
}

static bool number_of(const struct gateway_key *k, const char *value, uint32_t *n,
		      char why[KEY_WHY_MAX])
{
	size_t used = option_number_parse(value, n);

	if (!used || value[used] || *n < k->min || *n > k->max)
		return refuse(k, value, why);
	return true;
}

static bool take_workers(struct gateway_draft *d, const struct gateway_key *k, const char *value,
			 char why[KEY_WHY_MAX])
{
	return number_of(k, value, &d->file->workers, why);
}

static bool take_select(struct gateway_draft *d, const struct gateway_key *k, const char *value,
			char why[KEY_WHY_MAX])
{
	unsigned word = 0;
	bool known = word_of(k, value, &word, why);

	d->file->select = (enum dispatch_select)word;
	return known;
}

static bool take_several(struct gateway_draft *d, const struct gateway_key *k, const char *value,
			 char why[KEY_WHY_MAX])
{
	return flag_of(k, value, &entry(d)->several, why);
}

static bool take_user(struct gateway_draft *d, const struct gateway_key *k, const char *value,
		      char why[KEY_WHY_MAX])
{
	return flag_of(k, value, &d->user[d->entry], why);
}

static bool take_number(struct gateway_draft *d, const struct gateway_key *k, const char *value,
			char why[KEY_WHY_MAX])
{
	unsigned *field = in_config(d, k);
	uint32_t n;

	if (!number_of(k, value, &n, why))
		return false;
	*field = n;
	return true;
}

static bool take_hold_bytes(struct gateway_draft *d, const struct gateway_key *k, const char *value,
			    char why[KEY_WHY_MAX])
{
	uint32_t n;

	if (!number_of(k, value, &n, why))
		return false;
	d->file->hold_bytes = n;
	return true;
}

static bool seconds_of(const struct gateway_key *k, const char *value, uint32_t *s,
		       char why[KEY_WHY_MAX])
{
	if (!duration_parse(value, s) || *s < k->min || *s > k->max)
		return refuse(k, value, why);
	return true;
}

static bool take_time(struct gateway_draft *d, const struct gateway_key *k, const char *value,
		      char why[KEY_WHY_MAX])
{
	vtime *field = in_config(d, k);
	uint32_t s;

	if (!seconds_of(k, value, &s, why))
		return false;
	*field = s * VTIME_S;
	return true;
}

static bool take_timeout(struct gateway_draft *d, const struct gateway_key *k, const char *value,
			 char why[KEY_WHY_MAX])
{
	uint32_t s;

	if (!seconds_of(k, value, &s, why))
		return false;
	d->ike.timeout = s * VTIME_S;
	return true;
}

static bool take_hold(struct gateway_draft *d, const struct gateway_key *k, const char *value,
		      char why[KEY_WHY_MAX])
{
	uint32_t s;

	if (!seconds_of(k, value, &s, why))
		return false;
	d->file->hold = s * VTIME_S;
	return true;
}

static bool take_lifetime(struct gateway_draft *d, const struct gateway_key *k, const char *value,
			  char why[KEY_WHY_MAX])
{
	return seconds_of(k, value, &d->ike.lifetime_s, why);
}

static bool take_keylife(struct gateway_draft *d, const struct gateway_key *k, const char *value,
			 char why[KEY_WHY_MAX])
{
	return seconds_of(k, value, &d->file->config.child.keylife_s, why);
}

/* ---- lists ---- */

static bool take_addrs(const struct gateway_key *k, const char *value, struct addr *list,
		       unsigned *n, unsigned max, char why[KEY_WHY_MAX])
{
	struct option_list l = { .text = value };

	for (*n = 0; option_list_next(&l); ++*n)
		if (*n == max || !addr_parse(l.item, &list[*n]) || !addr_is_host(&list[*n]))
			return refuse(k, l.item, why);
	return true;
}

static bool take_listen(struct gateway_draft *d, const struct gateway_key *k, const char *value,
			char why[KEY_WHY_MAX])
{
	struct gateway_config *c = &d->file->config;

	return take_addrs(k, value, c->own, &c->nown, GATEWAY_OWN_MAX, why);
}

static bool take_dns(struct gateway_draft *d, const struct gateway_key *k, const char *value,
		     char why[KEY_WHY_MAX])
{
	struct gateway_config *c = &d->file->config;

	return take_addrs(k, value, c->dns, &c->ndns, IKE_DNS_MAX, why);
}

static bool take_prefixes(const struct gateway_key *k, const char *value, struct prefix *list,
			  unsigned *n, unsigned max, char why[KEY_WHY_MAX])
{
	struct option_list l = { .text = value };

	for (*n = 0; option_list_next(&l); ++*n)
		if (*n == max || !prefix_parse(l.item, &list[*n]))
			return refuse(k, l.item, why);
	return true;
}

static bool take_networks(struct gateway_draft *d, const struct gateway_key *k, const char *value,
			  char why[KEY_WHY_MAX])
{
	struct gateway_config *c = &d->file->config;

	return take_prefixes(k, value, c->networks, &c->nnetworks, GATEWAY_NETWORKS_MAX, why);
}

static bool take_from(struct gateway_draft *d, const struct gateway_key *k, const char *value,
		      char why[KEY_WHY_MAX])
{
	return take_prefixes(k, value, entry(d)->from, &entry(d)->nfrom, GATEWAY_PREFIXES_MAX, why);
}

static bool take_inner(struct gateway_draft *d, const struct gateway_key *k, const char *value,
		       char why[KEY_WHY_MAX])
{
	return take_prefixes(k, value, entry(d)->inner, &entry(d)->ninner, GATEWAY_PREFIXES_MAX,
			     why);
}

static bool take_pool(struct gateway_draft *d, const struct gateway_key *k, const char *value,
		      char why[KEY_WHY_MAX])
{
	struct gateway_config *c = &d->file->config;
	struct option_list l = { .text = value };

	for (c->npool = 0; option_list_next(&l); c->npool++)
		if (c->npool == POOL_RANGES_MAX || !pool_range_parse(l.item, &c->pool[c->npool]))
			return refuse(k, l.item, why);
	return true;
}

static bool take_ike(struct gateway_draft *d, const struct gateway_key *k, const char *value,
		     char why[KEY_WHY_MAX])
{
	struct option_list l = { .text = value };
	struct ike_config *c = &d->ike;

	for (c->nsuites = 0; option_list_next(&l); c->nsuites++) {
		if (c->nsuites == IKE_SUITES_MAX)
			return refuse(k, l.item, why);
		if (ike_suite_parse(l.item, &c->suites[c->nsuites], why) != 0)
			return false;
	}
	return true;
}

static bool take_esp(struct gateway_draft *d, const struct gateway_key *k, const char *value,
		     char why[KEY_WHY_MAX])
{
	struct ike_child_config *c = &d->file->config.child;
	struct option_list l = { .text = value };
	enum dh_group group;

	for (c->nsuites = 0; option_list_next(&l); c->nsuites++) {
		if (c->nsuites == IKE_SUITES_MAX)
			return refuse(k, l.item, why);
		if (esp_suite_parse(l.item, &c->suites[c->nsuites], &group, why) != 0)
			return false;
		if (group != DH_NONE)
			return refuse(k, l.item, why);
	}
	return true;
}

static bool take_pfs(struct gateway_draft *d, const struct gateway_key *k, const char *value,
		     char why[KEY_WHY_MAX])
{
	(void)k;
	d->file->config.child.pfs = DH_NONE;
	return strcmp(value, "any") == 0 ||
	       dh_group_parse(value, &d->file->config.child.pfs, why) == 0;
}

/* ---- who ---- */

static bool take_own(struct gateway_draft *d, const struct gateway_key *k, const char *value,
		     char why[KEY_WHY_MAX])
{
	return identity_parse(value, &d->local) == 0 || refuse(k, value, why);
}

static bool take_peer(struct gateway_draft *d, const struct gateway_key *k, const char *value,
		      char why[KEY_WHY_MAX])
{
	struct ike_config *c = &entry(d)->ike;

	c->remote_any = strcmp(value, "any") == 0;
	return c->remote_any || identity_parse(value, &c->remote) == 0 || refuse(k, value, why);
}

static bool take_psk(struct gateway_draft *d, const struct gateway_key *k, const char *value,
		     char why[KEY_WHY_MAX])
{
	(void)k;
	(void)why;
	secret_set(&entry(d)->ike.psk, SLICE_STR(value));
	d->secret = true;
	return true;
}

static bool take_psk_file(struct gateway_draft *d, const struct gateway_key *k, const char *value,
			  char why[KEY_WHY_MAX])
{
	(void)k;
	(void)why;
	d->psk_file[d->entry] = value;
	return true;
}

/* ---- servers ---- */

static struct gateway_server *server(struct gateway_draft *d)
{
	return &d->file->servers[d->entry];
}

static bool take_service(struct gateway_draft *d, const struct gateway_key *k, const char *value,
			 char why[KEY_WHY_MAX])
{
	struct prefix *p = &server(d)->service;
	bool good = prefix_parse(value, p);

	if (good && p->len == 8 * family_size(p->addr.family))
		good = addr_is_host(&p->addr);
	return good || refuse(k, value, why);
}

/* A link-local address says nothing without a device. */
static bool take_address(struct gateway_draft *d, const struct gateway_key *k, const char *value,
			 char why[KEY_WHY_MAX])
{
	struct addr *a = &server(d)->address;
	struct prefix link;

	prefix_parse("fe80::/10", &link);
	return (addr_parse(value, a) && addr_is_host(a) && !prefix_contains(&link, a)) ||
	       refuse(k, value, why);
}

static bool take_device(struct gateway_draft *d, const struct gateway_key *k, const char *value,
			char why[KEY_WHY_MAX])
{
	if (strlen(value) > GATEWAY_DEVICE_MAX || strpbrk(value, "/ \t:"))
		return refuse(k, value, why);
	strcpy(d->file->device, value);
	return true;
}

/* ---- the table ---- */

const struct gateway_key gateway_keys[] = {
	{ "gateway", "listen", "addresses of this host, separated by commas", take_listen, NULL,
	  "192.0.2.1, 2001:db8::1",
	  "our outer addresses, which clients may ping through the tunnel", .max = 0 },
	{ "gateway", "identity", EXPECT_IDENTITY, take_own, NULL, "vpn.example.com",
	  "who we are to clients; without it: our certificate, or the address they talk to",
	  .max = 0 },
	{ "gateway", "device", "a name of at most 15 letters", take_device, "godwit-gw", NULL,
	  "the TUN device", .max = 0 },
	{ "gateway", "offload", "auto, off, udp or tun", take_offload, "auto", NULL,
	  "packets in one piece to and from the kernel: auto, off, udp (outside), tun (device)",
	  .words = WORDS("auto", "off", "udp", "tun") },
	{ "gateway", "workers", "a number from 1 to 16", take_workers, "1", NULL,
	  "how many threads open what arrives; 1: the one that receives it", .min = 1,
	  .max = DISPATCH_WORKERS_MAX },
	{ "gateway", "select", "least-load or round-robin", take_select, "least-load", NULL,
	  "who of workers gets a client's traffic, and of servers a flow: least-load or round-robin",
	  .words = WORDS("round-robin", "least-load") },
	{ "gateway", "roaming", "yes or no", take_roaming, "yes", NULL,
	  "yes: clients that support it keep their SAs when their address changes", .max = 0 },
	{ "gateway", "ca", "a file", take_text, NULL, "ca.pem",
	  "who may vouch for clients: CA certificates, PEM or DER, or a directory of them",
	  .field = DRAFT(ca) },
	{ "gateway", "certificate", "a file", take_text, NULL, "vpn.pem",
	  "our certificate, PEM or DER, and its issuers behind it", .field = DRAFT(certificate) },
	{ "gateway", "key", "a file", take_text, NULL, "vpn.key",
	  "its private key, PEM or DER; no one else may read it (chmod 600)", .field = DRAFT(key) },
	{ "gateway", "pkcs12", "a file", take_text, NULL, "vpn.p12",
	  "instead of certificate and key: a PKCS#12 file with both", .field = DRAFT(pkcs12) },
	{ "gateway", "key-password", "a text", take_text, NULL, "",
	  "the password of key or pkcs12; no one else may read this file then (chmod 600)",
	  .field = DRAFT(key_password), .secret = true },
	{ "gateway", "crl", "a file", take_text, NULL, "revoked.crl",
	  "the CA's list of revoked certificates, PEM or DER", .field = DRAFT(crl) },

	{ "users", "file", "a file", take_text, NULL, "/etc/godwit/users",
	  "a line for each user, name:hash, as crypt(3) makes it (chmod 600)",
	  .field = DRAFT(users) },

	{ "pool", "addresses", "networks or ranges, such as 10.9.0.0/24 or 10.9.0.10-10.9.0.99",
	  take_pool, NULL, "10.9.0.0/24, fd00:9::/64",
	  "what clients get their inner addresses from; the first one is our own", .max = 0 },
	{ "pool", "dns", "addresses", take_dns, NULL, "10.20.0.53", "name servers for clients",
	  .max = 0 },
	{ "pool", "domain", "a domain", take_line, NULL, "example.com", "their domain",
	  .field = CONFIG(domain), .max = IKE_NAME_MAX },
	{ "pool", "banner", "a text", take_line, NULL, "Welcome", "what they are greeted with",
	  .field = CONFIG(banner), .max = IKE_BANNER_MAX },

	{ "networks", "behind", "networks, separated by commas", take_networks, NULL,
	  "10.20.0.0/16, fd00:20::/48", "what clients reach through us", .max = 0 },
	{ "networks", "split", "yes or no", take_split, "yes", NULL,
	  "yes: clients are told of these; no: they send everything to us", .max = 0 },

	{ "ike", "proposals", "suites such as aes256-sha256-ecp256", take_ike,
	  "aes256-sha384-ecp384, aes256-sha256-ecp256, aes256-sha256-modp2048, "
	  "aes128-sha256-modp2048",
	  NULL, "cipher, hash and group for IKE itself; the first that a client offers is taken",
	  .max = 0 },
	{ "ike", "lifetime", "a duration from 2m to 7d", take_lifetime, "8h", NULL,
	  "how long an IKE SA may live", .min = 120, .max = 7 * 86400 },
	{ "ike", "timeout", "a duration from 5s to 5m", take_timeout, "30s", NULL,
	  "what has not been answered by then has failed", .min = 5, .max = 300 },
	{ "ike", "dpd", "a duration up to 1d, or 0", take_time, "60s", NULL,
	  "after so long a silence a client is asked whether it is there; 0: never",
	  .field = CONFIG(dpd), .max = 86400 },
	{ "ike", "rekeymargin", "a duration from 1s to 1h", take_time, "4m", NULL,
	  "we renew so long before an end, if the client has not: less than clients have",
	  .field = CONFIG(rekeymargin), .min = 1, .max = 3600 },
	{ "ike", "allow-weak", "yes or no", take_flag, "no", NULL,
	  "yes: proposals may have 3des, md5, modp1024 and modp1536 in them",
	  .field = DRAFT(weak_ike) },

	{ "esp", "proposals", "suites such as aes128gcm16 or aes256-sha256, without a group",
	  take_esp, "aes256gcm16, aes128gcm16, aes256-sha256, aes128-sha256", NULL,
	  "cipher and integrity for data; the first that a client offers is taken", .max = 0 },
	{ "esp", "pfs", "any, or a group such as ecp256", take_pfs, "any", NULL,
	  "any: as the client wants; or the group that is required", .max = 0 },
	{ "esp", "keylife", "a duration from 2m to 7d", take_keylife, "8h", NULL,
	  "how long an epoch may live", .min = 120, .max = 7 * 86400 },
	{ "esp", "allow-weak", "yes or no", take_flag, "no", NULL,
	  "yes: proposals may have 3des and md5 in them", .field = DRAFT(weak_esp) },
	{ "esp", "path-mtu", "a number from 576 to 9000", take_number, "1500", NULL,
	  "bytes of an outer packet that reaches every client whole", .field = CONFIG(path_mtu),
	  .min = 576, .max = 9000 },
	{ "esp", "hold", "a duration from 1s to 5m", take_hold, "30s", NULL,
	  "how long a packet waits for its SA", .min = 1, .max = 300 },
	{ "esp", "hold-bytes", "a number up to 268435456", take_hold_bytes, "4194304", NULL,
	  "of all packets that wait; 0: none waits", .max = 268435456 },

	{ "limits", "clients", "a number from 1 to 10000", take_number, "256", NULL,
	  "how many may be connected", .field = CONFIG(clients_max), .min = 1,
	  .max = GATEWAY_CLIENTS_MAX },
	{ "limits", "half-open", "a number from 1 to 4096", take_number, "512", NULL,
	  "connections that have not proved who they are, in all", .field = CONFIG(half_open_max),
	  .min = 1, .max = 4096 },
	{ "limits", "half-open-source", "a number from 1 to 4096", take_number, "256", NULL,
	  "the same from one IPv4 address or IPv6 /64; many may be behind one NAT",
	  .field = CONFIG(half_open_source_max), .min = 1, .max = 4096 },
	{ "limits", "firsts", "a number up to 100000", take_number, "1000", NULL,
	  "first messages that are answered in a second; 0: all", .field = CONFIG(firsts_per_s),
	  .max = 100000 },
	{ "limits", "exchanges", "a number up to 100000", take_number, "400", NULL,
	  "key exchanges with strangers in a second; 0: all", .field = CONFIG(exchanges_per_s),
	  .max = 100000 },

	{ GATEWAY_SERVER, "service", "an address or a network, such as 10.20.0.100", take_service,
	  NULL, "10.20.0.100",
	  "what clients send to; of several servers with the same one is chosen for each flow",
	  .max = 0 },
	{ GATEWAY_SERVER, "address", "the address of a host, no link-local one", take_address, NULL,
	  "10.20.0.11", "where that goes to: the server's own address, on a connected network",
	  .max = 0 },

	{ GATEWAY_AUTH, "method", "psk, certificate or hybrid", take_word, "psk", NULL,
	  "psk, certificate (both sides), or hybrid (ours; the user by password)",
	  .field = DRAFT(method), .words = WORDS("psk", "certificate", "hybrid") },
	{ GATEWAY_AUTH, "mode", "main or aggressive", take_word, "main", NULL,
	  "aggressive: also that; as vpnc and Cisco's clients begin with a group",
	  .field = DRAFT(mode), .words = WORDS("main", "aggressive") },
	{ GATEWAY_AUTH, "identity", EXPECT_IDENTITY ", or any", take_peer, "any", NULL,
	  "what clients must prove to be; for Cisco's the group: keyid:NAME; any: what they like",
	  .max = 0 },
	{ GATEWAY_AUTH, "psk", "a text", take_psk, NULL, "",
	  "the pre-shared key; no one else may read this file then (chmod 600)", .secret = true },
	{ GATEWAY_AUTH, "psk-file", "a file", take_psk_file, NULL, "/etc/godwit/staff.psk",
	  "instead of psk: the file that holds it, in one line", .max = 0 },
	{ GATEWAY_AUTH, "users", "yes or no", take_user, "no", NULL,
	  "yes: a user of [users] file must give his password, too; with hybrid always", .max = 0 },
	{ GATEWAY_AUTH, "several", "yes or no", take_several, "no", NULL,
	  "yes: one name may be connected more than once; no: the newest counts", .max = 0 },
	{ GATEWAY_AUTH, "from", "networks, separated by commas", take_from, NULL, "198.51.100.0/24",
	  "outer addresses that they may come from; without it: all", .max = 0 },
	{ GATEWAY_AUTH, "inner", "networks, separated by commas", take_inner, NULL, "10.8.0.0/24",
	  "inner addresses that they may bring themselves, besides those of the pool", .max = 0 },
};

const unsigned gateway_keys_n = sizeof(gateway_keys) / sizeof(gateway_keys[0]);

_Static_assert(SERVERS_MAX <= NAMED_MAX, "the reader has room for servers");
_Static_assert(sizeof(gateway_keys) / sizeof(gateway_keys[0]) <= KEYS_MAX, "the reader has room");
