/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ike/ speaks IKE. It is an engine: events go in with the time, effects are pulled out, nothing in
 * between touches a socket, a clock or a global. It hands out key material and selectors and knows
 * nothing of ESP packets or of where paths come from.
 *
 *	message.c    ISAKMP header and payload chain, both directions      RFC 2408 section 3
 *	payload.c    the bodies: SA, KE, ID, notify, delete                RFC 2408, 2407
 *	identity.c   text <-> identities                                   RFC 2407 section 4.6.2
 *	suite.c      text <-> suites
 *	proposal.c   suites <-> SA payloads, choice                        RFC 2407 4.5, 2409 app. A
 *	vendor.c     vendor ids, a table
 *	natd.c       NAT detection                                         RFC 3947 section 3.2
 *	exchange.c   one exchange in the air: retransmission, duplicates
 *	protect.c    encryption, IVs and HASHes                            RFC 2409 section 5, app. B
 *	ike_sa.c     the SA: dispatches by rows of data
 *	first.c      which of a responder's configurations a first message is for
 *	v1_main*.c   main mode; _i and _r are the roles                    RFC 2409 section 5
 *	v1_aggr*.c   aggressive mode; the same                             RFC 2409 section 5
 *	v1_auth.c    what proves both ends in these two: pre-shared key,   RFC 2409 sections 5.1, 5.4
 *	             RSA signatures, hybrid
 *	v1_quick*.c  quick mode, with and without PFS; the same            RFC 2409 section 5.5
 *	attribute*.c the attributes payload                                draft-dukes-ike-mode-cfg-02,
 *	v1_transaction.c  REQUEST and REPLY, SET and ACK                   draft-beaulieu-ike-xauth-02
 *	v1_user*.c   what follows phase 1: XAUTH, Mode Config, Unity; _r is the gateway
 *	v1_info.c    informational: delete, notify, hints, Cisco's redirection
 *	v1_dpd.c     is the peer alive?                                    RFC 3706
 *	v1_move.c    the path changes under an established SA
 *	v1_inform.c  notifies whose meaning is not IKE's: IPADDRESS_UPDATE docs/ipaddress-update.md
 *	fragment.c   payload 132: messages in pieces; v1_fragment.c is the SA's side of it
 *
 * An exchange is a row of data: for each message the payloads that must be there, those that may,
 * and the functions that consume and build. The dispatcher checks the row, so that handlers never
 * test for presence. Messages are parsed once into a flat bounded struct of slices; nothing is
 * allocated, logged or changed before a message has been authenticated.
 *
 *	    START, REKEY              message 4, NAT-D
 *	NEW ─────────► PHASE 1 ──────────────────────► PHASE 1 on 4500
 *	 │                │ lost, refused                   │ HASH_R verified
 *	 │                ▼              refused            ▼
 *	 │              DEAD ◄───────────────────────── CONFIGURING ◄─┐ XAUTH,
 *	 │                ▲                               ▲ │ └───────┘ Mode Config
 *	 │                │                               │ ▼ over, or nothing to come
 *	 │                │ ◄── Delete, CLOSE, lifetime ──┼─ ESTABLISHED ◄─┐
 *	 │    ACCEPT      │ lost, refused     message 5,  │     │ CHILD    │ child up, child failed
 *	 └─────────────► PHASE 1 ─────────────────────────┘     │ OFFER    │
 *	                                  HASH_I                └──────────┘
 *
 * Rekeying phase 1 is a new SA beside the old one. Children belong to none of them: the engine
 * hands them out and forgets them, and any SA with the peer can send their Deletes and take the
 * peer's. Which SA is used for what is the session's choice.
 *
 * As a responder the engine takes the first of its own suites that is offered, and repeats nothing
 * in phase 1 of its own accord. Main mode is always taken, aggressive mode only where it is
 * configured. INITIAL-CONTACT of the peer is not looked at.
 *
 * Aggressive mode ends with the initiator's message 3, and the peer verifies it afterwards: what it
 * does not like is told in an informational message.
 *
 * Of XAUTH there is no RADIUS-CHAP; one-time passwords are shown as challenges for a person. Of Mode
 * Config there is no SUPPORTED_ATTRIBUTES and no DHCP. A REQUEST of the gateway is answered at any
 * time behind phase 1, its SETs are taken at any time.
 *
 * Not here yet: IKEv2.
 */
