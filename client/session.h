/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The session: one connection, as a pure engine. It joins ike/ and esp/ (which do not know each
 * other): IKE hands out key material and selectors, the session makes SAs of them and publishes
 * them. It has no socket, no file and no clock; the runtime (loop.c) and the simulator drive the
 * same object with the same four verbs.
 *
 *	DOWN ──CONNECT──► RESOLVING ──► PATH ──► IKE ──► CHILDREN ──► UP ◄────────────────┐
 *	  ▲                  │           │        │         │          │ the gateway is     │
 *	  │                  └─ the next gateway address, or the last  │ silent or has      │
 *	  │                     failure                                │ forgotten us       │
 *	  │                                │                           ▼                    │
 *	  └──── CLOSING ◄──────────────────┴──DISCONNECT────────── RECOVERING ──────────────┘
 *	                                                            the same way again, until it
 *	                                                            succeeds
 *
 * While it recovers, device, routes and rules stay, and what SAs there are stay in use until better
 * ones have come.
 *
 * Every effect that can fail is answered by an event, so that names, people and kernels may be
 * slow without callbacks.
 */
#ifndef GODWIT_CLIENT_SESSION_H
#define GODWIT_CLIENT_SESSION_H

#include "base/policy.h"
#include "esp/esp.h"
#include "ike/ike.h"
#include "mobility/epoch.h"
#include "mobility/ladder.h"
#include "mobility/nat_model.h"
#include "mobility/paths.h"
#include "mobility/target.h"

#define SESSION_GATEWAYS_MAX 8 /* names or addresses, in order of preference */
#define SESSION_ADDRESSES_MAX 8 /* of one gateway name */
#define SESSION_INNER_MAX 4
#define SESSION_TUNNELS_MAX 32 /* of [tunnel] */
#define SESSION_SLOTS_MAX 256 /* tunnels of all kinds at a time; CLASSIFIER_SLOTS at the most */
#define SESSION_EXCLUDES_MAX 64

/* Exit codes: what `connect` returns and scripts rely on. */
enum session_exit {
	SESSION_EXIT_UP = 0,
	SESSION_EXIT_USAGE = 1, /* usage or configuration */
	SESSION_EXIT_AUTH = 2, /* authentication refused */
	SESSION_EXIT_NO_ANSWER = 3,
	SESSION_EXIT_NO_PROPOSAL = 4,
	SESSION_EXIT_SYSTEM = 5, /* denied by the system */
	SESSION_EXIT_LOST = 6,
};

/*
 * One rule of the SPD, in the order of the configuration, before what [tunnel] says. `ts` are its
 * selectors: with PROTECT each is a tunnel (or a family of them) of its own, negotiated when the
 * first packet asks for it.
 */
#define SESSION_RULES_MAX 32
#define SESSION_RULE_TS_MAX 16
#define SESSION_RULE_NAME_MAX 32
#define SESSION_NAMES_MAX 32 /* in all rules */
#define SESSION_NAMES_EVERY_S 300 /* how often they are looked up again */
#define SESSION_NAME_MAX 256 /* with its NUL */
#define SESSION_NAME_ADDRS_MAX SESSION_RULE_TS_MAX
#define SESSION_ROUTES_MAX (IKE_SPLIT_MAX + SESSION_TUNNELS_MAX + 2 * SESSION_RULES_MAX)
#define SESSION_WHY_MAX 1200 /* of the line that says why it has ended */

/* What a name in a rule stands for. */
struct session_addrs {
	struct addr list[SESSION_NAME_ADDRS_MAX];
	unsigned n;
};

/* A selector with names: they are numbered from 1, 0 is none, and leave their side's addresses open. */
struct session_pattern {
	struct ts_pair ts;
	unsigned local, remote;
};

