/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/client.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "client/dns.h"
#include "client/runtime.h"

#define TUN_QUEUE 1000

/* ---- opening ---- */

/* Locks the journal; what is in it was left by a crash. */
static int open_journal(struct host *h, FILE *notes, FILE *err)
{
	const char *name = h->config->name;
	struct host_undo undo = { .netlink = &h->netlink };
	int rc = journal_open(h->dir, true, &h->journal);

	if (rc == ERR_UNEXPECTED)
		fprintf(err, "godwit: %s is running already, or about to; see godwit status %s\n",
			name, name);
	else if (rc)
		fprintf(err, "godwit: cannot use the journal %s/%s/%s: %s\n", rundir_path(), name,
			RUNDIR_JOURNAL, rc == ERR_PERMISSION ? "it is not ours" : strerror(errno));
	if (rc)
		return SESSION_EXIT_SYSTEM;
	rc = host_undo_journal(&h->journal, &undo, name, err);
	/* It has been complained of: nothing more is done with it. */
	if (rc < 0)
		journal_close(&h->journal);
	if (rc > 0 && notes)
		fprintf(notes, "undid what an earlier %s had left behind\n", name);
	return rc < 0 ? SESSION_EXIT_SYSTEM : 0;
}

static bool offload_tun(const struct config *c)
{
	return c->offload == OFFLOAD_AUTO || c->offload == OFFLOAD_TUN;
}

int host_open_tun(const char *device, bool offload, struct tun *out, FILE *err)
{
	int rc = tun_open(out, device, offload);

	if (rc == 0)
		return 0;
	if (rc == ERR_PERMISSION)
		fprintf(err, "godwit: not allowed to make the device %s; run this as root\n",
			device);
	else if (errno == EBUSY)
		fprintf(err,
			"godwit: the device %s exists already: another connection or program "
			"uses it; name another one with device = in the configuration\n",
			device);
	else if (errno == ENOENT || errno == ENODEV || errno == ENXIO)
		fprintf(err, "godwit: there is no /dev/net/tun; load it as root: modprobe tun "
			     "(in a container, pass the device in)\n");
	else
		fprintf(err, "godwit: cannot make the device %s: %s\n", device, strerror(errno));
	return SESSION_EXIT_SYSTEM;
}

/* On this port, or on any where another program has it. */
static int open_udp(struct net_socket *s, uint16_t port, uint32_t mark, FILE *notes, FILE *err)
{
	int rc = net_udp_open(s, port, mark);

	if (rc == ERR_SYSTEM && errno == EADDRINUSE) {
		rc = net_udp_open(s, 0, mark);
		if (rc == 0 && notes)
			fprintf(notes, "another program has UDP port %u: using %u instead\n", port,
				s->port);
	}
	if (rc)
		fprintf(err, "godwit: cannot open UDP port %u: %s%s\n", port, strerror(errno),
			rc == ERR_PERMISSION ? "; run this as root" : "");
	return rc ? SESSION_EXIT_SYSTEM : 0;
}

static int open_esp(struct host *h, FILE *err)
{
	int rc = net_esp_open(&h->esp, h->mark);

	if (rc)
		fprintf(err, "godwit: cannot open a socket for ESP without UDP: %s%s\n",
			strerror(errno),
			rc == ERR_PERMISSION ?
				"; run this as root, or set [esp] encapsulation to udp" :
				"");
	return rc ? SESSION_EXIT_SYSTEM : 0;
}

/* ESP alone has these, and one that is not open is left alone; IKE sends one datagram at a time. */
static void keep_whole(struct host *h, FILE *notes)
{
	struct net_socket *const data[] = { &h->natt, &h->esp, &h->cisco };
	bool whole = true;

	for (unsigned i = 0; i < ARRAY_SIZE(data); i++)
		whole &= net_socket_keep_whole(data[i]) == 0;
	if (!whole && notes)
		fprintf(notes, "packets that are too large for a link will travel in fragments\n");
}

/* The socket for IKE has no use for it. */
static void offload_sockets(struct host *h)
{
	enum offload_wish wish = h->config->offload;
	unsigned can;

	if (wish != OFFLOAD_AUTO && wish != OFFLOAD_UDP)
		return;
	can = net_offload_test();
	net_socket_offload(&h->natt, can);
	net_socket_offload(&h->cisco, can);
}