#ifndef GODWIT_IKE_IKE_H
#define GODWIT_IKE_IKE_H

#include "base/addr.h"
#include "base/drop.h"
#include "base/err.h"
#include "base/log.h"
#include "base/rng.h"
#include "base/ts.h"
#include "base/vtime.h"
#include "crypto/cert.h"
#include "crypto/crypto.h"

#define IKE_PORT 500
#define IKE_NATT_PORT 4500
#define IKE_COOKIE_SIZE 8
/* The longest message we send or take, reassembled: some certificates fit. */
#define IKE_MESSAGE_MAX 10000
#define IKE_SUITES_MAX 16
#define IKE_OTHERS_MAX 32
#define IKE_ID_MAX 600 /* a long distinguished name */

/* ---- identities (RFC 2407 section 4.6.2) ---- */

enum id_type {
	ID_NONE = 0,
	ID_IPV4_ADDR = 1,
	ID_FQDN = 2,
	ID_USER_FQDN = 3,
	ID_IPV4_ADDR_SUBNET = 4,
	ID_IPV6_ADDR = 5,
	ID_IPV6_ADDR_SUBNET = 6,
	ID_IPV4_ADDR_RANGE = 7,
	ID_IPV6_ADDR_RANGE = 8,
	ID_DER_ASN1_DN = 9,
	ID_KEY_ID = 11,
};

struct identity {
	enum id_type type;
	uint16_t n;
	uint8_t data[IKE_ID_MAX];
};

#define IDENTITY_TEXT_MAX 700

/*
 * The type follows from the form: an address, user@fqdn, "email:NAME" (a user@fqdn whatever it looks
 * like), "keyid:NAME", a distinguished name (it has '='), else an FQDN. An empty or over-long text, or a name that is none, is refused with
 * ERR_CONFIG.
 */
int identity_parse(const char *text, struct identity *out);
/* Distinguished names as cert_dn_eq has it, others byte for byte. */
bool identity_eq(const struct identity *a, const struct identity *b);
/* Printable; bytes that are not are shown as '?'. */
const char *identity_text(const struct identity *id, char buf[IDENTITY_TEXT_MAX]);
/* The same for a person who wrote a key id, such as a group, as a bare word. */
const char *identity_word(const struct identity *id, char buf[IDENTITY_TEXT_MAX]);

/* ---- suites and proposals (proposal.c) ---- */

/* What protects an IKEv1 ISAKMP SA; the hash is also the prf. */
struct ike_suite {
	enum ike_cipher cipher;
	uint16_t key_bits;
	enum hash_alg hash;
	enum dh_group group;
};

#define IKE_WHY_MAX 160
#define IKE_WEAK_MAX 40

/*
 * As strongSwan writes it, "aes128-sha256-modp2048", with vpnc's names of groups ("dh14"), or as
 * Cisco's routers do in one line: "aes-256 sha group 14", "encr aes 256, hash sha256, group 14". 0;
 * ERR_UNSUPPORTED for a word we know of but do not speak and ERR_CONFIG for nonsense; `why` then
 * says which word and what would do.
 */
int ike_suite_parse(const char *text, struct ike_suite *out, char why[IKE_WHY_MAX]);
/* In a list with commas: this item goes on with the one before it ("hash sha", "group 14"). */
bool ike_suite_continues(const char *text);
/*
 * "aes128gcm16", "aes256-sha256", optionally with a group behind it ("aes128gcm16-modp2048"), which
 * is then in *pfs (DH_NONE otherwise); or "esp-aes 256 esp-sha-hmac".
 */