struct session_rule {
	char name[SESSION_RULE_NAME_MAX];
	enum policy_action action;
	unsigned nts;
	struct ts_pair ts[SESSION_RULE_TS_MAX]; /* ports: a range is possible on either side */
	/*
	 * Of what `ts` was made when the configuration was read, where names had a part in it: it is
	 * made anew when they stand for something else. None: `ts` never changes.
	 */
	struct session_pattern patterns[2 * SESSION_RULE_TS_MAX]; /* any is one for each family */
	unsigned npatterns;
	bool local_inner; /* the local addresses are our inner ones, put there when they are known */
	enum policy_granularity granularity;
	struct ike_child_config child; /* PROTECT: its proposals, PFS, keylife */
	bool pfs_as_phase1;
	vtime idle_close; /* an SA without packets for so long is closed; 0: never */
	unsigned max_sas; /* with HOST and FLOW */
};

/* Whether the peer may begin new epochs of tunnels that there are. */
enum session_ignore {
	SESSION_IGNORE_AUTO, /* not when raw ESP passes a NAT */
	SESSION_IGNORE_YES, /* it may not: its offers are refused, and we begin our own at once */
	SESSION_IGNORE_NO,
};

/* Which rows of mobility's tables have been taken: a bit each. */
struct session_reached {
	uint64_t epochs, ladder;
};

/* What the session is to do: pure data, made by config.c or by a test. Outlives the session. */
struct session_config {
	const char *name; /* of the connection */
	const char *gateways[SESSION_GATEWAYS_MAX];
	unsigned ngateways;
	struct ike_config ike;
	struct ike_child_config child; /* its ts is not used: one child for each of `tunnels` */
	/*
	 * The gateway gives us our inner addresses (Mode Config): `inner` and `tunnels` are empty,
	 * and made of what it gives, `remotes` and `locals` once it is known.
	 */
	bool address_config;
	/* With address_config: what is reached through the tunnel; none: what the gateway says. */
	struct prefix remotes[SESSION_TUNNELS_MAX];
	unsigned nremotes;
	/*
	 * Where one tunnel for everything serves some networks alone (Unity), DNS servers are reached
	 * through it, too: the gateway's and these. Else only what its networks cover.
	 */
	bool reach_dns;
	struct addr dns[IKE_DNS_MAX];
	unsigned ndns;
	struct prefix locals[SESSION_TUNNELS_MAX]; /* our side; none: our inner addresses */
	unsigned nlocals;
	struct prefix excludes[SESSION_EXCLUDES_MAX]; /* never through the tunnel */
	unsigned nexcludes;
	struct addr inner[SESSION_INNER_MAX]; /* our inner addresses */
	unsigned ninner;
	struct ts_pair tunnels[SESSION_TUNNELS_MAX]; /* without rules, slot i is tunnels[i] */
	unsigned ntunnels;
	struct session_rule rules[SESSION_RULES_MAX];
	unsigned nrules;
	char names[SESSION_NAMES_MAX][SESSION_NAME_MAX]; /* of rules; patterns count from 1 */
	struct session_addrs named[SESSION_NAMES_MAX]; /* what they stood for at first */
	unsigned nnames;
	vtime idle_close; /* of `tunnels`; 0: never */
	bool on_demand; /* `tunnels`, too, wait for their first packet */
	/* XAUTH: what is known beforehand; the rest is asked for. Empty: not known. */
	char username[IKE_NAME_MAX];
	char user_domain[IKE_NAME_MAX];
	struct secret password;
	bool ask_always; /* do not answer from memory, nor with `password` */
	bool pfs_as_config; /* PFS in phase 1's group when Mode Config wants it, else none */
	bool redirects; /* a gateway may send us to another one: Cisco's load balancing */
	uint16_t cisco_port; /* of Cisco's UDP encapsulation where the gateway names none */
	enum policy_action fallback; /* what no rule names: BYPASS or DISCARD */
	bool pfs_as_phase1; /* PFS in the group that phase 1 came to use, not in child.pfs */
	unsigned mtu; /* of the TUN; 0: computed from the path, and follows it */
	vtime dpd; /* ask whether the gateway lives after so long a silence; 0: never */
	/*
	 * Where there is no other, an SA that we began is used so long after our last message:
	 * gateways install theirs behind it, and drop what comes before. What waits is held. One of
	 * our own kind has installed it before, and is not waited for.
	 */
	vtime settle;
	vtime rekeymargin; /* renewing begins so long before the end of an SA's life */
	unsigned rekeyfuzz; /* per cent of the margin by which it may begin earlier */
	vtime pingtime; /* wait for the reply to a probe of a new epoch */
	unsigned pingtries; /* repetitions: at most pingtries + 1 probes */
	vtime maxidle; /* nothing received for so long: ping; 0: never */
	vtime pingtime2; /* the same as the first two, for the idle ping */
	unsigned pingtries2;
	struct addr ping_targets[2]; /* ping-target, one for each family; FAMILY_NONE: not given */
	enum session_ignore ignore_peer_rekey;
	struct nat_model nat_model; /* what NATs are like that raw ESP may pass */
	unsigned elimit; /* failed negotiations in sequence before the ISAKMP SA is given up */
	uint32_t first_sequence; /* tests only: of every outbound SA; 0: 1 */
	uint64_t keylife_bytes; /* tests only: what an outbound SA may carry; 0: as agreed */
	bool no_probes; /* tests only: nothing is pinged, as clients do that have no prober */
	struct session_reached *reached; /* tests only: rows of tables that were taken; NULL: not */
};

