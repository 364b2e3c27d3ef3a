/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The inside of a session, shared by its files and by nobody else:
 *
 *	session.c          effects and steps, finding the gateway, the end, the four verbs
 *	session_ike.c      the ISAKMP SAs: begun, answered, renewed, replaced
 *	session_user.c     what is known of the user, what is asked of a person (XAUTH)
 *	session_config.c   what the gateway gives (Mode Config): addresses, tunnels, rules, routes
 *	session_rules.c    the rules of the SPD, and the slots that serve them
 *	session_names.c    rules with names, which come to stand for other addresses
 *	session_tunnels.c  negotiations of tunnels, by either end
 *	session_demand.c   tunnels that wait for their first packet: made, refused, closed when idle
 *	session_epochs.c   the epochs of a tunnel: published, watched, retired
 *	session_probes.c   pings: whom they ask, what their answers and their silence mean
 *	session_model.c    whether they hold against the NATs that raw ESP may pass
 *	session_recover.c  is the gateway alive, and what if not
 *	session_roam.c     our own address changes: the connection goes with it
 *	session_keepalive.c  what keeps the NAT's mapping when nothing else is sent
 *	session_mtu.c      what fits the path
 *	session_wishes.c   what somebody asks for and waits for: new keys, a ping
 *	session_info.c     what status shows
 */
#ifndef GODWIT_CLIENT_SESSION_IMPL_H
#define GODWIT_CLIENT_SESSION_IMPL_H

#include "base/timer.h"
#include "client/session.h"
#include "client/session_epochs.h"
#include "client/session_told.h"
#include "client/session_search.h"
#include "mobility/prober.h"
#include "mobility/update.h"
#include "packet/packet.h"

_Static_assert(SESSION_SLOTS_MAX <= CLASSIFIER_SLOTS, "each has a place in the classifier");

/*
 * Effects that one event can add: a tunnel gives two for each epoch (it moves, and it is retired), its
 * slot, and whom it pings on two of them, the rest few.
 */
#define EFFECTS_SPARE 256
#define EFFECTS_MAX ((2 * EPOCHS_MAX + 4 + 2 * TARGETS_MAX) * SESSION_SLOTS_MAX + EFFECTS_SPARE)

#define NOTIFY_NO_PROPOSAL 14 /* RFC 2408 section 3.14.1 */
#define NOTIFY_SPI 11 /* INVALID-SPI */
#define NOTIFY_INVALID_ID 18

#define SESSION_IKES_KEPT 6 /* established: the one in use and those that it replaced */
#define SESSION_HALF_OPEN_MAX 2 /* begun by the peer and not yet proved */
/* And one of ours that is not established, and one that is closing. */
#define SESSION_IKES_MAX (SESSION_IKES_KEPT + SESSION_HALF_OPEN_MAX + 2)
#define SESSION_UNDER_WAY_MAX 3 /* of our own quick modes, the others queue */
#define SESSION_NEGOTIATIONS_MAX 40 /* the peer's, too */
#define SESSION_GOODBYES_MAX (SESSION_SLOTS_MAX * EPOCHS_MAX)
/* ISAKMP SAs without any answer to pings, where a NAT may be what keeps them away. */
#define SESSION_UNANSWERED_MAX 2
#define SESSION_UNANSWERED_LATER 6 /* the same, of hosts that have answered before */
#define SESSION_EPOCH_LASTS (60 * VTIME_S) /* one that is deleted earlier was made in vain */
#define SESSION_WAITING_MAX 16 /* packets for which there is no slot yet */

/* What one ISAKMP SA's gateway wants to know of the user. */
struct session_xauth {
	bool asking; /* it waits for an answer */
	unsigned fields; /* of the last round: 1 << enum xauth_field */
	char message[IKE_SAID_MAX]; /* of the last round */
	bool answered; /* once at least */
	bool person; /* the last answer was a person's, not memory's alone */
	bool nobody; /* there was nobody to answer */
	unsigned used; /* what has been answered so far */
	unsigned typed; /* of that what a person has given for this SA */
};