int esp_suite_parse(const char *text, struct esp_suite *out, enum dh_group *pfs,
		    char why[IKE_WHY_MAX]);
/* "modp2048", "14", "dh14", "group14". */
int dh_group_parse(const char *text, enum dh_group *out, char why[IKE_WHY_MAX]);
const char *ike_suite_name(const struct ike_suite *s, char buf[48]);

/* The names of what is weak in it, "3des, md5"; empty when nothing is. A person must allow it. */
const char *ike_suite_weak(const struct ike_suite *s, char buf[IKE_WEAK_MAX]);
const char *esp_suite_weak(const struct esp_suite *s, char buf[IKE_WEAK_MAX]);
bool dh_group_is_weak(enum dh_group group);

/* ---- configuration; borrowed, must outlive the ike_sa ---- */

enum ike_mode {
	IKE_MODE_MAIN,
	IKE_MODE_AGGRESSIVE, /* one group for all suites, that of the first */
};

/* How phase 1 is authenticated. */
enum ike_auth {
	IKE_AUTH_PSK,
	IKE_AUTH_RSA, /* both ends by signature */
	/* The gateway by signature, we not at all before XAUTH (draft-ietf-ipsec-isakmp-hybrid-auth). */
	IKE_AUTH_HYBRID,
};

/* Whose ways are followed where gateways differ. */
enum ike_vendor {
	IKE_VENDOR_NONE,
	IKE_VENDOR_CISCO,
	IKE_VENDOR_NETSCREEN,
	IKE_VENDOR_FORTIGATE,
};

/* How ESP is to travel. */
enum ike_transport {
	/* In UDP with a peer that speaks NAT traversal (see force_udp), raw with any other. */
	IKE_TRANSPORT_AUTO,
	IKE_TRANSPORT_UDP, /* the same, and a peer that does not speak it is refused */
	IKE_TRANSPORT_ESP, /* raw: no NAT traversal is announced */
	/* In UDP as Cisco did before it, on the port that Mode Config names; without one: raw. */
	IKE_TRANSPORT_CISCO_UDP,
};

/* What is asked for with Mode Config. Empty texts are not sent. */
struct ike_config_wish {
	bool pull; /* ask, once the user is known; what a gateway pushes is taken in any case */
	bool ip6; /* also an IPv6 address, its DNS servers and subnets */
	struct addr held[2]; /* addresses held before, IPv4 and IPv6: asked for again */
	char application_version[128];
	char hostname[64];
};

struct ike_config {
	struct ike_suite suites[IKE_SUITES_MAX];
	unsigned nsuites;
	enum ike_mode mode;
	enum ike_auth auth;
	bool xauth; /* a user is authenticated behind phase 1; always so with HYBRID */
	bool gateway; /* we ask for the user, and give configurations; with HYBRID it is we who sign */
	enum ike_vendor vendor;
	enum ike_transport transport;
	/*
	 * AUTO, UDP: hide our address from NAT detection, so that ESP is in UDP whatever lies in
	 * between. Without it: in UDP when a NAT is detected, else (AUTO alone) raw.
	 */
	bool force_udp;
	bool no_fragments; /* Cisco's fragmentation of IKE messages is not announced and not used */
	/*
	 * IPADDRESS_UPDATE is announced. With AUTO and a peer that announces it, too, ESP is in UDP
	 * whatever lies in between, so that a change of address changes nothing of that.
	 */
	bool address_update;
	struct identity local; /* ID_NONE: our address; with a certificate: its subject */
	struct identity remote; /* what the peer must prove to be; ID_NONE: its address */
	/*
	 * PSK: who has the key may call itself what it likes. RSA, of a gateway: so may who has a
	 * certificate that bears the name.
	 */
	bool remote_any;
	struct secret psk; /* with HYBRID: the group's, or empty */
	const struct credentials *credentials; /* RSA, HYBRID; borrowed, NULL with PSK */
	struct ike_config_wish wish;
	uint32_t lifetime_s; /* offered for the ISAKMP SA */
	vtime timeout; /* an exchange not complete by then has failed */
};