enum session_state {
	SESSION_DOWN,
	SESSION_CONNECTING,
	SESSION_UP,
	SESSION_RECOVERING,
	SESSION_CLOSING,
};

/* The advice of DONE after a refusal of phase 1 begins so: who knows better replaces it. */
#define SESSION_WRITE_IKE "; write what the gateway has in [ike] proposals"

/* The steps that `connect` shows. */
enum session_step {
	STEP_RESOLVE,
	STEP_PATH,
	STEP_PHASE1,
	STEP_AUTHENTICATION,
	STEP_USER, /* XAUTH */
	STEP_CONFIGURATION, /* Mode Config */
	STEP_SA,
	STEP_UP,
};

enum session_event_type {
	SESSION_EVENT_CONNECT,
	SESSION_EVENT_DISCONNECT,
	SESSION_EVENT_RESOLVED, /* n == 0: the name has no address; text says why */
	SESSION_EVENT_PATH, /* the kernel's route to the gateway */
	SESSION_EVENT_NO_PATH, /* there is none; text says why */
	SESSION_EVENT_DATAGRAM, /* an IKE message, marker stripped */
	SESSION_EVENT_DATA, /* from a data engine */
	SESSION_EVENT_TUN_READY,
	SESSION_EVENT_TUN_FAILED, /* text says what was refused */
	SESSION_EVENT_PATH_MTU, /* the answer to FIND_MTU */
	SESSION_EVENT_NETWORK, /* the host's addresses or routes have changed: refusals are void */
	SESSION_EVENT_ROAM, /* somebody says so, or the host has slept */
	SESSION_EVENT_FACTS, /* the answer to LOOK */
	SESSION_EVENT_NAME, /* a name of the rules has been looked up again */
	SESSION_EVENT_UNREACHABLE, /* ICMP says so of a message to the gateway */
	SESSION_EVENT_ANSWER, /* to ASK; one for an ASK that is over is ignored */
	SESSION_EVENT_REKEY, /* somebody wants new keys: GRANTED follows */
	SESSION_EVENT_PING, /* somebody wants to know whether a host answers: GRANTED follows */
	SESSION_EVENT_FORGET, /* who wished for it does not wait any more */
};

/* A question to a person. All of `fields` are answered together. */
struct session_ask {
	uint32_t id; /* never 0 */
	unsigned fields; /* 1 << enum xauth_field */
	char username[IKE_NAME_MAX]; /* whose password it is, where that is known already */
	char message[IKE_SAID_MAX]; /* what the gateway says; printable, "" for nothing */
	bool again; /* what was given before was refused */
	/*
	 * Nothing waits for it yet: the ISAKMP SA must be renewed, and that will take a code. Not
	 * answered, the tunnels go on until their own end.
	 */
	bool ahead;
	vtime until; /* it is of no use afterwards */
};

