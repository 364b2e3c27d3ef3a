/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/config_impl.h"

/*
 * What is offered in aggressive mode where the file has no proposals: the group cannot be
 * negotiated there, and this is the one that most gateways take.
 */
#define AGGRESSIVE_PROPOSALS                                                                       \
	"aes256-sha384-modp2048, aes256-sha256-modp2048, aes128-sha256-modp2048, "                 \
	"aes256-sha1-modp2048, aes128-sha1-modp2048"

/* Cisco's gateways often know nothing newer than the last two. */
#define CISCO_ESP_PROPOSALS                                                                        \
	"aes256gcm16, aes128gcm16, aes256-sha256, aes128-sha256, aes256-sha1, aes128-sha1"

/*
 * strongSwan's threads have made their SAs a millisecond or two after quick mode's last message; what
 * comes before is lost, and costs the application a second. On a machine with four times as much to do
 * as it can, one in ten took longer than 2 ms, one in a hundred longer than 5, none longer than 10.
 */
#define SETTLE (10 * VTIME_MS)

/* ---- the gateway ---- */

/* Cisco's group names have no form by which one could tell them from host names. */
static void settle_group_name(struct identity *id)
{
	if (id->type == ID_FQDN && !memchr(id->data, '.', id->n))
		id->type = ID_KEY_ID;
}

static void settle_vendor(struct config_reader *r)
{
	const struct config_draft *d = &r->draft;
	struct session_config *s = &d->config->session;
	bool cisco = d->vendor == IKE_VENDOR_CISCO;
	const char *version = d->application_version;

	s->ike.vendor = (enum ike_vendor)d->vendor;
	if (s->ike.remote_any && d->method != IKE_AUTH_PSK)
		config_complain(r, config_value_place(r, "gateway", "identity", 0),
				"[gateway] identity = any: whoever has a certificate of the same "
				"CA could pose as the gateway; name it");
	s->redirects = cisco;
	if (cisco)
		settle_group_name(&s->ike.local);
	if (!version)
		version = cisco ? "godwit " GODWIT_VERSION ":Linux" : "";
	else if (!s->address_config)
		config_warn(r, config_key_place(r, "gateway", "application-version"),
			    "[gateway] application-version is told only with [tunnel] address = "
			    "config");
	snprintf(s->ike.wish.application_version, sizeof(s->ike.wish.application_version), "%s",
		 version);
	if (cisco && d->mode == IKE_MODE_AGGRESSIVE && d->method != IKE_AUTH_RSA &&
	    s->ike.local.type == ID_NONE)
		config_warn(
			r, config_value_place(r, "gateway", "mode", 0),
			"[auth] identity is not set: in aggressive mode Cisco's gateways look for "
			"the group of that name");
}

static void settle_transport(struct config_reader *r)
{
	const struct config_draft *d = &r->draft;
	struct session_config *s = &d->config->session;

	s->ike.transport = (enum ike_transport)d->transport;
	s->ike.force_udp = d->transport == IKE_TRANSPORT_AUTO || d->transport == IKE_TRANSPORT_UDP;
	s->ike.no_fragments = !d->fragmentation;
	s->ike.address_update = d->transport != IKE_TRANSPORT_CISCO_UDP;
	if (d->transport != IKE_TRANSPORT_CISCO_UDP && s->cisco_port != 10000)
		config_warn(r, config_key_place(r, "gateway", "cisco-port"),
			    "[gateway] cisco-port is not used without [esp] encapsulation = "
			    "cisco-udp");
}

/* ---- proposals ---- */

static void take_proposals(struct config_reader *r, const char *section, const char *proposals)
{
	struct option_value v = { .text = proposals };

	if (!option_parse(&r->draft, option_find(section, "proposals"), &v))
		config_complain(r, CONFIG_NOWHERE, "[%s] proposals: the default is wrong: %s",
				section, v.why);
}

/* The first message has a public value in it, which is of one group. */
static void keep_one_group(struct config_reader *r)
{
	struct config_draft *d = &r->draft;
	struct ike_config *ike = &d->config->session.ike;
	enum dh_group group = ike->suites[0].group;
	unsigned kept = 0;
	char name[48];

	for (unsigned i = 0; i < ike->nsuites; i++) {
		if (ike->suites[i].group != group) {
			config_warn(r, config_value_place(r, "ike", "proposals", d->ike_at[i]),
				    "[ike] %s is not offered: in aggressive mode all are in one "
				    "group, that of the first (%s)",
				    ike_suite_name(&ike->suites[i], name), dh_group_name(group));
			continue;
		}
		ike->suites[kept] = ike->suites[i];
		d->ike_at[kept++] = d->ike_at[i];
	}
	ike->nsuites = kept;
}

static void settle_mode(struct config_reader *r)
{
	const struct config_draft *d = &r->draft;

	d->config->session.ike.mode = (enum ike_mode)d->mode;
	if (d->mode != IKE_MODE_AGGRESSIVE)
		return;
	if (!config_is_set(r, "ike", "proposals"))
		take_proposals(r, "ike", AGGRESSIVE_PROPOSALS);
	keep_one_group(r);
}