struct ike_child_config {
	struct esp_suite suites[IKE_SUITES_MAX];
	unsigned nsuites;
	enum dh_group pfs; /* DH_NONE: no PFS */
	uint32_t keylife_s;
	struct ts_pair ts; /* each side exactly one prefix */
};

enum nat {
	NAT_NONE = 0,
	NAT_LOCAL = 1, /* we are behind one */
	NAT_REMOTE = 2,
	NAT_BOTH = 3,
};

/* "none", "local", "remote", "both" */
const char *nat_name(enum nat nat);

/* ---- the user and his configuration (draft-beaulieu-ike-xauth-02, draft-dukes-ike-mode-cfg-02) ---- */

/* What XAUTH may ask for. */
enum xauth_field {
	XAUTH_USERNAME,
	XAUTH_PASSWORD,
	XAUTH_PASSCODE, /* of a token */
	XAUTH_ANSWER, /* to what the gateway's message asks */
	XAUTH_NEXT_PIN,
	XAUTH_DOMAIN,
	XAUTH_FIELDS,
};

#define IKE_SAID_MAX 512 /* what the gateway says to a person: printable, one line */
#define IKE_NAME_MAX 256
#define IKE_BANNER_MAX 4000
#define IKE_DNS_MAX 8
#define IKE_SPLIT_MAX 256
#define IKE_SPLIT_DNS_MAX 32
#define IKE_BACKUP_MAX 8

/* One network of a split list. Protocol and ports 0: any. */
struct ike_split {
	struct prefix prefix;
	uint8_t proto;
	uint16_t sport;
	uint16_t dport;
};

/*
 * What the gateway has given us. All of it is checked: addresses are such that a host may have,
 * masks have no holes, names hold letters, digits, '-', '_' and '.' only, text is printable (the
 * banner may have newlines). What is not so is left out, with a line in the log.
 */
struct ike_assigned {
	struct addr ip4; /* FAMILY_NONE: none */
	uint8_t ip4_len; /* of the netmask given with it; 32 without one */
	struct addr ip6;
	uint8_t ip6_len;
	uint32_t expiry_s; /* of the addresses; 0: with the SA */
	unsigned ndns;
	struct addr dns[IKE_DNS_MAX]; /* both families */
	unsigned nnbns;
	struct addr nbns[IKE_DNS_MAX];
	char domain[IKE_NAME_MAX];
	char banner[IKE_BANNER_MAX];
	unsigned ninclude; /* Unity split include, and subnets of Mode Config */
	struct ike_split include[IKE_SPLIT_MAX];
	unsigned nexclude;
	struct ike_split exclude[IKE_SPLIT_MAX];
	unsigned nsplit_dns;
	char split_dns[IKE_SPLIT_DNS_MAX][IKE_NAME_MAX];
	unsigned nbackup;
	char backup[IKE_BACKUP_MAX][IKE_NAME_MAX];
	char application_version[IKE_NAME_MAX];
	int save_password; /* 0 no, 1 yes, -1 not said */
	bool pfs;
	bool unity; /* includes are Unity's: one pair of SAs for everything, 0.0.0.0/0 */
	uint16_t natt_port; /* of Cisco's UDP encapsulation; 0: none */
};

/* ---- the engine ---- */

struct ike_sa;