#define SESSION_WISHES_MAX 8 /* at a time */
#define SESSION_REKEY_TIMEOUT (30 * VTIME_S)
#define SESSION_PING_TIMEOUT (2 * VTIME_S)

enum session_rekey {
	SESSION_REKEY_ALL, /* the ISAKMP SA, then each tunnel that has SAs */
	SESSION_REKEY_IKE,
	SESSION_REKEY_TUNNEL, /* all tunnels of that name that have SAs */
};

/* What somebody wants done, and waits for. */
struct session_wish {
	uint64_t id; /* the caller's, never 0; comes back in GRANTED */
	enum session_rekey rekey; /* REKEY */
	char tunnel[SESSION_RULE_NAME_MAX]; /* REKEY: as status shows it */
	struct addr to; /* PING; FAMILY_NONE: the ping target */
};

/* What has become of it. */
struct session_granted {
	uint64_t id;
	char why[200]; /* one line: why it cannot be, or has failed; "": it is done */
	bool ping;
	bool ike; /* REKEY: there is a new ISAKMP SA */
	unsigned tunnels; /* REKEY: and new SAs of so many tunnels */
	vtime took; /* REKEY; PING: to the reply */
	bool answered; /* PING */
	struct addr to; /* PING: who was asked, through which SA */
	uint32_t spi_out;
	char tunnel[SESSION_RULE_NAME_MAX];
};

enum session_unreachable_why {
	SESSION_UNREACHABLE_HOST,
	SESSION_UNREACHABLE_PORT,
	SESSION_UNREACHABLE_PROHIBITED, /* by a firewall that says so */
};

struct session_unreachable {
	bool told; /* there is something here */
	struct endpoint to; /* where the message was for */
	struct addr by; /* who says so; no proof of it */
	enum session_unreachable_why why;
};

struct session_event {
	enum session_event_type type;
	union {
		struct {
			const struct addr *addrs;
			unsigned n;
			const char *text;
		} resolved;
		struct {
			struct addr local; /* the source the kernel would use */
			unsigned mtu; /* of that route */
		} path;
		struct {
			struct endpoint from;
			struct endpoint to;
			struct slice bytes;
		} datagram;
		struct {
			struct addr remote; /* as asked */
			unsigned mtu; /* of the route to it; 0: there is none now */
		} path_mtu;
		struct {
			uint32_t id;
			struct slice value[XAUTH_FIELDS]; /* copied; the caller wipes its own */
			bool refuse; /* nobody is there to answer */
		} answer;
		struct {
			unsigned index; /* in config->names */
			const struct addr *addrs;
			unsigned n; /* 0: it could not be; what it stood for counts on */
		} name;
		struct session_wish wish; /* REKEY, PING; FORGET: its id */
		const struct data_event *data;
		bool slept; /* ROAM: what a NAT knew of us may be forgotten */
		const struct session_unreachable *unreachable;
		const struct paths_facts *facts; /* FACTS; NULL: the kernel did not tell */
		const char *text; /* NO_PATH, TUN_FAILED */
	};
};

