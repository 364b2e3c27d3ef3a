/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IPADDRESS_UPDATE: the client's outer address has changed, and the same ISAKMP and ESP SAs go on
 * from the new one. docs/ipaddress-update.md is the protocol; here are
 *
 *	update.c          the bodies of its notifications
 *	update_client.c   what the client asks for, and what the answers mean
 *	update_gateway.c  what the gateway believes, binds, answers
 *
 * Both are engines: what has happened goes in, what is to be done is pulled out (update_*_output,
 * until false). Neither knows IKE: the owner sends the messages under the newest ISAKMP SA with the
 * peer, IKE repeats what is to be repeated and says when nobody has answered.
 *
 * Client, peer with support; each ISAKMP SA has its own identifiers, from 1:
 *
 *	        MOVED                 ACK: BOUND (and RENEW what it leaves out)
 *	REST ──────────► IN THE AIR ─┬──────────────────────────────────────────► REST
 *	                  │  ▲   ▲   ├── more than 255 SPIs: the next request
 *	                  │  └───┘   └── NACK, nobody answers: ANEW ────────────► REST
 *	                  │ MOVED, another ISAKMP SA: a new request
 *	                  └ CHECK: CHECK_REPLY
 *
 * without support: FOLLOW, and within a second both IKE and ESP answer (BOUND), or ANEW.
 *
 * Gateway:
 *
 *	      request, no NAT in between: MOVE, ACK
 *	      ┌───┐
 *	      │   ▼   through a NAT: MOVE with the limit, CHECK           CHECK_REPLY: UNLIMIT, ACK
 *	      REST ───────────────────────────────────────────► CHECKING ─────────────────────────► REST
 *	                                                              └── 3 s: MOVE back, NACK ───► REST
 *
 * What each of them does is a table, one row for each rule; the rows have names and are counted.
 */
#ifndef GODWIT_MOBILITY_UPDATE_H
#define GODWIT_MOBILITY_UPDATE_H

#include "base/addr.h"
#include "base/rng.h"
#include "base/vtime.h"

#define UPDATE_PORT 4500 /* requests go from and to this port */
#define UPDATE_SPIS_MAX 255 /* of one request */
#define UPDATE_HEAD_SIZE 12 /* of a notification payload, before its body */
#define UPDATE_BODY_MAX (2 * 16 + 4 + 1 + 4 * UPDATE_SPIS_MAX)
#define UPDATE_RANDOM_SIZE 16
#define UPDATE_CHECK_SIZE (4 + UPDATE_RANDOM_SIZE)

/* ---- the bodies of the notifications (update.c) ---- */

/* Notify message types, of the ranges for private use. */
enum update_type {
	UPDATE_NACK = 9728,
	UPDATE_NACK6 = 9729,
	UPDATE_REQUEST = 40704,
	UPDATE_ACK = 40705,
	UPDATE_REQUEST6 = 40706,
	UPDATE_ACK6 = 40707,
	UPDATE_CHECK = 40708,
	UPDATE_CHECK_REPLY = 40709,
};

/* What requests, ACKs and NACKs hold. */
struct update_body {
	struct addr old; /* FAMILY_NONE is written as the unspecified address */
	struct addr new;
	uint32_t identifier;
	unsigned n;
	uint32_t spi[UPDATE_SPIS_MAX];
};

/* What CHECK and CHECK_REPLY hold. */
struct update_check {
	uint32_t identifier;
	uint8_t random[UPDATE_RANDOM_SIZE];
};

/*
 * The data of a notification of this type (bytes 13 onward), none of CHECK and CHECK_REPLY. 0;
 * ERR_UNSUPPORTED for another type; ERR_MALFORMED: the length is not exactly what the number of SPIs
 * says, or the form for IPv6 is used where neither address is.
 */
int update_parse(uint16_t type, struct slice data, struct update_body *out);
/* True when this body takes the types for IPv6. */
bool update_is_ip6(const struct update_body *b);
/* Returns the bytes written: at most UPDATE_BODY_MAX. */
size_t update_write(const struct update_body *b, uint8_t out[UPDATE_BODY_MAX]);
/* 0 or ERR_MALFORMED. */
int update_check_parse(struct slice data, struct update_check *out);
void update_check_write(const struct update_check *c, uint8_t out[UPDATE_CHECK_SIZE]);

/*
 * How ESP travels after an update: raw ESP goes into UDP when the NAT-D payloads show a NAT at either
 * side, all else stays as it is.
 */