/* One ISAKMP SA. */
struct session_ike {
	struct ike_sa *sa; /* NULL: the place is free */
	bool accepted; /* the peer began it */
	bool first; /* of an attempt to connect, and not yet established */
	bool authenticated; /* the gateway is who it must be */
	bool cisco; /* the gateway ends children with the ISAKMP SA that they came by */
	bool own; /* the gateway is this program, too, or says so */
	bool parting; /* of no use any more; a goodbye is said when the next one begins */
	bool closing; /* a goodbye is to be said */
	bool closed; /* it has been told so */
	bool forgotten; /* it goes without a goodbye */
	uint64_t order; /* grows with each that is established; 0: not yet */
	vtime rekey_at; /* VTIME_NEVER: not this one */
	vtime expires_at; /* as far as rekey_at knows */
	struct path path;
	enum nat nat;
	bool nat_known; /* both ends looked for one */
	vtime refused_at; /* an offer of the gateway's for a tunnel that there is; 0: never */
	bool refused_last; /* and nothing has come since */
	struct identity peer;
	struct session_xauth xauth;
	const struct ike_assigned *assigned; /* given before it was established; the engine's */
};

/* A quick mode under way; id 0: the place is free. */
struct negotiation {
	uint32_t id; /* ours: of the epoch to be; the peer's: IKE's name for its offer */
	struct session_ike *ike;
	bool ours;
	unsigned slot;
	uint32_t spi;
	struct esp_in *in; /* the peer's: it may send before its last message has come */
	uint32_t spi_out; /* once there is `in` */
	bool deleted; /* the peer's Delete for that has overtaken its last message */
	uint32_t epoch; /* what the epoch to be is called */
};

/* What the session keeps for an epoch beside its state: in the same place as epochs.epoch. */
struct session_epoch {
	struct esp_in *in;
	struct esp_out *out;
	struct ike_child child; /* as agreed; its secrets are wiped once the SAs hold them */
	vtime settles_at; /* not used before, for it is new to the gateway; 0: it is */
	uint64_t heard; /* packets that had come when it was last looked at */
	vtime looked_at; /* when that was */
	vtime heard_at; /* the prober knows of what came until then */
	bool awaited; /* the data threads tell when something comes on it */
	enum epoch_state told; /* to the log */
};

/* One thing that is known of the user. */
struct session_fact {
	bool known;
	bool typed; /* by a person, not from the configuration */
	struct secret value;
};

/* The user, and what a person is asked. */
struct session_user {
	struct session_fact fact[XAUTH_FIELDS]; /* good for any number of times */
	struct session_fact given[XAUTH_FIELDS]; /* answered ahead, good for once */
	char given_message[IKE_SAID_MAX]; /* what that was an answer to */
	unsigned needs; /* what the last XAUTH took that only a person can give */
	char message[IKE_SAID_MAX]; /* what the gateway said then */
	bool again; /* what was answered last was refused: */
	unsigned refused; /* these fields */
	unsigned refusals; /* of what a person has given, in sequence */
	char said[IKE_SAID_MAX]; /* the gateway's words of the last refusal */
	bool nobody; /* to answer, before this ISAKMP SA ends */
	vtime settles_at; /* an SA is established, and its gateway may still ask */
	struct session_ask ask; /* what a person is being asked; id 0: nothing */
	struct session_ike *ike; /* that waits for it; NULL: it was asked ahead */
	uint32_t asks; /* names given so far */
};

/* What a slot is for. */
struct session_slot {
	bool used;
	bool on_demand; /* it waits for its first packet */
	/* HOST, FLOW: a template, which has no SA: those made of it do */
	enum policy_granularity granularity;
	bool made; /* of slot `template`, for one host or flow: `made_for` */
	enum policy_granularity made_for;
	unsigned template;
	const struct session_rule *rule; /* NULL: one of [tunnel]'s own */
};

/*
 * What is reached through the tunnel, and from which addresses. Slots are, in this order, those of
 * rules, [tunnel]'s own, and those that are made for a host or a flow. Those of rules that come when
 * a name stands for other addresses are wherever there is room.
 */