enum session_effect_type {
	SESSION_EFFECT_STATE, /* progress: a step began or ended */
	SESSION_EFFECT_RESOLVE, /* find the addresses of `name` */
	SESSION_EFFECT_FIND_PATH, /* ask the kernel for the route to `remote` */
	SESSION_EFFECT_FIND_MTU, /* ask the kernel what the path to `remote` carries */
	/* Links, addresses and routes to look.remotes as they are: FACTS follows. */
	SESSION_EFFECT_LOOK,
	SESSION_EFFECT_SEND, /* an IKE message; the shell adds the marker for port 4500 */
	SESSION_EFFECT_KEEPALIVE, /* as SEND, but one byte 0xff without a marker: RFC 3948 */
	/*
	 * Give the TUN its addresses, routes and rules: TUN_READY or TUN_FAILED follows. Again when
	 * the gateway gives others at a later connection: the old ones go. With tun.again nothing but
	 * routes and rules has changed, while the session is up: no script need know. With tun.names
	 * as well what the gateway says of DNS has.
	 */
	SESSION_EFFECT_TUN,
	SESSION_EFFECT_TUN_MTU, /* after TUN: its MTU is `mtu` from now on */
	SESSION_EFFECT_PUBLISH_RULES,
	/*
	 * data of this tunnel goes out on `out` (NULL: nothing), and on `next` (NULL: none) from its
	 * first authentic packet on
	 */
	SESSION_EFFECT_PUBLISH_SLOT,
	SESSION_EFFECT_PUBLISH_SPI, /* packets with this SPI belong to `in` */
	/*
	 * The peer is about to be told of offer.spi: its packets may come before PUBLISH_SPI, and wait
	 * for it. WITHDRAW follows behind that, or when no SA comes of it.
	 */
	SESSION_EFFECT_OFFER_SPI,
	SESSION_EFFECT_WITHDRAW_SPI,
	SESSION_EFFECT_REFUSE_SLOT, /* nothing is to be had for refuse.slot before refuse.until */
	/*
	 * Send probe.bytes, or a dummy when there are none, on probe.out: it is alive until its RETIRE.
	 * Lost like any packet when there is no room.
	 */
	SESSION_EFFECT_PROBE,
	SESSION_EFFECT_PROBE_KEY, /* once, before anything is published: what is to be consumed */
	SESSION_EFFECT_RETIRE, /* take `in` out of the index and free both: no longer in any slot */
	SESSION_EFFECT_RETIRE_PATH, /* what is sealed may still name `old_path`; the shell frees it */
	SESSION_EFFECT_RETIRE_LIMIT, /* no SA has `old_limit` any more; the shell frees it */
	SESSION_EFFECT_ASK, /* ask a person; the answer is an ANSWER */
	SESSION_EFFECT_ASK_END, /* `ask_id` need not be answered any more */
	SESSION_EFFECT_GRANTED, /* a wish is fulfilled, or will not be */
	SESSION_EFFECT_KEYS, /* only with keylog: IKE key or a child's keys, for Wireshark */
	SESSION_EFFECT_DONE, /* the session is over; nothing follows */
};

struct session_effect {
	enum session_effect_type type;
	union {
		struct {
			enum session_state state;
			enum session_step step;
			bool done; /* the step ended well; else it begins */
			vtime took; /* how long it took, when done */
			char text[200]; /* what a person reads: "gateway 192.0.2.1", "modp2048" … */
		} state;
		const char *name; /* RESOLVE; borrowed from the configuration */
		struct addr remote; /* FIND_PATH, FIND_MTU */
		unsigned mtu; /* TUN_MTU */
		struct esp_limit *old_limit; /* RETIRE_LIMIT */
		struct {
			const struct addr *remotes; /* of the gateway; borrowed */
			unsigned n;
		} look;
		struct path *old_path; /* RETIRE_PATH */
		struct {
			struct endpoint from;
			struct endpoint to;
			struct slice bytes; /* borrowed until the next call into the session */
		} send; /* SEND; KEEPALIVE, without bytes */
		struct {
			const struct addr *inner;
			unsigned ninner;
			const struct prefix *routes; /* what is reached through the tunnel */
			unsigned nroutes;
			const struct prefix *excludes; /* but not these */
			unsigned nexcludes;
			const struct policy *policy; /* the rules, for what needs the kernel's help */
			const struct ike_assigned *assigned; /* NULL: nothing; all borrowed */
			struct path path;
			unsigned mtu;
			bool again;
			bool names;
		} tun;
		struct session_ask ask; /* ASK */
		uint32_t ask_id; /* ASK_END */
		struct session_granted granted;
		struct policy_view rules; /* borrowed */
		struct {
			unsigned slot;
			struct esp_out *out; /* owned by the session until RETIRE */
			struct esp_out *next;
		} slot;
		struct esp_in *in; /* PUBLISH_SPI */
		struct {
			uint32_t spi;
			enum encapsulation encapsulation; /* OFFER_SPI: how its packets will come */
		} offer;
		struct {
			unsigned slot;
			vtime until; /* 0: that is over */
		} refuse;
		struct {
			struct esp_out *out;
			size_t n;
			uint8_t bytes[ESP_PROBE_MAX];
		} probe;
		struct esp_probe_key probe_key;
		struct {
			struct esp_in *in; /* either may be NULL */
			struct esp_out *out;
		} retire; /* the shell frees them */
		struct {
			uint8_t cookie_i[IKE_COOKIE_SIZE]; /* IKE: which SA `key` is for */
			struct slice key;
			const struct ike_child *child; /* a child's keys; NULL: IKE's */
			struct path path;
		} keys;
		struct {
			enum session_exit exit;
			char text[SESSION_WHY_MAX]; /* one plain line: what, where, what to do */
		} done;
	};
};