/* What nothing is said about is as Cisco's own clients have it. */
static void settle_cisco_esp(struct config_reader *r)
{
	struct config_draft *d = &r->draft;

	if (d->vendor != IKE_VENDOR_CISCO)
		return;
	if (!config_is_set(r, "esp", "proposals"))
		take_proposals(r, "esp", CISCO_ESP_PROPOSALS);
	if (!config_is_set(r, "esp", "pfs") && d->proposed_group == DH_NONE &&
	    d->config->session.address_config)
		d->pfs = PFS_SERVER;
}

static void settle_pfs(struct config_reader *r)
{
	const struct config_draft *d = &r->draft;
	struct session_config *s = &d->config->session;

	settle_cisco_esp(r);
	switch (d->pfs) {
	case PFS_AS_PROPOSED:
		s->child.pfs = d->proposed_group ? d->proposed_group : s->ike.suites[0].group;
		s->pfs_as_phase1 = !d->proposed_group;
		return;
	case PFS_NONE:
		s->child.pfs = DH_NONE;
		break;
	case PFS_GROUP:
		s->child.pfs = d->pfs_group;
		break;
	case PFS_SERVER:
		s->child.pfs = DH_NONE;
		s->pfs_as_config = true;
		if (!s->address_config)
			config_complain(
				r, config_value_place(r, "esp", "pfs", 0),
				"[esp] pfs = server: the gateway says so only with [tunnel] "
				"address = config; choose yes or no");
		break;
	}
	if (d->proposed_group != DH_NONE && d->proposed_group != s->child.pfs)
		config_complain(
			r, config_value_place(r, "esp", "pfs", 0),
			"[esp] pfs does not fit the group %s in [esp] proposals; remove one "
			"of them",
			dh_group_name(d->proposed_group));
}

/* What is offered and may be weak: a proposal, or the group for PFS. */
struct offer {
	const char *section;
	struct config_place at;
	char name[48];
	char weak[IKE_WEAK_MAX];
};

/* A person must ask for what is weak, and is told once more: in one line for each kind of weakness. */
static void check_weak(struct config_reader *r, const struct offer *offers, unsigned i, unsigned n)
{
	const struct config_draft *d = &r->draft;
	const struct offer *o = &offers[i];
	bool allowed = strcmp(o->section, "ike") == 0 ? d->allow_weak_ike : d->allow_weak_esp;
	char others[40] = "";
	unsigned more = 0;

	if (!o->weak[0])
		return;
	if (!allowed) {
		config_complain(
			r, o->at,
			"[%s] %s is weak (%s); take it out, or set allow-weak = yes in [%s]",
			o->section, o->name, o->weak, o->section);
		return;
	}
	for (unsigned j = 0; j < i; j++) {
		if (strcmp(offers[j].weak, o->weak) == 0)
			return;
	}
	for (unsigned j = i + 1; j < n; j++)
		more += strcmp(offers[j].weak, o->weak) == 0;
	if (more)
		snprintf(others, sizeof(others), "; so are %u more", more);
	config_warn(r, o->at, "[%s] %s is weak (%s) and is offered since allow-weak = yes%s",
		    o->section, o->name, o->weak, others);
}

static void check_weak_ike(struct config_reader *r)
{
	const struct ike_config *ike = &r->draft.config->session.ike;
	struct offer offers[IKE_SUITES_MAX];

	for (unsigned i = 0; i < ike->nsuites; i++) {
		offers[i].section = "ike";
		offers[i].at = config_value_place(r, "ike", "proposals", r->draft.ike_at[i]);
		ike_suite_name(&ike->suites[i], offers[i].name);
		ike_suite_weak(&ike->suites[i], offers[i].weak);
	}
	for (unsigned i = 0; i < ike->nsuites; i++)
		check_weak(r, offers, i, ike->nsuites);
}

static void check_weak_esp(struct config_reader *r)
{
	const struct config_draft *d = &r->draft;
	const struct ike_child_config *child = &d->config->session.child;
	struct offer offers[IKE_SUITES_MAX + 1];
	unsigned n = child->nsuites;

	for (unsigned i = 0; i < n; i++) {
		offers[i].section = "esp";
		offers[i].at = config_value_place(r, "esp", "proposals", d->esp_at[i]);
		esp_suite_name(&child->suites[i], offers[i].name);
		esp_suite_weak(&child->suites[i], offers[i].weak);
	}
	/* A group that comes from [ike] has been looked at there. */
	if (dh_group_is_weak(child->pfs) && (d->pfs == PFS_GROUP || d->proposed_group)) {
		offers[n] = (struct offer){ .section = "esp", .name = "the group for PFS" };
		offers[n].at =
			config_value_place(r, "esp", d->pfs == PFS_GROUP ? "pfs" : "proposals", 0);
		snprintf(offers[n].weak, sizeof(offers[n].weak), "%s", dh_group_name(child->pfs));
		n++;
	}
	for (unsigned i = 0; i < n; i++)
		check_weak(r, offers, i, n);
}

void config_settle_ike(struct config_reader *r)
{
	r->draft.config->session.settle = SETTLE;
	settle_vendor(r);
	settle_transport(r);
	settle_mode(r);
	settle_pfs(r);
	check_weak_ike(r);
	check_weak_esp(r);
}