struct session_net {
	struct addr inner[SESSION_INNER_MAX];
	unsigned ninner;
	struct ts_pair tunnels[SESSION_SLOTS_MAX]; /* slot i is for tunnels[i] */
	struct session_slot slots[SESSION_SLOTS_MAX];
	unsigned nown; /* [tunnel]'s */
	unsigned nfixed; /* with those of rules, as they were first */
	unsigned ntunnels; /* all: no slot from here on is used */
	struct prefix routes[SESSION_ROUTES_MAX];
	unsigned nroutes;
	struct prefix excludes[SESSION_EXCLUDES_MAX + IKE_SPLIT_MAX];
	unsigned nexcludes;
	struct policy rules;
	unsigned nconfigured; /* the first of `rules`, not counting those of slots that are made */
	bool full; /* there was no room for all of them */
	bool whole; /* tunnels to all addresses, because nobody named the networks to IKE */
	bool split; /* and there are Unity's networks that could be named */
};

/* One tunnel: its place in the classifier and the epochs that serve it. */
struct tunnel {
	struct ike_child_config config; /* what is negotiated for it */
	struct epochs epochs;
	struct session_epoch epoch[EPOCHS_MAX];
	struct prober prober;
	uint32_t pinged; /* the epoch whose last ping is not answered; 0: none */
	struct ts_pair agreed; /* what may come and go on the newest epoch */
	unsigned unproved; /* epochs that were given up, in sequence */
	struct esp_out *published, *published_next;
	bool served; /* it has been up in this connection */
	bool wanted; /* a new epoch, while the peer is about to make one */
	unsigned failures; /* in sequence, to negotiate it */
	unsigned twins; /* in sequence: SPIs of ours that the gateway did not want */
	vtime retry_at;
	unsigned brief; /* epochs that the peer deleted when they were young, in sequence */
	vtime rest_until; /* no negotiation begins before, because of these */
	uint64_t queued; /* its turn among those that wait to be negotiated; 0: it does not */
	bool demanded; /* packets wait for it */
	unsigned refusals; /* in sequence */
	vtime refused_until; /* 0: it is not */
	const char *refused_why; /* static */
	vtime active_at; /* a packet of the host's, or for it, had come or gone at the last look */
};

enum session_timer {
	T_EPOCHS, /* something is due for an epoch */
	T_PROBES, /* a ping */
	T_TUNNELS, /* negotiate again */
	T_IKES, /* renew the ISAKMP SA */
	T_WATCH, /* the gateway may have been silent for long */
	T_RECOVER, /* the next attempt */
	T_PATH_MTU, /* the path may be wider again */
	T_KEEPALIVE, /* nothing may have been sent for long enough */
	T_ASK, /* what a person is being asked is of no use any more */
	T_ROAM, /* whether the gateway follows */
	T_WISHES, /* who waits has waited long enough */
	T_DEMAND, /* a tunnel may be idle, or a slot be free for somebody who waits */
	T_COUNT,
};

/* A packet is held for which there was no slot. */
struct session_waiting {
	unsigned template;
	struct tuple tuple;
	vtime until;
};

/* Where we talk from, and what has become of it. */
struct session_roam {
	struct paths paths;
	bool known; /* `paths` knows of s->path */
	bool looking; /* facts will come */
	bool again; /* somebody waits for them */
	bool slept;
	bool failed; /* nobody has answered on this path: is there another? */
	bool ask_all; /* there are SAs that the last request did not list */
	bool held; /* RECOVERING because there is no path, and for no other reason */
	bool release; /* what was held for that: as soon as all messages are sent */
	bool moved; /* what the kernel is to do about a move: behind that */
	vtime since; /* of what is not answered yet; 0: all is well */
	struct update_client update;
	struct addr arrived_to; /* the last IKE message */
	enum nat nat; /* as the last answer shows */
	uint16_t asked_from; /* pings with a higher number are of this path */
	vtime ask_at; /* once more */
	struct session_mobility told;
};

/* Where the next attempt begins. */
enum session_start {
	START_FIRST, /* with the first gateway */
	START_SAME, /* with the address that was the last */
	START_NEXT, /* with the one behind it */
};

/* Somebody waits for it. */
struct session_wished {
	struct session_granted granted; /* id 0: the place is free */
	vtime since, until;
	uint64_t order; /* of the ISAKMP SA that there was */
	unsigned lost; /* ike_lost by then */
	bool ike; /* it waits for another one */
	bool tunnels; /* then tunnels are renewed: of this name, all when there is none */
	char tunnel[SESSION_RULE_NAME_MAX];
	uint32_t newest[SESSION_SLOTS_MAX]; /* the epoch whose successor is waited for; 0: none is */
	uint16_t sequence; /* of a ping */
};