static int open_data(struct host *h, FILE *notes, FILE *err)
{
	uint16_t port = h->config->session.cisco_port;
	int rc = 0;

	switch (h->config->session.ike.transport) {
	case IKE_TRANSPORT_UDP:
		break;
	case IKE_TRANSPORT_AUTO:
	case IKE_TRANSPORT_ESP:
		rc = open_esp(h, err);
		break;
	case IKE_TRANSPORT_CISCO_UDP:
		rc = open_esp(h, err);
		if (rc == 0)
			rc = open_udp(&h->cisco, port, h->mark, notes, err);
		break;
	}
	if (rc == 0) {
		keep_whole(h, notes);
		offload_sockets(h);
	}
	return rc;
}

/* Two connections at a time have different interfaces, so they get different numbers. */
uint32_t host_mark_of(const struct tun *t)
{
	return TUN_FWMARK + t->ifindex % TUN_FWMARKS;
}

static int open_sockets(struct host *h, FILE *notes, FILE *err)
{
	uint16_t port = h->config->local_port;
	int rc;

	h->mark = host_mark_of(&h->tun);
	rc = open_udp(&h->ike, port, h->mark, notes, err);
	if (rc == 0)
		rc = open_udp(&h->natt, port ? IKE_NATT_PORT : 0, h->mark, notes, err);
	if (rc == 0)
		rc = open_data(h, notes, err);
	if (rc)
		return rc;
	if (net_router_open(&h->router, h->mark) != 0) {
		fprintf(err, "godwit: cannot talk to the kernel: %s\n", strerror(errno));
		return SESSION_EXIT_SYSTEM;
	}
	/* Without it silence stays unexplained, and no more. */
	net_unreach_open(&h->unreach);
	h->router.source = h->config->local_address;
	h->router.avoid = h->tun.ifindex;
	return 0;
}

static int open_watch(struct host *h, FILE *err)
{
	if (host_watch_open(&h->watch, h->tun.ifindex, &h->netlink) == 0)
		return 0;
	fprintf(err, "godwit: cannot listen to the kernel: %s\n", strerror(errno));
	return SESSION_EXIT_SYSTEM;
}

static int note_line(struct host *h, const char *line, char why[200])
{
	int rc = journal_add(&h->journal, line);

	if (rc)
		snprintf(why, 200, "cannot write the journal: %s",
			 rc == ERR_SYSTEM ? strerror(errno) : "it is full");
	return rc;
}

static int note_state(struct host *h, const struct tun_state *s, char why[200])
{
	char line[TUN_STATE_TEXT_MAX];

	return note_line(h, tun_state_text(s, line), why);
}

int host_note_dns(struct host *h, char why[200])
{
	char line[TUN_STATE_TEXT_MAX];
	int rc = 0;

	if (!h->dns_noted && dns_journal_line(h->dns, line, sizeof(line)))
		rc = note_line(h, line, why);
	h->dns_noted |= rc == 0;
	return rc;
}

/* again: what stands is not made anew, for packets would meet the moment without it. */
static int make_state(struct host *h, const struct tun_state *s, bool again, char why[200])
{
	char line[TUN_STATE_TEXT_MAX];
	int rc = again ? tun_state_restore(&h->netlink, s) : tun_state_add(&h->netlink, s);

	if (rc < 0)
		snprintf(why, 200, "the kernel refuses '%.120s': %s", tun_state_text(s, line),
			 strerror(errno));
	return rc < 0 ? rc : 0;
}

static int add_state(struct host *h, const struct tun_state *s, char why[200])
{
	int rc = note_state(h, s, why);

	return rc ? rc : make_state(h, s, false, why);
}

/* The first packets to the gateway go past what other connections have ruled, too. */
static int open_way(struct host *h, FILE *err)
{
	const enum family families[] = { FAMILY_IP4, FAMILY_IP6 };
	char why[200];

	for (unsigned i = 0; i < ARRAY_SIZE(families) && !h->config->routes_by_script; i++) {
		const struct tun_state mark = tun_mark_rule(families[i], h->mark);

		if (add_state(h, &mark, why) == 0)
			continue;
		fprintf(err, "godwit: %s\n", why);
		return SESSION_EXIT_SYSTEM;
	}
	return 0;
}