enum ike_event_type {
	IKE_EVENT_START, /* begin phase 1 on `path` */
	IKE_EVENT_DATAGRAM, /* an IKE message, without the non-ESP marker */
	/*
	 * Negotiate a pair of ESP SAs; needs an established SA. Two are negotiated at a time, 16
	 * wait; past that they fail with ERR_NO_ROOM.
	 */
	IKE_EVENT_CHILD,
	/*
	 * Send a Delete for our inbound SPI `spi`, over whichever SA it was agreed on. What is being
	 * negotiated here with that SPI is forgotten without an effect; if the peer has not heard
	 * of it yet there is no Delete.
	 */
	IKE_EVENT_CHILD_DELETE,
	IKE_EVENT_CLOSE, /* a Delete for the SA, not for children; the SA is dead afterwards */
	/*
	 * The same as START where an older SA with this peer has been authenticated: no
	 * INITIAL-CONTACT, and the path's ports are kept (4500, NAT detection is done anew).
	 */
	IKE_EVENT_REKEY,
	/*
	 * `datagram` is a peer's first message of phase 1: answer it (a fresh SA only). DEAD
	 * follows at once when it cannot be used. ike_sa_owns then knows repeats of it, too.
	 */
	IKE_EVENT_ACCEPT,
	/*
	 * Answer the peer's offer `child.id` with our SPI and suites. The config is used at once and
	 * not borrowed. A PFS group in it must be the peer's; without one any group is accepted.
	 * CHILD_FAILED follows at once when it does not fit (the peer is told) or comes too late.
	 */
	IKE_EVENT_CHILD_ACCEPT,
	/*
	 * Answer it with the error notify refuse.notify (14: no proposal chosen), or with 0 never: it is
	 * forgotten, and its repeats are dropped. No effect follows.
	 */
	IKE_EVENT_CHILD_REFUSE,
	/*
	 * Ask whether the peer is alive (RFC 3706), again after 0.5 s, 1 s, 2 s … for half of
	 * config.timeout. The answer is ALIVE; SILENT follows when there has been no ALIVE by then.
	 * Nothing while one is under way, and nothing with a peer that has not announced that it
	 * answers.
	 */
	IKE_EVENT_PROBE,
	/*
	 * The answer to XAUTH_ASK. The values are used at once and not kept; the caller wipes its
	 * own. Without an XAUTH_ASK it does nothing.
	 */
	IKE_EVENT_XAUTH_ANSWER,
	/*
	 * config.gateway, with config.xauth: ask the client for these fields. After AUTHENTICATED, and
	 * again after each XAUTH_REPLY that is not enough; later, when a user must prove himself once
	 * more. Nothing while a demand or a status is under way.
	 */
	IKE_EVENT_XAUTH_DEMAND,
	/*
	 * config.gateway: whether the user is accepted; instead of a demand or after XAUTH_REPLY.
	 * ESTABLISHED follows when the client has heard it, or DEAD.
	 */
	IKE_EVENT_XAUTH_STATUS,
	/* config.gateway: the answer to CONFIG_WANTED; without one a SET, which pushes it. */
	IKE_EVENT_CONFIG_GIVE,
	/*
	 * Send an informational message with the notification `notify` (the DOI of IPsec, protocol
	 * ISAKMP, no SPI), NAT-D payloads of the two endpoints behind it if wanted. Needs phase 1
	 * complete; else it is as if nobody had answered. With `repeat` the same bytes go again
	 * IKE_NOTIFY_REPEATS times after 0.5 s, 1 s, 2 s …, until NOTIFY_END, another one with
	 * `repeat`, or UNANSWERED. The path stays as it is.
	 */
	IKE_EVENT_NOTIFY,
	IKE_EVENT_NOTIFY_END, /* the repeated notification `id` has its answer, or is void */
	/*
	 * `path` is where later messages go and come from, and how children's ESP travels; what
	 * awaits an answer goes there at once. Nothing before phase 1 is complete: begin anew.
	 */
	IKE_EVENT_MOVE,
};

#define IKE_NOTIFY_MAX 1100 /* bytes of a notification's data */
#define IKE_NOTIFY_REPEATS 5
/* After the last repetition the answer is awaited for so long: a slow round trip. */
#define IKE_NOTIFY_LAST_WAIT (2 * VTIME_S)

struct ike_notify {
	uint32_t id; /* the owner's name for it; comes back in UNANSWERED */
	uint16_t type;
	struct slice data; /* copied; at most IKE_NOTIFY_MAX bytes */
	struct endpoint from; /* its address may not be known: the NAT-D payloads show a NAT then */
	struct endpoint to;
	bool natd;
	bool repeat;
};

