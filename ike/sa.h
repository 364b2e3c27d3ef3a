/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The inside of an IKE SA, shared by the files of ike/ that carry it out. */
#ifndef GODWIT_IKE_SA_H
#define GODWIT_IKE_SA_H

#include "base/timer.h"
#include "ike/attribute.h"
#include "ike/exchange.h"
#include "ike/fragment.h"

#define IKE_NONCE_SIZE 32
/*
 * Peers keep the IVs of the last three exchanges that were begun, finished or not, and with several
 * threads they take our message 3 well after a message 1 that we sent behind it. So two are under
 * way at most, one counts as such until its message 3 has had time to settle, and another begins
 * only while those that await an answer are among the two begun last.
 */
#define QUICK_UNDER_WAY_MAX 2
#define QUICK_SETTLE (100 * VTIME_MS)
/* Quick modes that the peer has begun and that are not complete. */
#define OFFERS_MAX 3
/* The others are complete and answer repeats of the peer's last message. */
#define QUICK_SLOTS 10
#define CHILD_REQUESTS_MAX 16
/*
 * A peer's reply is not authenticated when it is read: it must not be able to end us at once. And
 * what says later how short the life is leaves time to renew.
 */
#define LIFETIME_MIN_S 60
/* All that can become due at once: a failure and a next message for each quick mode, and more. */
#define OUTBOX_MAX 32
#define SMALL_MESSAGE_MAX 256
/* A message recorded long ago must not pass for a new one: hours of a busy peer. */
#define SEEN_IDS_MAX 2048
/* Of both ends; two are under way at most, the others answer repeats. */
#define TRANSACTION_SLOTS 4
/* No message holds more SPIs. */
#define DELETED_MAX (IKE_MESSAGE_MAX / 4)
/* The engine's names for offers have this bit; the session's do not. */
#define OFFER_ID_BIT 0x80000000u

enum ike_timer {
	IKE_T_PHASE1,
	IKE_T_EXPIRE,
	IKE_T_SETTLED,
	IKE_T_PROBE,
	IKE_T_FRAGMENTS,
	IKE_T_USER,
	IKE_T_TRANSACTION,
	IKE_T_NOTIFY,
	IKE_T_QUICK_FIRST,
	IKE_T_COUNT = IKE_T_QUICK_FIRST + QUICK_SLOTS,
};

_Static_assert(IKE_T_COUNT <= TIMERS_MAX, "the table of timers is too small");

/* The body of a phase 1 ID payload. */
#define ID_BODY_MAX (4 + IKE_ID_MAX)

/* What main or aggressive mode keeps from one message to the next. */
struct main_mode {
	struct exchange x;
	struct dh *dh;
	enum natt natt;
	struct cert_peer *cert; /* verified; until its names have been compared */
	size_t id_n;
	uint8_t id[ID_BODY_MAX]; /* ours, as it was sent */
	size_t peer_id_n;
	uint8_t peer_id[ID_BODY_MAX]; /* as it came */
	uint8_t nonce[IKE_NONCE_SIZE]; /* ours */
	size_t peer_public_n;
	uint8_t peer_public[DH_PUBLIC_MAX];
	/*
	 * Responder of main mode: whose keys are tried as well when message 5 comes, and what they are
	 * made of.
	 */
	unsigned nothers;
	const struct ike_config *other[IKE_OTHERS_MAX];
	struct secret gxy;
	size_t peer_nonce_n;
	uint8_t peer_nonce[IKE_NONCE_MAX];
	bool tell_lifetime; /* responder: ours is the shorter one */
	unsigned proposal; /* responder: what was chosen, by its place in the offer */
	unsigned transform;
	size_t sai_n;
	uint8_t sai[IKE_MESSAGE_MAX]; /* the initiator's offer, byte for byte; last: see quick_offer */
};

struct child_request {
	uint32_t id;
	uint32_t spi;
	const struct ike_child_config *config;
};

/* A quick mode ID payload: type, protocol, port, a range of IPv6 addresses at the most. */
#define QUICK_ID_MAX 36