int host_open(struct host *h, const struct config *config, const char *keylog, FILE *notes,
	      FILE *err)
{
	int rc;

	*h = (struct host){
		.config = config,
		.user = priv_user(),
		.dir = -1,
		.band = -1,
		.journal.fd = -1,
		.tun.fd = -1,
		.ike = NET_SOCKET_NONE,
		.natt = NET_SOCKET_NONE,
		.esp = NET_SOCKET_NONE,
		.cisco = NET_SOCKET_NONE,
		.unreach = { -1, -1 },
		.keylog = { -1, -1 },
		.watch = HOST_WATCH_NONE,
	};
	if (tun_netlink_open(&h->netlink) != 0) {
		fprintf(err, "godwit: cannot talk to the kernel: %s\n", strerror(errno));
		return SESSION_EXIT_SYSTEM;
	}
	host_repair_others(h, notes, err);
	h->dir = rundir_make(config->name, &h->user, err);
	rc = h->dir < 0 ? SESSION_EXIT_SYSTEM : open_journal(h, notes, err);
	if (rc == 0)
		rc = host_open_tun(config->device, offload_tun(config), &h->tun, err);
	if (rc == 0)
		rc = open_watch(h, err);
	if (rc == 0)
		rc = open_sockets(h, notes, err);
	if (rc == 0)
		rc = open_way(h, err);
	if (rc == 0)
		rc = host_filter_open(h, err);
	if (rc == 0 && keylog_open(&h->keylog, keylog, err) != 0)
		rc = SESSION_EXIT_SYSTEM;
	if (rc)
		host_close(h, err);
	return rc;
}

/* ---- the tunnel's state in the kernel ---- */

static_assert(SESSION_ROUTES_MAX <= TUN_POLICY_MAX, "all routes of a session fit");
static_assert(SESSION_EXCLUDES_MAX + IKE_SPLIT_MAX <= TUN_EXCLUDE_MAX, "and all exclusions");
static_assert(2 * TUN_PLAN_MAX + 1 <= JOURNAL_LINES_MAX, "and those of the next before they go");

/* The first router on the way to the gateway; on a link with it the gateway, or none. */
static struct addr first_router(struct host *h, const struct addr *gateway)
{
	struct net_route route;

	if (net_router_get(&h->router, gateway, &route) != 0)
		return (struct addr){ .family = FAMILY_NONE };
	return route.gateway.family == FAMILY_NONE ? *gateway : route.gateway;
}

static int plan(struct host *h, const struct session_effect *fx, struct tun_state *out)
{
	struct tun_setup setup = {
		.ifname = h->tun.name,
		.path = fx->tun.path,
		.ike_port = h->ike.port,
		.data_port = h->cisco.port,
		.router = first_router(h, &fx->tun.path.remote.addr),
		.table = h->mark,
		.mark = h->mark,
		.band = (unsigned)h->band,
		.n_inner = fx->tun.ninner,
		.remote = fx->tun.routes,
		.n_remote = fx->tun.nroutes,
		.exclude = fx->tun.excludes,
		.n_exclude = fx->tun.nexcludes,
		.policy = fx->tun.policy,
	};

	/* The engines know our sockets by the ports of the RFCs, the kernel by their own. */
	setup.path.local.port = setup.path.local.port == IKE_PORT ? h->ike.port : h->natt.port;
	if (fx->tun.ninner > TUN_INNER_MAX)
		return ERR_NO_ROOM;
	memcpy(setup.inner, fx->tun.inner, fx->tun.ninner * sizeof(setup.inner[0]));
	return tun_plan(&setup, out, TUN_PLAN_MAX);
}

static bool has_line(char (*lines)[TUN_STATE_TEXT_MAX], unsigned n, const char *line)
{
	for (unsigned i = 0; i < n; i++)
		if (strcmp(lines[i], line) == 0)
			return true;
	return false;
}

/*
 * What both need stays where it is, and rules go last: so nothing that is to be protected leaves in
 * the clear meanwhile. Routes and addresses go first, because two routes to one destination have
 * no room.
 */
static void remove_old(struct host *h, bool rules, char (*lines)[TUN_STATE_TEXT_MAX], unsigned n)
{
	struct tun_state s;

	for (unsigned i = h->napplied; i-- > 0;)
		if (!has_line(lines, n, h->applied[i]) && tun_state_parse(h->applied[i], &s) == 0 &&
		    (s.kind == TUN_STATE_RULE) == rules)
			tun_state_del(&h->netlink, &s);
}

static void forget_applied(struct host *h)
{
	free(h->applied);
	free(h->stands);
	h->applied = NULL;
	h->stands = NULL;
	h->napplied = h->nfirm = 0;
}

/* A journal that has grown with every change begins anew; what resolvconf has stays. */
static int make_room(struct host *h, unsigned n, char why[200])
{
	struct host_undo undo = { &h->netlink, .running = true, .record_done = true };
	char record[TUN_STATE_TEXT_MAX];

	if (h->journal.lines + n + 1 <= JOURNAL_LINES_MAX)
		return 0;
	host_filter_clear(h);
	if (host_undo_lines(&h->journal, &undo) < 0) {
		snprintf(why, 200, "cannot empty the journal: %s", strerror(errno));
		return ERR_SYSTEM;
	}
	if (dns_journal_line(h->dns, record, sizeof(record)) && note_line(h, record, why) != 0)
		return ERR_SYSTEM;
	forget_applied(h);
	h->band = -1;
	return 0;
}