enum encapsulation update_encapsulation(enum encapsulation now, bool nat);

/* ---- what both engines yield ---- */

enum update_effect_type {
	UPDATE_STOP, /* `id` is not to be repeated any more, over whichever ISAKMP SA it was sent */
	UPDATE_SEND, /* a notification under the newest ISAKMP SA */
	/* client */
	UPDATE_BOUND, /* the gateway has bound these; the ISAKMP SA goes on */
	UPDATE_RENEW, /* it has not bound these: negotiate others in their place */
	UPDATE_ANEW, /* nothing goes on: a new ISAKMP SA */
	UPDATE_FOLLOW, /* ask over the old SAs from the new address: DPD, and a probe */
	/* gateway */
	UPDATE_MOVE, /* `move.spis` and the ISAKMP SA go on at `move.path` */
	UPDATE_UNLIMIT, /* the path is proved: all that waits may go */
};

struct update_message {
	uint32_t id; /* with `repeat`: never twice, what STOP and NO_ANSWER name */
	uint16_t type;
	struct slice data; /* borrowed until the next event */
	struct endpoint from;
	struct endpoint to;
	bool natd; /* NAT-D payloads behind it */
	bool repeat; /* until STOP, or for as long as IKE repeats */
};

struct update_spis {
	const uint32_t *spi; /* those that the gateway chose; borrowed until the next event */
	unsigned n;
};

enum update_why {
	UPDATE_WHY_NACK,
	UPDATE_WHY_UNANSWERED,
	UPDATE_WHY_UNSUPPORTED, /* the gateway does not speak it, and ESP is not in UDP */
	UPDATE_WHY_NOT_FOLLOWED, /* it does not follow packets, either */
	UPDATE_WHY_NAT, /* raw ESP alone is allowed, and there is a NAT now */
};

struct update_effect {
	enum update_effect_type type;
	union {
		uint32_t id; /* STOP */
		struct update_message send;
		struct {
			struct update_spis spis;
			bool more; /* others are still being asked for */
			bool followed; /* without any support: it takes what is authentic */
			bool nat; /* there is a NAT at either side */
		} bound;
		struct update_spis renew;
		enum update_why why; /* ANEW */
		struct {
			struct path path; /* without a generation */
			struct update_spis spis;
			bool limited; /* to UPDATE_LIMIT_FACTOR times what comes from there */
		} move;
	};
};

/* "refused", "unanswered", "unsupported", "not followed", "nat" */
const char *update_why_name(enum update_why why);

/* A notification of the peer's, authenticated by the ISAKMP SA. */
struct update_notified {
	uint16_t type;
	struct slice data;
	struct endpoint from;
	struct endpoint to; /* ours */
	bool newest; /* it came under the newest ISAKMP SA with the peer */
	bool natd; /* it had NAT-D payloads, which show: */
	bool peer_nat; /* a NAT at its side */
	bool own_nat; /* one at ours */
};

/* ---- the client (update_client.c) ---- */

#define UPDATE_CLIENT_SPIS_MAX 2048 /* 256 tunnels with 8 epochs each */
#define UPDATE_FOLLOW_WAIT VTIME_S

/* X(enumerator, name): what may happen, a row of the table each */
#define UPDATE_CLIENT_RULES(X)                                                                     \
	X(CLIENT_MOVED, "moved")                                                                   \
	X(CLIENT_MOVED_AGAIN, "moved_again")                                                       \
	X(CLIENT_MOVED_FOLLOW, "moved_follow")                                                     \
	X(CLIENT_MOVED_UNSUPPORTED, "moved_unsupported")                                           \
	X(CLIENT_OLDER_SA, "older_sa")                                                             \
	X(CLIENT_CHECK_MALFORMED, "check_malformed")                                               \
	X(CLIENT_CHECK_STALE, "check_stale")                                                       \
	X(CLIENT_CHECK_ELSEWHERE, "check_elsewhere")                                               \
	X(CLIENT_CHECKED, "checked")                                                               \
	X(CLIENT_UNEXPECTED, "unexpected")                                                         \
	X(CLIENT_MALFORMED, "malformed")                                                           \
	X(CLIENT_STALE, "stale")                                                                   \
	X(CLIENT_ALTERED, "altered")                                                               \
	X(CLIENT_NACKED, "nacked")                                                                 \
	X(CLIENT_NAT, "nat")                                                                       \
	X(CLIENT_ACKED_MORE, "acked_more")                                                         \
	X(CLIENT_ACKED_PARTLY, "acked_partly")                                                     \
	X(CLIENT_ACKED, "acked")                                                                   \
	X(CLIENT_UNANSWERED, "unanswered")                                                         \
	X(CLIENT_UNANSWERED_STALE, "unanswered_stale")                                             \
	X(CLIENT_NEW_SA, "new_sa")                                                                 \
	X(CLIENT_NEW_SA_REPEATS, "new_sa_repeats")                                                 \
	X(CLIENT_NEW_SA_UNSUPPORTED, "new_sa_unsupported")                                         \
	X(CLIENT_FOLLOWED_HALF, "followed_half")                                                   \
	X(CLIENT_FOLLOWED, "followed")                                                             \
	X(CLIENT_NOT_FOLLOWED, "not_followed")                                                     \
	X(CLIENT_NOTHING, "nothing")