/* What the peer has asked for, kept until the session has decided. */
struct quick_offer {
	size_t ke_n; /* 0: no PFS */
	uint8_t ke[DH_PUBLIC_MAX];
	bool ids;
	size_t idci_n;
	uint8_t idci[QUICK_ID_MAX];
	size_t idcr_n;
	uint8_t idcr[QUICK_ID_MAX];
	uint32_t spi; /* of its first proposal for ESP */
	struct ts_pair ts;
	uint32_t tell_lifetime_s; /* ours is the shorter one; 0: it is not */
	unsigned proposal; /* what was chosen */
	unsigned transform;
	size_t sa_n;
	uint8_t sa[IKE_MESSAGE_MAX]; /* last: only as much of it as was used is touched again */
};

struct quick_mode {
	struct exchange x; /* first: quick_of() */
	uint64_t begun; /* these grow from one to the next */
	uint64_t completed;
	vtime settled_at;
	struct child_request child;
	uint32_t spi_out; /* once agreed */
	struct dh *dh;
	uint8_t ni[IKE_NONCE_MAX];
	uint8_t nr[IKE_NONCE_MAX];
	struct ike_child up; /* agreed, told once message 3 is out, or has come */
	struct quick_offer offer; /* responder; last: see quick_offer */
};

/* A REQUEST or SET of either end, and what answers it. */
struct transaction {
	struct exchange x; /* first: v1_transaction_of() */
	uint64_t completed; /* these grow from one to the next */
	uint8_t message; /* enum attribute_message, of what began it */
	uint16_t identifier;
	struct attribute_types types; /* the attributes of a message that the peer has begun with */
	/* Writes the attributes of our message; for the time of one call, with what it needs. */
	void (*write)(struct ike_sa *sa, struct transaction *t, struct wr *w);
	const struct ike_event *event;
	bool gives; /* the peer's SET has something of the configuration */
	unsigned fields; /* the peer's REQUEST asks for these of XAUTH */
	uint16_t xauth_type;
};

/* How far it is with what follows phase 1. */
enum user_stage {
	USER_NONE, /* before it, or nothing is to come */
	USER_AWAITED, /* the gateway is to ask; as a gateway: the session is to decide */
	USER_ASKED, /* the session has the question; as a gateway: the client */
	USER_ANSWERED, /* the gateway is to decide, or to ask again */
	USER_PULLING, /* Mode Config */
	USER_TOLD, /* as a gateway: accepted or refused, and the client does not know yet */
};

struct user {
	enum user_stage stage;
	bool accepted; /* as a gateway: what the client is told */
	unsigned round;
	unsigned rounds; /* since the last verdict */
	struct transaction *open; /* the peer's REQUEST that the session has not answered */
	struct transaction *pull; /* ours */
	struct xauth heard; /* of the message at hand; its values are not kept */
	char message[IKE_SAID_MAX]; /* what the session is asked with */
	struct secret value[XAUTH_FIELDS]; /* as a gateway: what the client has said */
	bool cannot; /* as a gateway: the client has nothing to say */
	struct attribute_wish wish; /* as a gateway: what the client would like to have */
	struct ike_assigned assigned;
};

/* RFC 3706; sequence 0: none has been sent. */
struct probe {
	bool running;
	bool heard; /* something new and authentic has come since it began */
	uint32_t sequence;
	vtime wait;
	vtime resend_at;
	vtime until;
};

/* A notification with its NAT-D payloads, encrypted. */
#define NOTIFY_MESSAGE_MAX 1500