/* 1 when the band is ours, 0 when another connection was quicker. */
static int claim_band(struct host *h, unsigned number, char why[200])
{
	const struct tun_state claim = tun_band_claim(number, h->mark);
	struct tun_bands bands;
	int rc = add_state(h, &claim, why);

	if (rc)
		return rc;
	rc = tun_bands_read(&bands);
	if (rc)
		snprintf(why, 200, "cannot read the kernel's rules: %s", strerror(errno));
	if (rc == 0 && bands.holder[number] == h->mark)
		return 1;
	tun_state_del(&h->netlink, &claim);
	return rc;
}

static int take_band(struct host *h, char why[200])
{
	struct tun_bands bands;
	int rc = tun_bands_read(&bands);

	if (rc)
		snprintf(why, 200, "cannot read the kernel's rules: %s", strerror(errno));
	for (unsigned i = 0; i < TUN_BANDS && rc == 0; i++) {
		if (bands.taken[i])
			continue;
		rc = claim_band(h, i, why);
		h->band = (int)i;
	}
	if (rc == 0) {
		snprintf(why, 200, "%u connections have rules on this host already", TUN_BANDS);
		rc = ERR_NO_ROOM;
	}
	if (rc < 0)
		h->band = -1;
	return rc < 0 ? rc : 0;
}

/* The things to have, or a negative enum err. A journal begun anew has given the band away. */
static int prepare(struct host *h, const struct session_effect *fx, struct tun_state *out,
		   char why[200])
{
	int n = 0;

	for (unsigned i = 0; i < 2; i++) {
		int rc = h->band < 0 ? take_band(h, why) : 0;

		if (rc)
			return rc;
		n = plan(h, fx, out);
		if (n < 0) {
			snprintf(why, 200, "too many networks for one tunnel%s",
				 h->band ? " beside another connection" : "");
			return n;
		}
		rc = make_room(h, (unsigned)n, why);
		if (rc)
			return rc;
		if (h->band >= 0)
			break;
	}
	return n;
}

int host_apply_states(struct host *h, const struct tun_state *states, unsigned n, unsigned firm,
		      char why[200])
{
	char(*lines)[TUN_STATE_TEXT_MAX] = xcalloc(n + 1, sizeof(*lines));
	bool *stands = xcalloc(n + 1, sizeof(*stands));
	int rc = 0;

	for (unsigned i = 0; i < n; i++)
		tun_state_text(&states[i], lines[i]);
	remove_old(h, false, lines, n);
	/* Also what was there already: a script may have taken the device down. */
	for (unsigned i = 0; i < n && rc == 0; i++) {
		bool noted = has_line(h->applied, h->napplied, lines[i]);

		rc = noted ? 0 : note_state(h, &states[i], why);
		if (rc)
			break;
		rc = make_state(h, &states[i], noted, why);
		stands[i] = rc == 0;
		rc = i < firm ? rc : 0;
	}
	remove_old(h, true, lines, n);
	forget_applied(h);
	h->applied = lines;
	h->stands = stands;
	h->napplied = n;
	h->nfirm = firm;
	return rc;
}

/* What a script routes we do not know: there our own addresses alone are kept. */
static int apply_filter(struct host *h, const struct session_effect *fx, char why[200])
{
	struct tun_filter_setup setup = {
		.inner = fx->tun.inner,
		.n_inner = fx->tun.ninner,
		.policy = h->config->routes_by_script ? NULL : fx->tun.policy,
		.names = h->config->session.fallback == POLICY_DISCARD &&
			 !h->config->routes_by_script,
	};

	return host_filter_apply(h, &setup, why);
}

int host_apply(struct host *h, const struct session_effect *fx, char why[200])
{
	struct tun_state states[TUN_PLAN_MAX];
	int n = h->config->routes_by_script ? 0 : prepare(h, fx, states, why);

	if (n < 0)
		return n;
	if (apply_filter(h, fx, why) != 0)
		return ERR_SYSTEM;
	if (tun_link_up(&h->netlink, h->tun.name, fx->tun.mtu, TUN_QUEUE) != 0) {
		snprintf(why, 200, "cannot bring up %s: %s", h->tun.name, strerror(errno));
		return ERR_SYSTEM;
	}
	return host_apply_states(h, states, (unsigned)n, (unsigned)n, why);
}