struct ike_event {
	enum ike_event_type type;
	union {
		struct path path; /* START, REKEY, MOVE: local may have no address yet known */
		struct {
			struct endpoint from;
			struct endpoint to; /* the address it came to, our port */
			struct slice bytes; /* decrypted in place of a copy: not changed */
			/*
			 * ACCEPT of main mode with a pre-shared key, where it is not known whose it
			 * is: other configurations that differ in identity and key alone (past
			 * IKE_OTHERS_MAX they are left out). The one whose key opens message 5, and
			 * whose identity it bears, is the SA's from then on. They live as long as
			 * the SA does, the list need not.
			 */
			const struct ike_config *const *others;
			unsigned nothers;
		} datagram;
		struct {
			uint32_t id; /* the session's name for it; comes back in the effects */
			uint32_t spi; /* our inbound SPI, chosen by the session */
			const struct ike_child_config *config; /* borrowed until up or failed */
		} child;
		uint32_t spi;
		struct {
			uint32_t id;
			uint16_t notify;
		} refuse;
		struct {
			/*
			 * By enum xauth_field. A field that was asked for and has p NULL cannot be given
			 * and is left empty; when none can be given that is the same as to refuse.
			 */
			struct slice value[XAUTH_FIELDS];
			bool refuse; /* there is nobody to answer: the SA fails */
		} answer;
		struct {
			unsigned fields; /* 1 << enum xauth_field */
			const char *message; /* for the person; NULL: none */
		} demand;
		struct {
			bool ok;
			bool known; /* with ok: from an older SA; nothing is said to the client */
			const char *message; /* for the person; NULL: none */
		} status;
		/* Copied. NULL: there is nothing for this client. */
		const struct ike_assigned *give;
		struct ike_notify notify;
		uint32_t notify_id; /* NOTIFY_END */
	};
};

/* A pair of ESP SAs as agreed. Owned by whoever takes the effect: ike_child_free. */
struct ike_child {
	uint32_t id;
	uint32_t spi_in;
	uint32_t spi_out;
	struct esp_suite suite;
	enum dh_group pfs;
	struct ts_pair ts;
	enum encapsulation encapsulation;
	uint32_t keylife_s; /* the shorter of ours and the peer's; 0: no limit in time */
	uint64_t keylife_bytes; /* 0: none */
	struct secret keymat_in;
	struct secret keymat_out;
};

void ike_child_free(struct ike_child *c);