struct session;

/*
 * config, rng and log are borrowed. keylog: emit SESSION_EFFECT_KEYS. Effects hand SAs over by
 * pointer; SAs still alive when the session is freed are freed with it, so the classifier must not
 * be used afterwards.
 */
struct session *session_new(const struct session_config *config, struct rng *rng, struct log *log,
			    bool keylog);
void session_free(struct session *s);

void session_event(struct session *s, vtime now, const struct session_event *ev);
void session_timeout(struct session *s, vtime now);
/* Pull until false after each event or timeout; carry each effect out before the next call. */
bool session_output(struct session *s, vtime now, struct session_effect *out);
vtime session_deadline(const struct session *s);
bool session_is_up(const struct session *s);

/* ---- rules with names ---- */

/*
 * Appends the selectors that this pattern makes of what names stand for, each once, to out[*n].
 * False when there are more than SESSION_RULE_TS_MAX.
 */
bool session_pattern_expand(const struct session_pattern *p, const struct session_addrs *named,
			    struct ts_pair out[SESSION_RULE_TS_MAX], unsigned *n);

/* ---- probes ---- */

#define SESSION_WARNING_MAX 320

struct prober_config session_prober_config(const struct session_config *c);
/*
 * What of the pings does not fit the NATs that raw ESP may pass (session_model.c): the key, its value,
 * why, and what would do. False: there is no such fault.
 */
bool session_nat_warning(const struct session_config *c, enum nat_model_fault fault,
			 char buf[SESSION_WARNING_MAX]);

/* ---- what status shows ---- */

/* How the last change of address was survived. */
enum session_roamed {
	SESSION_ROAMED_NONE,
	SESSION_ROAMED_UPDATE, /* IPADDRESS_UPDATE: the same SAs */
	SESSION_ROAMED_FOLLOW, /* the gateway follows what is authentic: the same SAs */
	SESSION_ROAMED_RENEGOTIATE,
};

struct update_message;

/* The notify that carries a message of mobility/update.h; its data stay the message's. */
struct ike_notify session_notify(const struct update_message *m);

struct session_mobility {
	enum session_roamed method;
	uint64_t updates, acks, nacks;
	bool known; /* there has been an outage */
	vtime last_outage; /* from the change to the first answer over the new path */
};