enum update_client_rule {
#define X(e, name) UPDATE_##e,
	UPDATE_CLIENT_RULES(X)
#undef X
	UPDATE_CLIENT_RULE_COUNT
};

enum update_client_event_type {
	/*
	 * An ISAKMP SA with the gateway is established and the newest one from now on: the first,
	 * or in the place of another.
	 */
	UPDATE_CLIENT_SA,
	/*
	 * The address that carries the tunnel has changed; the owner sends from the new one from now
	 * on and waits for nothing.
	 */
	UPDATE_CLIENT_MOVE,
	UPDATE_CLIENT_NOTIFY,
	UPDATE_CLIENT_NO_ANSWER, /* IKE has repeated `id` in vain */
	UPDATE_CLIENT_IKE_ALIVE, /* after FOLLOW: the gateway has answered DPD */
	UPDATE_CLIENT_ESP_ALIVE, /* and the probe, on the epoch in use */
};

struct update_client_event {
	enum update_client_event_type type;
	union {
		bool supported; /* SA: both ends have announced it */
		struct {
			struct addr old; /* before this change */
			struct endpoint from; /* the new one; the port does not matter, */
			struct endpoint to; /* here neither */
			struct update_spis spis; /* of all epochs; copied up to the bound */
			enum encapsulation encapsulation; /* of ESP now */
		} move;
		struct update_notified notify;
		uint32_t id; /* NO_ANSWER */
	};
};

struct update_client {
	bool esp_only; /* raw ESP alone is allowed */
	bool supported;
	uint32_t identifier; /* the last one used under the newest ISAKMP SA */
	uint32_t id; /* of the last request */
	bool in_air;
	bool following;
	bool ike_alive, esp_alive; /* following */
	vtime follow_until;
	struct update_body request; /* the last */
	struct endpoint from, to;
	unsigned n, at; /* of spi: how many, and where the request's begin */
	uint32_t spi[UPDATE_CLIENT_SPIS_MAX];
	/* What is to be pulled, a bit for each type, and what belongs to it. */
	unsigned pending;
	uint32_t stop;
	enum update_why why;
	bool more, followed, nat;
	unsigned nbound, nrenew;
	uint32_t bound[UPDATE_CLIENT_SPIS_MAX];
	uint32_t renew[UPDATE_SPIS_MAX];
	struct update_message message;
	uint8_t data[UPDATE_BODY_MAX];
	uint64_t counts[UPDATE_CLIENT_RULE_COUNT];
};

/* No ISAKMP SA yet. Begin anew with each connection; `id` goes on. */
void update_client_init(struct update_client *c, bool esp_only);
/* After each, and after a timeout, pull update_client_output until it returns false. */
void update_client_event(struct update_client *c, vtime now, const struct update_client_event *ev);
void update_client_timeout(struct update_client *c, vtime now);
/* What is being asked is void, because nothing can be sent; what it has been told of stays. */
void update_client_stop(struct update_client *c);
bool update_client_output(struct update_client *c, struct update_effect *out);
vtime update_client_deadline(const struct update_client *c);
const char *update_client_rule_name(enum update_client_rule rule);

/* ---- the gateway (update_gateway.c) ---- */

#define UPDATE_CHECK_WAIT (3 * VTIME_S)
#define UPDATE_LIMIT_FACTOR 3