enum ike_effect_type {
	/* An IKE message or a fragment of one; the shell adds the non-ESP marker on port 4500. */
	IKE_EFFECT_SEND,
	/*
	 * NAT detection is done: where we talk from now on, how ESP travels, and our address as the
	 * datagrams came to it. Ports are 4500 with UDP (the peer's may be another one where the
	 * peer began), else as they were. The path's generation is not set: counting is its owner's.
	 */
	IKE_EFFECT_NAT,
	/*
	 * Phase 1 is complete: the peer is who it must be. XAUTH_ASK and CONFIG may follow, in any
	 * number, and ESTABLISHED when that is over: at once where neither is to be expected.
	 */
	IKE_EFFECT_AUTHENTICATED,
	/*
	 * The gateway asks for the user: answered by XAUTH_ANSWER, within five minutes. Not twice at
	 * a time. The gateway has been authenticated before.
	 */
	IKE_EFFECT_XAUTH_ASK,
	IKE_EFFECT_CONFIG, /* what Mode Config gave; again when the gateway pushes something later */
	IKE_EFFECT_ESTABLISHED, /* children may be negotiated */
	/*
	 * Only after CHILD_ACCEPT, before the SEND of message 2: the peer may send on the new SA from
	 * now on, and its packets may overtake message 3. A copy of the child that CHILD_UP will
	 * tell of; CHILD_FAILED or DEAD take it back.
	 */
	IKE_EFFECT_CHILD_READY,
	IKE_EFFECT_CHILD_UP, /* after the SEND of quick mode's last message */
	IKE_EFFECT_CHILD_FAILED,
	/*
	 * The peer deleted its inbound SA, our outbound: spi. One for each SPI in the Delete, known
	 * or not; a child negotiated lately over this SA is recognised by our inbound SPI, too.
	 */
	IKE_EFFECT_CHILD_DELETED,
	/*
	 * The ISAKMP SA is gone; nothing follows. Children that were being negotiated have failed
	 * with it, without an effect of their own.
	 */
	IKE_EFFECT_DEAD,
	/*
	 * The peer wants a pair of ESP SAs; answered by CHILD_ACCEPT or CHILD_REFUSE with its id,
	 * now or later, within config.timeout: then it is over with CHILD_FAILED. After ACCEPT
	 * CHILD_UP follows when message 3 has come, or CHILD_FAILED. Three are kept at a time.
	 */
	IKE_EFFECT_CHILD_OFFER,
	IKE_EFFECT_ALIVE, /* a new authentic message came over the established SA */
	IKE_EFFECT_SILENT, /* nothing new and authentic came while a probe was under way */
	/*
	 * An error notify that proves nothing: the peer may have lost an SA. Worth a probe. At most
	 * one in a second.
	 */
	IKE_EFFECT_HINT,
	/* config.gateway: what the client answers to XAUTH_DEMAND. */
	IKE_EFFECT_XAUTH_REPLY,
	/*
	 * config.gateway: the client asks for its configuration; answered by CONFIG_GIVE, now or later,
	 * within config.timeout. Not before its user is accepted. Another one replaces it.
	 */
	IKE_EFFECT_CONFIG_WANTED,
	/*
	 * Both ends have announced IPADDRESS_UPDATE: a notification of its types has come under the
	 * SA, the first of its message. With `again` the message has come before, and anybody may
	 * have recorded it.
	 */
	IKE_EFFECT_NOTIFY,
	IKE_EFFECT_UNANSWERED, /* nobody has ended the repetitions of the notification `id` */
};

/* Why something failed, for the person and for the exit code. */
struct ike_failure {
	int err; /* enum err: ERR_TIMEOUT, ERR_NO_PROPOSAL, ERR_AUTH, ERR_PEER_REFUSED … */
	uint16_t notify; /* the peer's notify message type behind it, 0 for none */
	bool authentic; /* that notify was authenticated */
	const char *during; /* "main mode", "quick mode" …; static */
	const char *text; /* one plain clause: what happened, what it most likely means; static */
	char detail[512]; /* more about it; printable, "" for none */
	char said[128]; /* the gateway's own words, printable; "" for none */
	/* ERR_REDIRECTED: where the gateway sends us (Cisco's load balancing). */
	struct addr redirect;
};

struct ike_effect {
	enum ike_effect_type type;
	union {
		struct {
			struct endpoint from; /* our port; address may be NONE */
			struct endpoint to;
			struct slice bytes; /* borrowed until the next call into the engine */
			bool resent;
		} send;
		struct {
			struct path path;
			enum nat nat;
			bool natt; /* both ends speak NAT traversal */
		} nat;
		struct {
			struct ike_suite suite;
			struct identity peer;
			uint32_t lifetime_s;
			/* The vendor ids of Cisco: it ends children with the ISAKMP SA they came by. */
			bool cisco;
			bool own; /* it says that it is this program, too; no proof of that */
			bool address_update; /* both ends have announced IPADDRESS_UPDATE */
		} established; /* AUTHENTICATED, ESTABLISHED */
		struct {
			unsigned fields; /* 1 << enum xauth_field, for each that is asked for */
			unsigned round; /* 1, 2 …: of this SA */
			const char *message; /* borrowed; what the gateway says, "" for nothing */
		} ask;
		const struct ike_assigned *assigned; /* CONFIG; borrowed until the SA is freed */
		struct ike_child child; /* READY, UP: the taker owns its secrets */
		struct {
			uint32_t id;
			struct ike_failure why;
		} child_failed;
		uint32_t spi;
		struct ike_failure why; /* DEAD */
		struct {
			uint32_t id; /* the engine's, with its highest bit set; no two SAs share one */
			struct ts_pair ts; /* local is our side */
			uint32_t spi; /* the peer's, of its first proposal; 0: it has none */
		} offer;
		uint16_t notify; /* HINT */
		struct {
			/* By enum xauth_field; p NULL: not given. Borrowed; wiped with the next call. */
			struct slice value[XAUTH_FIELDS];
			bool failed; /* the client cannot answer */
		} reply;
		struct {
			struct addr held[2]; /* IPv4, IPv6: what it would like to have again */
			bool ip6; /* it asks for an IPv6 address, too */
			const char *application_version; /* borrowed; "" for none */
		} wanted;
		struct {
			uint16_t type;
			struct slice data; /* borrowed until the next call into the engine */
			struct endpoint from;
			struct endpoint to; /* our end; its address may not be known */
			bool natd; /* there were NAT-D payloads, and `nat` is what they show */
			enum nat nat;
			bool again;
		} notified;
		uint32_t notify_id; /* UNANSWERED */
	};
};