static int restore_all(struct host *h, unsigned *made, char why[200])
{
	int err = 0;

	for (unsigned i = 0; i < h->napplied; i++) {
		struct tun_state s;
		int rc = tun_state_parse(h->applied[i], &s);

		if (rc == 0)
			rc = tun_state_restore(&h->netlink, &s);
		if (rc > 0)
			++*made;
		h->stands[i] = rc >= 0;
		if (rc >= 0 || err || i >= h->nfirm)
			continue;
		err = rc;
		snprintf(why, 200, "%.120s: %s", h->applied[i], strerror(errno));
	}
	return err;
}

/* The same rules in another band. */
static int move_all(struct host *h, unsigned from, char why[200])
{
	struct tun_state *states = xcalloc(h->napplied + 1, sizeof(*states));
	unsigned n = h->napplied;
	bool ok = true;
	int rc = ERR_NO_ROOM;

	for (unsigned i = 0; i < n; i++)
		ok &= tun_state_parse(h->applied[i], &states[i]) == 0 &&
		      tun_band_move(&states[i], from, (unsigned)h->band);
	if (ok)
		rc = host_apply_states(h, states, n, h->nfirm, why);
	else
		snprintf(why, 200, "too many networks for one tunnel beside another connection");
	free(states);
	return rc;
}

/* While all our rules were gone another connection may have begun in their place. */
static int keep_band(struct host *h, char why[200])
{
	struct tun_bands bands;
	int was = h->band;
	int rc = tun_bands_read(&bands);

	if (rc)
		snprintf(why, 200, "cannot read the kernel's rules: %s", strerror(errno));
	if (rc || was < 0 || bands.holder[was] == h->mark)
		return rc;
	rc = take_band(h, why);
	if (rc == 0)
		rc = move_all(h, (unsigned)was, why);
	if (h->band < 0)
		h->band = was;
	return rc;
}

int host_restore(struct host *h, unsigned *made, char why[200])
{
	int err = restore_all(h, made, why);
	int rc = tun_filter_restore(&h->filter);

	if (rc > 0)
		++*made;
	if (rc < 0 && err == 0) {
		err = rc;
		snprintf(why, 200, "packets in the clear: %s", strerror(errno));
	}
	if (err == 0 && *made)
		err = keep_band(h, why);
	return err;
}

int host_look(struct host *h, const struct addr *remotes, unsigned n, struct host_facts *out)
{
	const struct net_facts *net = &out->net;

	if (h->config->local_address.family != FAMILY_NONE)
		return ERR_UNSUPPORTED;
	if (net_facts_read(&h->router, remotes, n, &out->net) != 0)
		return ERR_SYSTEM;
	for (unsigned i = 0; i < net->nlinks; i++)
		out->links[i] = (struct paths_link){ net->links[i].ifindex, net->links[i].up,
						     net->links[i].ifindex == h->tun.ifindex };
	for (unsigned i = 0; i < net->naddrs; i++)
		out->addrs[i] = (struct paths_addr){ net->addrs[i].ifindex, net->addrs[i].addr,
						     net->addrs[i].tentative };
	for (unsigned i = 0; i < net->nways; i++)
		out->routes[i] = (struct paths_route){ net->ways[i].remote, net->ways[i].ifindex,
						       net->ways[i].source, net->ways[i].best };
	out->paths = (struct paths_facts){ out->links,	out->net.nlinks, out->addrs,
					   net->naddrs, out->routes,	 net->nways };
	return 0;
}

int host_set_mtu(struct host *h, unsigned mtu)
{
	return tun_link_mtu(&h->netlink, h->tun.name, mtu);
}

void host_close(struct host *h, FILE *err)
{
	struct host_undo undo = {
		.netlink = &h->netlink,
		.running = h->dns,
		.record_done = !h->dns || h->dns->state == DNS_NOTHING,
	};

	tun_filter_close(&h->filter);
	if (h->journal.fd >= 0)
		host_undo_journal(&h->journal, &undo, h->config->name, err);
	forget_applied(h);
	tun_close(&h->tun);
	host_watch_close(&h->watch);
	net_socket_close(&h->ike);
	net_socket_close(&h->natt);
	net_socket_close(&h->esp);
	net_socket_close(&h->cisco);
	net_unreach_close(&h->unreach);
	if (h->router.nl)
		net_router_close(&h->router);
	tun_netlink_close(&h->netlink);
	keylog_close(&h->keylog);
	journal_close(&h->journal);
	if (h->dir >= 0) {
		close(h->dir);
		rundir_remove(h->config->name);
	}
	h->dir = -1;
}