struct session {
	const struct session_config *config;
	struct rng *rng;
	struct log *log;
	struct session_unheld unheld[SESSION_SLOTS_MAX];
	bool keylog;
	struct ike_config ike_config; /* a copy: what is wished for and who is expected change */

	enum session_state state;
	vtime since;
	enum session_step step;
	vtime step_began;

	unsigned gateway; /* index of the gateway being tried: config->gateways, then backup */
	char backup[IKE_BACKUP_MAX][IKE_NAME_MAX]; /* that gateways have named */
	unsigned nbackup;
	unsigned redirects; /* in sequence */
	struct addr addrs[SESSION_ADDRESSES_MAX]; /* of that gateway */
	unsigned naddrs;
	unsigned addr; /* index of the address being tried */
	struct addr known; /* where the gateway was found last; FAMILY_NONE: nowhere yet */
	unsigned known_of; /* index of that gateway */
	enum session_start start;
	/* Left behind since an epoch was proved last: other addresses of that gateway, gateways. */
	unsigned addrs_tried, gateways_tried;
	unsigned path_mtu; /* of outer packets, as far as the kernel knows */

	struct path path;
	uint32_t generation;
	enum nat nat;
	bool nat_known; /* both ends looked for one */
	struct identity peer;
	struct session_ike ike[SESSION_IKES_MAX];
	uint64_t ike_order;
	bool unheard; /* the gateway has fallen silent, and has not been heard since */
	bool starting; /* the first phase 1 of an attempt, when all goodbyes are said */
	bool orphaned; /* the ISAKMP SA has ended, nobody has answered, and the tunnels go on */
	unsigned ike_failures; /* in sequence, to renew the ISAKMP SA */
	vtime ike_retry_at;
	unsigned ike_lost; /* renewals that came to nothing, in all; of the last one: */
	char ike_lost_why[100];
	struct session_wished wished[SESSION_WISHES_MAX];
	vtime accepted_at; /* the last time that the peer began one; 0: never */
	unsigned mtu; /* of the TUN */
	struct path tun_path; /* what it was set up for */
	bool narrow; /* the path carries less than an inner link must */
	vtime sent_at; /* when we, or for us the data threads, last sent to the gateway */
	vtime mtu_asked; /* when the kernel was asked for the path MTU, 0: never */
	bool tun_asked; /* once at least */
	bool tun_waiting; /* for the answer */
	bool tun_due; /* it has changed since */
	struct session_user user;
	struct session_net net;
	struct ike_assigned assigned; /* what the gateway gave last */
	bool has_assigned;
	bool one_by_one; /* the gateway does not take one tunnel for all of Unity's networks */

	struct tunnel tunnels[SESSION_SLOTS_MAX]; /* no more is touched than is used */
	enum policy_granularity granularity[SESSION_RULES_MAX]; /* what the gateway takes */
	unsigned made; /* how many slots behind the fixed ones the next search begins */
	bool rules_due; /* to be published */
	unsigned nforgotten; /* slots whose packets may have asked for what is gone: they ask anew */
	struct session_addrs named[SESSION_NAMES_MAX]; /* what the names of rules stand for */
	struct session_waiting waiting[SESSION_WAITING_MAX];
	unsigned nwaiting;
	vtime waiting_at; /* when they are looked at again */
	bool turned_away; /* somebody has asked in vain; nobody knows who */
	vtime called_at; /* not before that all of those ask anew */
	uint64_t queue_order;
	struct negotiation negotiations[SESSION_NEGOTIATIONS_MAX];
	uint32_t epochs; /* names given so far */
	struct timers timers;
	struct ike_failure last_child_failure;
	unsigned last_failed_slot; /* which it is of */
	struct search search; /* for what would be accepted instead */
	struct session_unreachable unreachable; /* of this look for a path */
	/* Deletes to be sent, one by one, so that IKE need not keep many messages. */
	uint32_t goodbyes[SESSION_GOODBYES_MAX];
	unsigned first_goodbye, ngoodbyes;

