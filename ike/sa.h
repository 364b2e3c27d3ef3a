/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The inside of an IKE SA, shared by the files of ike/ that carry it out. */
#ifndef GODWIT_IKE_SA_H
#define GODWIT_IKE_SA_H

#include "base/timer.h"
#include "ike/exchange.h"

#define IKE_NONCE_SIZE 32
/*
 * Peers keep the IVs of the last three exchanges that were begun, finished or not, and with several
 * threads they take our message 3 well after a message 1 that we sent behind it. So two are under
 * way at most, one counts as such until its message 3 has had time to settle, and another begins
 * only while those that await an answer are among the two begun last.
 */
#define QUICK_UNDER_WAY_MAX 2
#define QUICK_SETTLE (100 * VTIME_MS)
/* The others are complete and answer repeats of the peer's message 2. */
#define QUICK_SLOTS 6
#define CHILD_REQUESTS_MAX 16
#define CHILDREN_MAX 64
#define OUTBOX_MAX 16
#define SMALL_MESSAGE_MAX 256
#define SEEN_IDS_MAX 64
#define SAI_MAX 1024

enum ike_timer {
	IKE_T_PHASE1,
	IKE_T_EXPIRE,
	IKE_T_SETTLED,
	IKE_T_QUICK_FIRST,
	IKE_T_COUNT = IKE_T_QUICK_FIRST + QUICK_SLOTS,
};

/* What main mode keeps from one message to the next. */
struct main_mode {
	struct exchange x;
	struct dh *dh;
	enum natt natt;
	uint8_t ni[IKE_NONCE_SIZE];
	size_t gxr_n;
	uint8_t gxr[DH_PUBLIC_MAX];
	size_t sai_n;
	uint8_t sai[SAI_MAX]; /* our offer, byte for byte */
};

struct child_request {
	uint32_t id;
	uint32_t spi;
	const struct ike_child_config *config;
};

struct quick_mode {
	struct exchange x; /* first: quick_of() */
	uint64_t begun; /* these grow from one to the next */
	uint64_t completed;
	vtime settled_at;
	struct child_request child;
	struct dh *dh;
	uint8_t ni[IKE_NONCE_SIZE];
	uint8_t nr[IKE_NONCE_MAX];
	struct ike_child up; /* agreed, told once message 3 is out */
};

/* A pair of ESP SAs that is up; spi_in 0: not in use. */
struct child_ref {
	uint32_t spi_in;
	uint32_t spi_out;
	bool deleted; /* by the peer, the session has not been told */
};

struct outgoing {
	struct ike_effect effect;
	uint8_t small[SMALL_MESSAGE_MAX]; /* a message that no exchange keeps */
};

struct ike_sa {
	const struct ike_config *config;
	struct rng *rng;
	struct log *log;
	enum ike_state state;
	struct path path;
	struct endpoint arrived_to; /* where the datagram at hand came to */
	enum nat nat;
	uint8_t cookie_i[IKE_COOKIE_SIZE];
	uint8_t cookie_r[IKE_COOKIE_SIZE];
	bool cookie_r_known;
	struct ike_suite suite;
	struct identity peer;
	uint32_t lifetime_s;
	vtime established_at;
	vtime expires_at;
	struct ikev1_keys keys;
	uint8_t last_block[PROTECT_BLOCK]; /* of phase 1: every phase 2 IV starts from it */
	struct main_mode main;
	uint64_t quick_begun;
	uint64_t quick_completed;
	struct quick_mode quick[QUICK_SLOTS];
	unsigned nrequests;
	struct child_request request[CHILD_REQUESTS_MAX];
	struct child_ref child[CHILDREN_MAX];
	unsigned nseen;
	uint32_t seen[SEEN_IDS_MAX]; /* message ids that the peer has used, a ring */
	struct timers timers;
	struct drops drops;
	bool closing; /* Deletes are still to be sent */
	bool dying; /* the DEAD effect is still to be given out */
	struct ike_failure death;
	unsigned out_first;
	unsigned out_n;
	struct outgoing out[OUTBOX_MAX];
};

/* ---- ike_sa.c ---- */

/* A zeroed effect of this type in the outbox; NULL when it is full. */
struct outgoing *sa_push(struct ike_sa *sa, enum ike_effect_type type);
struct ike_header sa_header(const struct ike_sa *sa, uint8_t exchange, uint32_t id);
/* A message id that neither side has used lately. */
uint32_t sa_message_id(struct ike_sa *sa);
void sa_drop(struct ike_sa *sa, enum drop why);
/* Builds and sends the exchange's next message. */
void sa_exchange_send(struct ike_sa *sa, vtime now, struct exchange *x);
/* Sets the timer row of this exchange from its deadline; a dead SA has no timers. */
void sa_arm(struct ike_sa *sa, const struct exchange *x);
/* The SA is over; with `deletes` the peer is told. The DEAD effect follows everything else. */
void sa_die(struct ike_sa *sa, const struct ike_failure *why, bool deletes);
/* Some message of the peer with this id has been verified before. Remembers it. */
bool sa_seen(struct ike_sa *sa, uint32_t id);

/* ---- v1_main.c ---- */

extern const struct exchange_type v1_main;
void v1_main_start(struct ike_sa *sa, vtime now);
/* True from message 5 to message 6. */
bool v1_main_proving(const struct ike_sa *sa);
/* The scratch of main mode, wiped. */
void v1_main_end(struct ike_sa *sa);

/* ---- v1_quick.c ---- */

extern const struct exchange_type v1_quick;
/* Starts it, queues it or fails it. */
void v1_quick_request(struct ike_sa *sa, vtime now, const struct child_request *child);
/* Forgets the child with our SPI `spi`, in whatever state it is; false: there is none. */
bool v1_quick_forget(struct ike_sa *sa, vtime now, uint32_t spi);
/* Starts what has been waiting, as far as may be. */
void v1_quick_start_next(struct ike_sa *sa, vtime now);
struct quick_mode *v1_quick_find(struct ike_sa *sa, uint32_t message_id);
/*
 * An authentic error notify. With our SPI, or with one quick mode in the air and a reason that only
 * quick mode has, it is the end of that one; without an SPI it is else a hint to all of them.
 */
void v1_quick_refused(struct ike_sa *sa, vtime now, const struct notify_payload *n);
void v1_quick_end(struct quick_mode *q);

/* ---- v1_info.c ---- */

void v1_info_send_notify(struct ike_sa *sa, const struct notify_payload *n);
void v1_info_send_delete(struct ike_sa *sa, uint8_t protocol, struct slice spi);
void v1_info_receive(struct ike_sa *sa, vtime now, const struct ike_msg *m);
/* What an error notify means; `what` is main mode or quick mode. */
struct ike_failure v1_info_failure(uint16_t notify, bool authentic, bool proving,
				   const struct exchange_type *what);
/* What an authentic message means that is not what `what` needs: its error notify, if any. */
struct ike_failure v1_info_unusable(const struct ike_msg *m, const struct exchange_type *what);

#endif