/* What goes again until it has its answer. */
struct repeated {
	bool running;
	uint32_t id; /* the owner's */
	unsigned left;
	vtime wait;
	vtime due;
	struct endpoint from;
	struct endpoint to;
	size_t n;
	uint8_t sent[NOTIFY_MESSAGE_MAX];
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
	bool responder; /* of phase 1 */
	bool rekey; /* an older SA with this peer exists: no INITIAL-CONTACT, ports stay */
	struct path path;
	struct endpoint arrived_from; /* the datagram at hand */
	struct endpoint arrived_to;
	enum nat nat;
	uint8_t cookie_i[IKE_COOKIE_SIZE];
	uint8_t cookie_r[IKE_COOKIE_SIZE];
	bool cookie_r_known;
	struct ike_suite suite;
	struct identity peer;
	/*
	 * Initiator of aggressive mode: nothing shows yet that the peer has taken our last message.
	 */
	bool unconfirmed;
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
	unsigned ndeleted; /* SPIs that the session has not been told of */
	uint32_t deleted[DELETED_MAX];
	vendor_set vendors; /* what the peer has announced: */
	bool peer_dpd; /* it answers probes */
	bool peer_unity;
	bool peer_fragmentation; /* it takes fragments of IKE messages */
	bool peer_cisco; /* it is one of Cisco's, or cannot be told from one */
	bool address_update; /* it speaks IPADDRESS_UPDATE, and so do we */
	struct probe probe;
	struct repeated repeated;
	uint8_t once[NOTIFY_MESSAGE_MAX]; /* the last notification that goes once */
	uint8_t notified[IKE_NOTIFY_MAX]; /* the data of the last one that came */
	uint64_t transactions_completed;
	struct transaction transaction[TRANSACTION_SLOTS];
	struct user user;
	bool hinted;
	vtime hinted_at;
	unsigned nseen;
	uint32_t seen[SEEN_IDS_MAX]; /* message ids that the peer has used, a ring */
	struct fragments *fragments; /* of the peer's message in the making; NULL: none */
	struct timers timers;
	struct drops drops;
	bool closing; /* the Delete is still to be sent */
	bool dying; /* the DEAD effect is still to be given out */
	struct ike_failure death;
	unsigned out_first;
	unsigned out_n;
	struct outgoing out[OUTBOX_MAX];
	unsigned fragments_out; /* of the first in the outbox, how many have been given out */
	uint8_t fragment[FRAGMENT_DATAGRAM_MAX]; /* the last of those */
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
/* A message of the peer that belongs to this exchange, as far as the header tells. */
void sa_exchange_receive(struct ike_sa *sa, vtime now, struct exchange *x, const struct ike_msg *m,
			 struct slice bytes);
/* Sends x->sent, once more with `again`. */
void sa_push_sent(struct ike_sa *sa, const struct exchange *x, bool again);
/* Sets the timer row of this exchange from its deadline; a dead SA has no timers. */
void sa_arm(struct ike_sa *sa, const struct exchange *x);
/* The SA is over; with `tell` the peer is told. The DEAD effect follows everything else. */
void sa_die(struct ike_sa *sa, const struct ike_failure *why, bool tell);
/* Some message of the peer with this id has been verified before. Remembers it. */
bool sa_seen(struct ike_sa *sa, uint32_t id);
/* A new and authentic message has come over the established SA: once for each datagram. */
void sa_alive(struct ike_sa *sa);
/* An error notify that proves nothing: the session is told, at most once a second. */
void sa_hint(struct ike_sa *sa, vtime now, uint16_t notify);
/* Phase 1 is complete, whether children may be negotiated or not. */
bool sa_is_up(const struct ike_sa *sa);
/* CKY-I | CKY-R */
void sa_cookies(const struct ike_sa *sa, uint8_t out[2 * IKE_COOKIE_SIZE]);
/* A cookie of our own; never zero. */
void sa_cookie_make(struct ike_sa *sa, uint8_t out[IKE_COOKIE_SIZE]);

/* ---- v1_main.c: what both modes and both roles share ---- */

int v1_main_fail(const struct ike_sa *sa, struct ike_failure *why, int err, const char *text);
/* What the peer announces in this message, besides what it has announced before. */
void v1_main_vendors(struct ike_sa *sa, const struct ike_msg *m);

/* Initiator: the SA payload, kept for the proofs. */
void v1_main_write_offer(struct ike_sa *sa, struct ike_writer *b, const struct ike_suite *suites,
			 unsigned n);
/* Responder: takes what was chosen of the offer (it fits), and writes it. */
void v1_main_take_choice(struct ike_sa *sa, const struct ike_choice *choice, struct slice sai);
void v1_main_write_choice(struct ike_sa *sa, struct ike_writer *b);

/* g^xi or g^xr. */
struct slice v1_main_public(const struct ike_sa *sa, bool initiator);
/* SKEYID and all that follows, the first IV included; own public value and nonce are there. */
void v1_main_keys(struct ike_sa *sa, struct slice gxy, struct slice peer_public,
		  struct slice peer_nonce);

struct nat_finding {
	enum natt natt; /* NONE: not both ends speak it */
	enum nat nat;
};

/* We hide our address from NAT detection. */
bool v1_main_hides(const struct ike_config *c);
/*
 * What the message says of NATs to who speaks `natt`. 0, or an error where there must be NAT
 * traversal. v1_main_nat_take notes it.
 */
int v1_main_nat_find(const struct ike_sa *sa, const struct ike_msg *m, enum natt natt,
		     const struct endpoint *local, const struct endpoint *remote,
		     struct nat_finding *out, struct ike_failure *why);
void v1_main_nat_take(struct ike_sa *sa, const struct nat_finding *f);
void v1_main_write_natd(struct ike_sa *sa, struct ike_writer *b);
/* ESP is to be in UDP, and IKE on port 4500 with it (RFC 3947 section 4). */
bool v1_main_in_udp(const struct ike_sa *sa);
/* Settles the path by that (an initiator goes over to 4500), and tells of it. */
void v1_main_path(struct ike_sa *sa);

/* Not when rekeying. */
void v1_main_write_initial_contact(const struct ike_sa *sa, struct ike_writer *b);
/* The responder's, where it is shorter than what was offered. */
void v1_main_write_lifetime(const struct ike_sa *sa, struct ike_writer *b);
void v1_main_take_lifetime(struct ike_sa *sa, const struct ike_msg *m);
/* Takes the offered (or chosen) lifetime if it is shorter than what we have. */
void v1_main_lifetime(struct ike_sa *sa, uint32_t seconds);
/* Responder: the peer has proved to be somebody else; it is told. */
void v1_main_unexpected(struct ike_sa *sa, const struct ike_failure *why);
void v1_main_established(struct ike_sa *sa, vtime now);
/* The responder's part of the cookies, from the header of the peer's first message. */
void v1_main_join(struct ike_sa *sa, const struct ike_header *h);
/* Begins phase 1, with the rows for the way in which the peer is to prove itself. */
void v1_main_begin(struct ike_sa *sa, vtime now, const struct exchange_type *by_hash,
		   const struct exchange_type *by_signature);
void v1_main_lost(struct ike_sa *sa, vtime now, struct exchange *x, const struct ike_failure *why);
/* The scratch of phase 1, wiped. */
void v1_main_end(struct ike_sa *sa);

/* ---- v1_auth.c: who both ends are, and their proofs ---- */

/* Who proves himself by a signature; everybody else by HASH alone. */
bool v1_auth_we_sign(const struct ike_config *c);
bool v1_auth_peer_signs(const struct ike_config *c);
/* What is accepted as that end of phase 1; the initiator offers the first. */
struct auth_methods v1_auth_methods(const struct ike_config *c, bool responder);
/* Our ID payload, kept for the proof. */
void v1_auth_write_id(struct ike_sa *sa, struct ike_writer *b);
/*
 * True when this ID payload and this HASH are those of a peer who knows our key; *named: the
 * identity is the one that is expected.
 */
bool v1_auth_hash_fits(const struct ike_sa *sa, const struct ike_msg *m, bool *named);
/* HASH, or certificates and SIG. */
void v1_auth_write_proof(struct ike_sa *sa, struct ike_writer *b);
/* Which certificates we can verify, if the peer is to sign. */
void v1_auth_write_requests(const struct ike_sa *sa, struct ike_writer *b);
/* With hybrid: that we know the group's password, if there is one (Cisco's notify). */
void v1_auth_write_group(const struct ike_sa *sa, struct ike_writer *b);
/* Keeps the peer's ID payload for its proof. 0 or ERR_MALFORMED. */
int v1_auth_take_id(struct ike_sa *sa, const struct ike_msg *m);
/*
 * The peer's proof of the identity that it has sent, which is then in sa->peer and, with a
 * signature, the certificate in main.cert. 0; ERR_AUTH with the reason: nothing has changed.
 */
int v1_auth_verify(struct ike_sa *sa, const struct ike_msg *m, struct ike_failure *why);
/* The peer is whom the configuration names; else it is logged, and *why says so. */
bool v1_auth_peer_expected(struct ike_sa *sa, struct ike_failure *why);

/* ---- v1_main_i.c, v1_main_r.c, v1_aggr_i.c, v1_aggr_r.c ---- */

void v1_main_start(struct ike_sa *sa, vtime now);
void v1_aggr_start(struct ike_sa *sa, vtime now);
/* True from message 5 to message 6 of main mode, for the initiator. */
bool v1_main_proving(const struct ike_sa *sa);
/* Makes the SA ready for the peer's first message, which is then received as any other. */
void v1_main_r_begin(struct ike_sa *sa, vtime now, const struct ike_header *h,
		     const struct ike_event *ev);
void v1_aggr_r_begin(struct ike_sa *sa, vtime now, const struct ike_header *h);
/* That message could not be taken: the end, and the peer is told where that helps it. */
void v1_main_r_refuse(struct ike_sa *sa);

/* ---- v1_quick.c: what both roles share ---- */

/* x is the first member of its quick mode. */
struct quick_mode *v1_quick_of(struct exchange *x);
int v1_quick_fail(struct ike_failure *why, int err, const char *text);
/* What we offer, or would take. */
struct esp_offer v1_quick_offer_of(const struct ike_sa *sa, const struct quick_mode *q);
/* A slot for a new one, empty. */
struct quick_mode *v1_quick_slot(struct ike_sa *sa);
void v1_quick_child_keys(const struct ike_sa *sa, struct slice gqm, struct slice ni,
			 struct slice nr, struct ike_child *child);
void v1_quick_child_failed(struct ike_sa *sa, uint32_t id, const struct ike_failure *why);
/* The exchange is complete: its child is told. */
void v1_quick_done(struct ike_sa *sa, vtime now, struct exchange *x);
struct quick_mode *v1_quick_find(struct ike_sa *sa, uint32_t message_id);
/* Some quick mode, of either end, is not complete. */
bool v1_quick_in_air(const struct ike_sa *sa);
/* The outbound SPI of what was agreed lately; `spi` itself where it is not our inbound one. */
uint32_t v1_quick_outbound(const struct ike_sa *sa, uint32_t spi);
/*
 * Nothing with our SPI `spi` is negotiated any more. False: the peer has never been told of it, or
 * can be told nothing.
 */
bool v1_quick_forget(struct ike_sa *sa, vtime now, uint32_t spi);

/* ---- v1_quick_i.c ---- */

extern const struct exchange_type v1_quick_i;
/* Starts it, queues it or fails it. */
void v1_quick_request(struct ike_sa *sa, vtime now, const struct child_request *child);
/* Starts what has been waiting, as far as may be. */
void v1_quick_start_next(struct ike_sa *sa, vtime now);
/* Takes the request with our SPI out of those that wait; false: there is none. */
bool v1_quick_unqueue(struct ike_sa *sa, uint32_t spi);
/*
 * An authentic error notify. With our SPI, or with one quick mode in the air and a reason that only
 * quick mode has, it is the end of that one; without an SPI it is else a hint to all of them. False:
 * it concerns none of ours.
 */
bool v1_quick_refused(struct ike_sa *sa, vtime now, const struct notify_payload *n);
void v1_quick_end(struct quick_mode *q);

/* ---- v1_quick_r.c ---- */

extern const struct exchange_type v1_quick_r;
/* A quick mode with a message id that is new to us. */
void v1_quick_r_receive(struct ike_sa *sa, vtime now, const struct ike_msg *m, struct slice bytes);
/* The session's answers to the offer `child->id`, or `id`. */
void v1_quick_r_accept(struct ike_sa *sa, vtime now, const struct child_request *child);
void v1_quick_r_refuse(struct ike_sa *sa, vtime now, uint32_t id, uint16_t notify);

/* ---- v1_transaction.c: REQUEST and REPLY, SET and ACK; no knowledge of what is in them ---- */

/* What our own are for. */
extern const struct exchange_type v1_transaction_pull; /* a client's REQUEST for its configuration */
extern const struct exchange_type v1_transaction_demand; /* a gateway's REQUEST for a user */
extern const struct exchange_type v1_transaction_status; /* a gateway's SET: accepted or refused */
extern const struct exchange_type v1_transaction_push; /* a gateway's SET of a configuration */
/* x is the first member of its transaction. */
struct transaction *v1_transaction_of(struct exchange *x);
/*
 * Sends a REQUEST or SET with what `write` writes; `ev` is its to use during the call. NULL when it
 * has failed at once; v1_user_lost has been called then.
 */
struct transaction *
v1_transaction_begin(struct ike_sa *sa, vtime now, const struct exchange_type *type, vtime timeout,
		     void (*write)(struct ike_sa *sa, struct transaction *t, struct wr *w),
		     const struct ike_event *ev);
/* Answers the peer's; the same. */
void v1_transaction_answer(struct ike_sa *sa, vtime now, struct transaction *t,
			   void (*write)(struct ike_sa *sa, struct transaction *t, struct wr *w),
			   const struct ike_event *ev);
void v1_transaction_receive(struct ike_sa *sa, vtime now, const struct ike_msg *m,
			    struct slice bytes);
bool v1_transaction_has(const struct ike_sa *sa, const struct exchange *x);
struct transaction *v1_transaction_find(struct ike_sa *sa, uint32_t message_id);
/* One that we have begun has no answer yet; or one of the peer's has none. */
bool v1_transaction_in_air(const struct ike_sa *sa);
/* An authentic error notify while one of ours has no answer yet. False: there is none. */
bool v1_transaction_refused(struct ike_sa *sa, vtime now, const struct notify_payload *n);
/* Sets the row IKE_T_TRANSACTION. */
void v1_transaction_arm(struct ike_sa *sa);
void v1_transaction_end(struct transaction *t);

/* ---- v1_user.c: what follows phase 1, and a client's half of it ---- */

/* Phase 1 is complete. */
void v1_user_begin(struct ike_sa *sa, vtime now);
/* Children may be negotiated. */
void v1_user_established(struct ike_sa *sa);
struct ike_failure v1_user_failure(int err, const char *text);
/* The row IKE_T_USER is due. */
void v1_user_timeout(struct ike_sa *sa, vtime now);
void v1_user_answer(struct ike_sa *sa, vtime now, const struct ike_event *ev);
/* The gateway has closed the SA: why, as far as that can be told. */
struct ike_failure v1_user_closed(const struct ike_sa *sa);
/* The end of all but the configuration, which others have borrowed. */
void v1_user_end(struct ike_sa *sa);
/*
 * What v1_transaction.c hands on; for a gateway these go on to v1_user_r.c. A message that begins one
 * may come now (else it is not remembered, and comes again).
 */
bool v1_user_may_take(const struct ike_sa *sa, uint8_t message);
/* Its attributes; nothing is sent yet. */
void v1_user_hear(struct ike_sa *sa, struct transaction *t, const struct attributes *a);
/* It has been taken. */
void v1_user_heard(struct ike_sa *sa, vtime now, struct transaction *t);
/* The session has not answered in time. */
void v1_user_unanswered(struct ike_sa *sa, vtime now, struct transaction *t,
			const struct ike_failure *why);
/* The answer to one of ours has been taken; or there will be none. */
void v1_user_done(struct ike_sa *sa, vtime now, struct transaction *t);
void v1_user_lost(struct ike_sa *sa, vtime now, const struct exchange_type *type,
		  const struct ike_failure *why);

/* ---- v1_user_r.c: the same as a gateway ---- */

void v1_user_r_begin(struct ike_sa *sa);
bool v1_user_r_may_take(const struct ike_sa *sa, uint8_t message);
void v1_user_r_hear(struct ike_sa *sa, struct transaction *t, const struct attributes *a);
void v1_user_r_heard(struct ike_sa *sa, vtime now, struct transaction *t);
void v1_user_r_unanswered(struct ike_sa *sa, struct transaction *t);
void v1_user_r_done(struct ike_sa *sa, struct transaction *t);
void v1_user_r_lost(struct ike_sa *sa, const struct exchange_type *type,
		    const struct ike_failure *why);
/* XAUTH_DEMAND, XAUTH_STATUS, CONFIG_GIVE. */
void v1_user_r_event(struct ike_sa *sa, vtime now, const struct ike_event *ev);

/* ---- v1_info.c ---- */

void v1_info_send_notify(struct ike_sa *sa, const struct notify_payload *n);
void v1_info_send_delete(struct ike_sa *sa, uint8_t protocol, struct slice spi);
/* The message as v1_info_send_notify sends it, kept in `x` to be sent for repeats, too. */
void v1_info_build_notify(struct ike_sa *sa, const struct notify_payload *n, struct exchange *x);
/* The same in clear, before there are keys. */
void v1_info_send_clear(struct ike_sa *sa, uint16_t notify);
void v1_info_receive(struct ike_sa *sa, vtime now, const struct ike_msg *m);
/* Decrypts and verifies a message that begins its exchange: HASH(1), its IV from `last`. */
bool v1_info_open(struct ike_sa *sa, const uint8_t last[PROTECT_BLOCK], const struct ike_msg *m,
		  uint8_t buf[IKE_MESSAGE_MAX], struct ike_msg *out);
/* What an error notify means; `what` is main mode or quick mode. */
struct ike_failure v1_info_failure(uint16_t notify, bool authentic, bool proving,
				   const struct exchange_type *what);
/* What an authentic message means that is not what `what` needs: its error notify, if any. */
struct ike_failure v1_info_unusable(const struct ike_msg *m, const struct exchange_type *what);

/* ---- v1_dpd.c ---- */

/* Begins to ask, unless that is going on already. */
void v1_dpd_probe(struct ike_sa *sa, vtime now);
/* The row IKE_T_PROBE is due. */
void v1_dpd_timeout(struct ike_sa *sa, vtime now);
/* What is being asked is asked at once on a new path. */
void v1_dpd_moved(struct ike_sa *sa, vtime now);
/* Answers, whatever the number. */
void v1_dpd_r_u_there(struct ike_sa *sa, const struct notify_payload *n);
/* False: not the answer to what we ask. */
bool v1_dpd_ack(struct ike_sa *sa, const struct notify_payload *n);

/* ---- v1_inform.c ---- */

/* The session's, IKE_EVENT_NOTIFY and IKE_EVENT_NOTIFY_END. */
void v1_inform_send(struct ike_sa *sa, vtime now, const struct ike_notify *n);
void v1_inform_end(struct ike_sa *sa, uint32_t id);
/* The row IKE_T_NOTIFY is due. */
void v1_inform_timeout(struct ike_sa *sa, vtime now);
/* True for a notify that is the session's to understand. */
bool v1_inform_is(const struct ike_sa *sa, const struct notify_payload *n);
/* Hands on such a one, the first of the message `m`, which has been verified. */
void v1_inform_receive(struct ike_sa *sa, const struct ike_msg *m, const struct notify_payload *n,
		       bool again);

/* ---- v1_move.c ---- */

/* Later messages take this path, and what awaits an answer goes there at once. */
void v1_move(struct ike_sa *sa, vtime now, const struct path *path);

/* ---- v1_fragment.c ---- */

/*
 * Takes a fragment of the peer's that belongs to this SA. The whole message once it is complete,
 * which is then received as if it had come in one piece; else empty. Borrowed until the next one.
 */
struct slice v1_fragment_receive(struct ike_sa *sa, vtime now, const struct ike_msg *m);
/*
 * Replaces the bytes of the first SEND in the outbox by its next fragment, where it is too large
 * for one piece and the peer takes fragments. True: more of them follow.
 */
bool v1_fragment_send(struct ike_sa *sa, struct ike_effect *send);

/* ---- sa_told.c ---- */

/* The log hears of an exchange: both ends have the same name and number for it. why: NULL for none. */
void sa_exchange_told(struct ike_sa *sa, const struct exchange *x, const char *what,
		      const char *why);
/* Ends it by type->lost, which the log is told of. */
void sa_exchange_lost(struct ike_sa *sa, vtime now, struct exchange *x,
		      const struct ike_failure *why);

#endif