#define UPDATE_GATEWAY_RULES(X)                                                                    \
	X(GATEWAY_ROAMING_OFF, "roaming_off")                                                      \
	X(GATEWAY_OLDER_SA, "older_sa")                                                            \
	X(GATEWAY_CHECK_MALFORMED, "check_malformed")                                              \
	X(GATEWAY_CHECK_STALE, "check_stale")                                                      \
	X(GATEWAY_CHECK_WRONG, "check_wrong")                                                      \
	X(GATEWAY_CHECK_ELSEWHERE, "check_elsewhere")                                              \
	X(GATEWAY_CHECK_PASSED, "check_passed")                                                    \
	X(GATEWAY_UNEXPECTED, "unexpected")                                                        \
	X(GATEWAY_MALFORMED, "malformed")                                                          \
	X(GATEWAY_REPEATED_EARLY, "repeated_early")                                                \
	X(GATEWAY_REPEATED, "repeated")                                                            \
	X(GATEWAY_ALTERED, "altered")                                                              \
	X(GATEWAY_REPLAYED, "replayed")                                                            \
	X(GATEWAY_SOURCE, "source")                                                                \
	X(GATEWAY_ADDRESS, "address")                                                              \
	X(GATEWAY_OWN_ADDRESS, "own_address")                                                      \
	X(GATEWAY_POLICY, "policy")                                                                \
	X(GATEWAY_FAMILY, "family")                                                                \
	X(GATEWAY_NO_NAT, "no_nat")                                                                \
	X(GATEWAY_RAW_ESP, "raw_esp")                                                              \
	X(GATEWAY_UNKNOWN_SPIS, "unknown_spis")                                                    \
	X(GATEWAY_MOVED, "moved")                                                                  \
	X(GATEWAY_MOVED_SAME_PATH, "moved_same_path")                                              \
	X(GATEWAY_MOVED_CHECKING, "moved_checking")                                                \
	X(GATEWAY_CHECK_FAILED, "check_failed")                                                    \
	X(GATEWAY_NEW_SA, "new_sa")

enum update_gateway_rule {
#define X(e, name) UPDATE_##e,
	UPDATE_GATEWAY_RULES(X)
#undef X
	UPDATE_GATEWAY_RULE_COUNT
};

/* The same for all peers; borrowed, must outlive their engines, and may change. */
struct update_policy {
	bool roaming; /* no: updates are ignored (and not announced) */
	bool ip4, ip6; /* the families that there is a socket for */
	bool esp_only; /* raw ESP alone is allowed: nobody moves behind a NAT */
	const struct addr *own; /* our addresses: nobody else has one of them */
	unsigned nown;
	const struct prefix *refused; /* where nobody may move to, or come from */
	unsigned nrefused;
};

struct update_gateway {
	const struct update_policy *policy;
	struct path path; /* in force; the owner may change it while nothing is being checked */
	struct path old; /* to go back to */
	uint32_t identifier; /* last handled under the newest ISAKMP SA; 0: none */
	uint16_t type; /* and its content */
	size_t n;
	uint8_t content[UPDATE_BODY_MAX];
	uint16_t answer_type; /* 0: not answered yet */
	size_t answer_n;
	uint8_t answer[UPDATE_BODY_MAX];
	bool checking;
	vtime check_until;
	uint8_t check[UPDATE_CHECK_SIZE];
	bool limited;
	uint32_t id; /* of the last CHECK */
	unsigned nspis;
	uint32_t spi[UPDATE_SPIS_MAX]; /* bound by the last request */
	/* What is to be pulled, a bit for each type, and what belongs to it. */
	unsigned pending;
	uint32_t stop;
	struct update_message message;
	struct endpoint also; /* with a port: the message goes there, too */
	uint64_t counts[UPDATE_GATEWAY_RULE_COUNT];
};

/* path: where the peer is. */
void update_gateway_init(struct update_gateway *g, const struct update_policy *policy,
			 const struct path *path);
/* Another ISAKMP SA with the peer is the newest one: identifiers count from 1 again. */
void update_gateway_new_sa(struct update_gateway *g);
/*
 * The peer has sent a notification. spis: our inbound SPIs of all its epochs, and of nobody else's.
 * Afterwards, and after a timeout, pull update_gateway_output until it returns false.
 */
void update_gateway_notify(struct update_gateway *g, vtime now, struct rng *rng,
			   const struct update_notified *n, const struct update_spis *spis);
void update_gateway_timeout(struct update_gateway *g, vtime now);
bool update_gateway_output(struct update_gateway *g, struct update_effect *out);
vtime update_gateway_deadline(const struct update_gateway *g);
const char *update_gateway_rule_name(enum update_gateway_rule rule);

#endif