/* config, rng and log are borrowed and must outlive the SA. */
struct ike_sa *ike_sa_new(const struct ike_config *config, struct rng *rng, struct log *log);
/* Wipes everything. NULL is harmless. */
void ike_sa_free(struct ike_sa *sa);

/*
 * The four verbs. After ike_event or ike_timeout pull ike_output until it returns false; extra
 * calls do nothing. The returned effect is the caller's to use until the next call into the SA.
 */
void ike_event(struct ike_sa *sa, vtime now, const struct ike_event *ev);
void ike_timeout(struct ike_sa *sa, vtime now);
bool ike_output(struct ike_sa *sa, vtime now, struct ike_effect *out);
vtime ike_deadline(const struct ike_sa *sa);

/*
 * True when the datagram's cookies are those of this SA, or when it has the initiator's cookie and
 * none of a responder where we are the responder: the peer's first message again. A dead SA has
 * none.
 */
bool ike_sa_owns(const struct ike_sa *sa, struct slice datagram);
/* True for a first message of phase 1: an initiator's cookie, and none of a responder. */
bool ike_is_first_message(struct slice datagram);
/*
 * For a responder that has several configurations: whether the first message of phase 1 can be
 * answered with this one. The mode, one suite with its way to prove oneself, and in aggressive mode
 * the identity are right. Proves nothing.
 */
bool ike_first_fits(const struct ike_config *c, struct slice datagram);
/* Of a first message. */
enum ike_mode ike_first_mode(struct slice datagram);

/* The configuration in use: that of ike_sa_new, or one of ACCEPT's others. */
const struct ike_config *ike_sa_config(const struct ike_sa *sa);

/* For status and logs. */
enum ike_state {
	IKE_STATE_NEW,
	IKE_STATE_PHASE1,
	IKE_STATE_CONFIGURING, /* phase 1 is complete; XAUTH, Mode Config */
	IKE_STATE_ESTABLISHED,
	IKE_STATE_DEAD,
};

struct ike_sa_info {
	enum ike_state state;
	uint8_t cookie_i[IKE_COOKIE_SIZE];
	uint8_t cookie_r[IKE_COOKIE_SIZE];
	struct ike_suite suite;
	vtime established_at;
	vtime expires_at;
	enum nat nat; /* as phase 1 found it */
	bool address_update; /* both ends have announced IPADDRESS_UPDATE */
	bool forgets; /* messages that are older than it remembers might come again as new ones */
	const struct drops *drops;
};

void ike_sa_info(const struct ike_sa *sa, struct ike_sa_info *out);
/*
 * The cipher key of the SA, for a key log that the person asked for and for nothing else. Empty
 * before the keys exist. Borrowed.
 */
struct slice ike_sa_cipher_key(const struct ike_sa *sa);

#endif