	struct esp_probe_key probe_key;
	struct targets targets; /* of pings */
	const char *
		ping_why; /* what is amiss where data alone proves an epoch; NULL: nothing; static */
	unsigned unanswered; /* ISAKMP SAs that were given up while nobody had answered a ping */
	bool target_doubted; /* it has not answered lately, and all are asked again */
	bool target_warned, nat_warned;
	bool passes_over; /* a refusal made this gateway give up its ISAKMP SA: it gets none any more */
	struct ladder ladder;
	unsigned failures; /* attempts to recover that failed in sequence */
	unsigned relapses; /* recoveries in sequence that did not last, whatever was heard meanwhile */
	vtime heard_at; /* when something authentic came last, as far as that has been noticed */
	vtime look_at; /* for what may have come while it was put into doubt */
	bool probing; /* the gateway has been asked whether it is alive */

	struct session_roam roam;

	struct session_effect queue[EFFECTS_MAX];
	unsigned head, queued;
	enum session_exit exit; /* while closing: how it ends */
	char why[SESSION_WHY_MAX]; /* while closing or recovering: because of what */
	bool over;
};

/* ---- session.c ---- */

#define SESSION_GATEWAY_TEXT_MAX 320

/* Appends an effect of this type, zeroed, for the caller to fill in. */
struct session_effect *session_effect_add(struct session *s, enum session_effect_type type);
void session_set_state(struct session *s, vtime now, enum session_state state);
/* Reports that a step begins, or that the current one ended well. */
void session_step_begin(struct session *s, vtime now, enum session_step step, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void session_step_end(struct session *s, vtime now, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/*
 * Ends the session: Deletes to the gateway where there is an ISAKMP SA, then every tunnel retired
 * and DONE with this exit and line. The first call counts.
 */
void session_close(struct session *s, vtime now, enum session_exit exit, const char *text);
/* The last ISAKMP SA is gone while closing. */
void session_finish(struct session *s, vtime now);
/* An attempt to connect failed: the end of the session at first, another attempt later on. */
void session_failed(struct session *s, vtime now, enum session_exit exit, const char *text);
/* The same for a failure of IKE; `next`: the next address is tried before. */
void session_failed_ike(struct session *s, vtime now, const struct ike_failure *why, bool next);
/* Begins to look for the gateway, at s->start. */
void session_find(struct session *s, vtime now);
/* Addresses of the gateway being tried, and other gateways, that have not been tried in vain. */
unsigned session_addresses_left(const struct session *s);
unsigned session_gateways_left(const struct session *s);
/* Tries the same address once more; another one, which the gateway has named. */
void session_try_again(struct session *s, vtime now);
void session_try_other(struct session *s, vtime now, const struct addr *other);
/* The name of the gateway being tried. */
const char *session_gateway_name(const struct session *s);
/* As status shows the tunnel of this slot: its rule's name, or "tunnel-N" for one of [tunnel]'s own. */
void session_slot_name(const struct session *s, unsigned slot, char buf[SESSION_RULE_NAME_MAX]);
/* "192.0.2.1", or "vpn.example.com (192.0.2.1)" when the name is not the address. */
const char *session_gateway_text(const struct session *s, char buf[SESSION_GATEWAY_TEXT_MAX]);
/* How long an SA of this life (0: no limit) is kept before it is renewed. */
struct epoch_life session_life(const struct session *s, vtime now, uint32_t seconds);

/* ---- session_ike.c ---- */

/* The ISAKMP SA that new exchanges go over: of the established ones the last; NULL: none. */
struct session_ike *session_ike_main(struct session *s);
const struct session_ike *session_ike_newest(const struct session *s);
const struct session_ike *session_ike_shown(const struct session *s);
/*
 * Begins the first phase 1 of an attempt on s->path, once all goodbyes are said. To a gateway that
 * has fallen silent they are said when it is heard.
 */
void session_ike_start(struct session *s);
/* Begins to renew the ISAKMP SA, unless that is under way. */
void session_ike_renew(struct session *s, vtime now);
void session_ike_datagram(struct session *s, vtime now, const struct session_event *ev);
/* Closes all: those that are established say so to the gateway. Their DEAD follows. */
void session_ikes_close(struct session *s, vtime now);
/* None is used any more. The goodbyes wait until session_ike_start. */
void session_ikes_part(struct session *s, vtime now);
void session_ikes_free(struct session *s);
bool session_ikes_any(const struct session *s);
/* Time to renew the ISAKMP SA, and when that is. */
void session_ikes_due(struct session *s, vtime now);
vtime session_ikes_due_at(const struct session *s);
/* IKE's own timers. */
void session_ikes_timeout(struct session *s, vtime now);
vtime session_ikes_deadline(const struct session *s);
/*
 * The next message that an ISAKMP SA sends; what else it has to tell is dealt with on the way, and
 * then false is returned as long as there are effects to be given out first.
 */
bool session_ikes_output(struct session *s, vtime now, struct session_effect *out);

/* This one will not be: ours is begun anew. */
void session_ike_abandon(struct session *s, vtime now, struct session_ike *i);

/* ---- session_user.c ---- */

void session_user_init(struct session *s);
void session_user_free(struct session *s);
/* The gateway asks: answered from memory at once, or a person is asked. */
void session_user_ask(struct session *s, vtime now, struct session_ike *i,
		      const struct ike_effect *fx);
void session_user_answer(struct session *s, vtime now, const struct session_event *ev);
/* True when a new ISAKMP SA needs nothing of a person that is not there. */
bool session_user_ready(const struct session *s);
/* Asks for what the next ISAKMP SA will need; of no use after `until`. */
void session_user_ask_ahead(struct session *s, vtime now, vtime until);
/* This SA is established: what it took is known, and nothing is asked ahead any more. */
void session_user_established(struct session *s, vtime now, struct session_ike *i);
/* True when the user of this SA, which is dead, was refused: what was answered is not any more. */
bool session_user_refused(struct session *s, const struct session_ike *i,
			  const struct ike_failure *why);
/* True when a person has been refused too often. */
bool session_user_spent(const struct session *s);
/* The end: a person has been refused too often. */
void session_user_fail(struct session *s, vtime now);
/* A password that was typed is not kept. */
void session_user_forget_password(struct session *s);
/* This SA goes: it does not wait any more. */
void session_user_gone(struct session *s, const struct session_ike *i);
/* Nothing that was asked or answered ahead is of use any more. */
void session_user_stop(struct session *s);
void session_user_due(struct session *s, vtime now);
vtime session_user_due_at(const struct session *s);

/* ---- session_rules.c ---- */

/* The configured rules go first. */
void session_rules_add(const struct session *s, struct session_net *net);
/* One rule at the end, without a slot; without room for it nothing passes that no rule names. */
void session_rule_add(struct session_net *net, const struct ts_pair *ts, enum policy_action action,
		      unsigned slot);
/* Instead of a tunnel for which there is no room: nothing may go there. */
void session_rule_refuse(struct session_net *net, const struct ts_pair *ts);
/* What is reached through the tunnel by these selectors, if that is a whole prefix. */
void session_route_add(struct session_net *net, const struct ts *remote);
/* A fixed slot; `rule` NULL: one of [tunnel]'s own. -1: there is no room. */
int session_slot_add(const struct session *s, struct session_net *net, const struct ts_pair *ts,
		     const struct session_rule *rule);
/* What a slot is to be negotiated with. */
const struct ike_child_config *session_slot_child(const struct session *s, unsigned slot);
/* Silence after which the tunnel is closed; 0: never. */
vtime session_slot_idle_close(const struct session *s, unsigned slot);
/* What is offered for these selectors: IKEv1 has one port or all of them. */
struct ts_pair session_ts_offer(const struct ts_pair *ts);
/* What may come and go on an SA for `agreed`: our own ports, where the offer had to name all. */
struct ts_pair session_ts_use(const struct ts_pair *ts, const struct ts_pair *agreed);
/* And, for slots that are another net's now, that whoever has asked for an SA must ask anew. */
void session_rules_publish(struct session *s);
/* Who has asked for an SA of this slot is not known any more: who waits asks once more. */
void session_ask_anew(struct session *s, unsigned slot);
/*
 * The SPD has changed: it is published once, behind all that has been decided by then, so that no
 * rule finds in its slot what was another one's.
 */
void session_rules_changed(struct session *s);

/* True when this slot is in use and was not made for a host or a flow. */
bool session_slot_is_fixed(const struct session_net *net, unsigned slot);

/* ---- session_names.c ---- */

void session_names_init(struct session *s);
/* The selectors of a rule as its names stand now; how many. *full: there are more. */
unsigned session_rule_pairs(const struct session *s, const struct session_rule *rule,
			    struct ts_pair out[SESSION_RULE_TS_MAX], bool *full);
/* A name has been looked up. */
void session_name_answer(struct session *s, vtime now, const struct session_event *ev);
/* The gateway is at s->path: no name may stand for that. */
void session_names_path(struct session *s, vtime now);

/* ---- session_config.c ---- */

/* Addresses, tunnels, rules as configured. */
void session_net_init(struct session *s);
/* Mode Config has given something over this SA. */
void session_config_take(struct session *s, vtime now, struct session_ike *i,
			 const struct ike_assigned *assigned);
/*
 * This SA is established: what it has been given is used. `attempt`: it is the first of an attempt
 * to connect. False: the tunnels cannot be, or are negotiated already.
 */
bool session_config_use(struct session *s, vtime now, struct session_ike *i, bool attempt);
/*
 * The gateway does not know what was offered: true when that was everything at once, under Unity,
 * and the networks are offered one by one now.
 */
bool session_config_narrow(struct session *s, vtime now);
/* How ESP travels where IKE has agreed on this. */
enum encapsulation session_encapsulation(const struct session *s, enum encapsulation agreed);
/* How it travels from now on, as agreed for this child. */
void session_encapsulate(struct session *s, const struct ike_child *child);

/* ---- session_tunnels.c ---- */

/* True when this one is negotiated without being asked for. */
bool session_tunnel_eager(const struct session *s, unsigned slot);
/* How many of these there are. */
unsigned session_tunnels_eager(const struct session *s);
/* Forgets what was there of this tunnel, whose epochs are gone. */
void session_tunnel_reset(struct session *s, unsigned slot);
/* A quick mode of this tunnel is under way, or waits for its turn. */
bool session_tunnel_pending(const struct session *s, unsigned slot);
/* The step that a person sees. */
void session_tunnels_step(struct session *s, vtime now);
/* Asks IKE for a child for every tunnel that is not on demand, and ends the step without any. */
void session_tunnels_begin(struct session *s, vtime now);
/* The next that wait, as far as they may. */
void session_tunnels_next(struct session *s, vtime now);
/* Asks for a new child of one tunnel, now or as soon as may be. */
void session_negotiate(struct session *s, vtime now, unsigned slot);
/* The same at once, whatever came of earlier ones; the session is up and has an ISAKMP SA. */
void session_tunnel_renew(struct session *s, vtime now, unsigned slot);
/* The SAs hold the keys by now: wipes the key material that made them. */
void session_tunnels_wipe(struct session *s);
/* Takes the child's secrets, as session_child_up. */
void session_child_ready(struct session *s, vtime now, struct session_ike *ike,
			 struct ike_child *child);
void session_child_up(struct session *s, vtime now, struct session_ike *ike,
		      struct ike_child *child);
void session_child_failed(struct session *s, vtime now, struct session_ike *ike, uint32_t id,
			  const struct ike_failure *why);
/* This ISAKMP SA is dead, or silent: it may be that the gateway did not stand being refused. */
void session_refusal_judge(struct session *s, vtime now, const struct session_ike *ike, bool dead);
/* The peer wants one. */
void session_child_offer(struct session *s, vtime now, struct session_ike *ike, uint32_t id,
			 const struct ts_pair *ts);
/* What this ISAKMP SA negotiated has come to nothing with it. */
void session_negotiations_lost(struct session *s, vtime now, const struct session_ike *ike,
			       const struct ike_failure *why);
/* The end of those for this slot, of which the gateway is told. */
void session_negotiations_drop_slot(struct session *s, unsigned slot);
/* The end of all, of which the gateway is told. */
void session_negotiations_drop(struct session *s);
/* The end of all; the same without effects, for a session that is freed. */
void session_negotiations_end(struct session *s);
void session_negotiations_free(struct session *s);
/* Rules and routes have changed while the device is there: it follows, now or before it is up again. */
void session_tun_follow(struct session *s);
/* The gateway names other servers or domains: who manages names is told, now or when it is up again. */
void session_tun_names(struct session *s);
/* The session is up, and its device was set up for another path: it follows. */
void session_tun_outer(struct session *s);
/* The last negotiation of an attempt may have ended. */
void session_tunnels_settle(struct session *s, vtime now);
/* Time to try again, and when that is. */
void session_tunnels_due(struct session *s, vtime now);
vtime session_tunnels_due_at(const struct session *s);

/* ---- session_demand.c ---- */

/* A packet waits for an SA. */
void session_need_sa(struct session *s, vtime now, const struct data_event *ev);
/* Another connection begins: what is on demand has no SA until it is asked for. */
void session_demand_begin(struct session *s, vtime now);
/* The session is up: what has been asked for meanwhile is negotiated. */
void session_demand_resume(struct session *s, vtime now);
/* This tunnel has an SA. */
void session_demand_served(struct session *s, vtime now, unsigned slot);
/* The negotiation of a tunnel has failed that has none. */
void session_demand_failed(struct session *s, vtime now, unsigned slot,
			   const struct ike_failure *why);
/* Takes the SAs of a tunnel away, and its slot if it was made for a host or a flow. */
void session_tunnel_close(struct session *s, unsigned slot, const char *why);
/* Nothing is to be had for this slot until then. */
void session_refuse(struct session *s, unsigned slot, vtime until, const struct ike_failure *why);
/* That is over, for one; for all, because the host's network has changed. */
void session_refusal_end(struct session *s, unsigned slot);
void session_refusals_end(struct session *s, vtime now);
/* Idle tunnels and unused slots, and when to look at them. */
void session_demand_due(struct session *s, vtime now);
vtime session_demand_due_at(const struct session *s);

/* ---- session_probes.c ---- */

void session_probes_init(struct session *s);
/* What is to be known of pings before the first one. */
void session_probes_key(struct session *s);
/* Raw ESP passes a NAT, or may: what is not proved carries nothing. */
bool session_is_strict(const struct session *s);
/* An epoch with these selectors is about to be installed: whom it asks, and how it is trusted. */
void session_probes_prepare(struct session *s, unsigned slot, const struct ts_pair *agreed);
/* It is there, and pings go through it from `at` on. */
void session_probes_begin(struct session *s, vtime now, unsigned slot, uint32_t id, vtime at);
void session_probes_proved(struct session *s, unsigned slot, uint32_t id);
/* No epoch is probed any more: all begins anew. */
void session_probes_stop(struct session *s);
/* Asks over what data goes out on now, out of turn. */
void session_probes_ask(struct session *s);
void session_probe_reply(struct session *s, vtime now, const struct data_event *ev);
/* The ISAKMP SA is given up because no epoch could be proved. */
void session_probes_exhausted(struct session *s, vtime now);
void session_probes_due(struct session *s, vtime now);
vtime session_probes_due_at(const struct session *s);
/* Something is to be sent in any case: pings that are due soon go in its place. False: there are none. */
bool session_probes_hasten(struct session *s, vtime now);
void session_ping_info(const struct session *s, struct session_ping_info *out);

/* The address of ours that can ask this one through these selectors; NULL: none can. */
const struct addr *session_probes_source(const struct session *s, const struct ts_pair *ts,
					 const struct addr *to);
/* Sends this ping on an SA; NULL: a dummy. */
void session_probes_send(struct session *s, struct esp_out *out, const struct packet_echo *echo);

/* ---- session_wishes.c ---- */

void session_wish(struct session *s, vtime now, const struct session_event *ev);
/* A reply to one of our probes is that to somebody's ping. */
bool session_wish_answered(struct session *s, vtime now, const struct data_event *ev);
/* A renewal of the ISAKMP SA has come to nothing. */
void session_wishes_ike_lost(struct session *s, const struct ike_failure *why);
/* What has come of the wishes, when all that has happened has been dealt with. */
void session_wishes_follow(struct session *s, vtime now);
void session_wishes_due(struct session *s, vtime now);
vtime session_wishes_due_at(const struct session *s);

#include "client/session_ways.h"

#endif