struct session_epoch_info {
	enum epoch_state state;
	uint32_t spi_in;
	uint32_t spi_out;
	struct esp_suite suite;
	vtime since;
	uint64_t bytes_in, bytes_out, packets_in, packets_out, replays, auth_failures;
	uint64_t own_in, own_out; /* of the packets: pings, their replies, dummies */
	uint32_t id;
	struct epoch_life life;
	bool proved; /* something authentic has come on it */
	bool answered; /* the gateway has it: a reply to its ping came on another one */
	bool doubted; /* nothing is sent on it unless something comes */
	bool spent; /* used up, or deleted by the gateway */
	bool renewed; /* its successor is there, or has been asked for */
	bool deleted; /* the gateway has been told of its end */
	bool used; /* data goes out on it now */
	bool next; /* from its first authentic packet on */
	bool trial; /* it is being proved by pings: so many are out */
	unsigned pings; /* on trial, or because of its silence */
	vtime ping_at; /* the next one, or the end of them; VTIME_NEVER: none */
	vtime heard_at; /* the last authentic packet; 0: none */
	uint32_t sequence_in, sequence_out; /* the highest number so far; 0: none */
	int worker; /* who opens what comes on it: -1: no worker has it */
	struct esp_quota most; /* what may go out on it; 0: no limit */
};

/* One ISAKMP SA of those that there are. */
struct session_ike_info {
	struct ike_sa_info sa;
	const char *state; /* "negotiating", "current", "replaced", "closing" */
	bool accepted; /* the gateway began it */
	struct path path;
	enum nat nat;
	vtime rekey_at;
	vtime expires_at; /* VTIME_NEVER: not established */
};

#define SESSION_IKES_SHOWN 10

struct session_info {
	enum session_state state;
	vtime since; /* of the state */
	const char *why; /* while recovering: what happened last; NULL: nothing to tell */
	const char *gateway; /* name as configured */
	struct path path;
	enum nat nat;
	struct ike_sa_info ike; /* the one in use; state NEW when there is none */
	vtime ike_rekey_at; /* when it will be renewed */
	struct identity peer;
	unsigned mtu;
	unsigned ninner;
	const struct addr *inner;
	const struct ike_assigned *assigned; /* NULL: nothing */
	const struct session_ask *ask; /* what waits for a person; NULL: nothing */
	struct session_ping_info {
		struct addr target; /* FAMILY_NONE: not found yet, or data alone proves epochs */
		const char *why; /* how it was found, or why there is none */
		uint64_t sent, answered;
	} ping;
	struct session_mobility mobility;
	enum rung rung; /* of the recovery ladder */
	unsigned nepoch;
	unsigned ntunnels;
	struct session_tunnel_info {
		unsigned slot; /* in the classifier */
		char name[SESSION_RULE_NAME_MAX]; /* its rule's; "tunnel-N": one of [tunnel]'s own */
		const struct ts_pair *ts;
		bool on_demand; /* negotiated when a packet asks for it */
		/* A rule's: HOST, FLOW: its tunnels are one for each of these, and it has none itself. */
		enum policy_granularity granularity;
		bool widened; /* the gateway did not take a finer one */
		vtime refused_until; /* 0: it is not */
		const char *refused_why; /* NULL: it is not */
		bool up; /* there is an epoch that data goes out on */
		vtime until; /* it ends then if nothing renews it; VTIME_NEVER: no end, or no SA */
		unsigned nepochs;
		struct session_epoch_info epochs[EPOCHS_MAX]; /* the newest first */
	} tunnels[SESSION_SLOTS_MAX];
};

/* Of out->tunnels no more than out->ntunnels are written. */
void session_info(const struct session *s, struct session_info *out);
/* All ISAKMP SAs, at most SESSION_IKES_SHOWN; how many. */
unsigned session_ikes_info(const struct session *s, struct session_ike_info *out);
/* The SPD as it is now, in the order in which it is asked; good until the next event. */
struct policy_view session_rules(const struct session *s);
/*
 * The name of the configured rule that rule `i` of those was made of, where that protects nothing (else
 * its slot tells); NULL: it was made of none.
 */
const char *session_rule_name(const struct session *s, unsigned i);
/* "down", "connecting", "up", "recovering", "closing" */
const char *session_state_name(enum session_state state);
/* "none", "ipaddress_update", "follow", "renegotiate" */
const char *session_roamed_name(enum session_roamed method);
/* "resolve", "path", "phase 1", "authentication", "user", "configuration", "SA", "up" */
const char *session_step_name(enum session_step step);

#endif
