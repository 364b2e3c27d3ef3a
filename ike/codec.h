/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ISAKMP messages and payloads, for both roles (RFC 2408 section 3, RFC 2407 section 4.6, RFC 3947
 * section 3.2). Parsing fills flat structs of slices that point into the caller's bytes; it
 * allocates nothing and changes nothing else. Writing goes through struct ike_writer, which chains
 * the payloads; too small a buffer shows as an empty result of ike_write_done.
 *
 * Internal to ike/; the responder of the tests stands on it, too.
 */
#ifndef GODWIT_IKE_CODEC_H
#define GODWIT_IKE_CODEC_H

#include "ike/ike.h"

#define IKE_HEADER_SIZE 28
#define IKE_GENERIC_SIZE 4
#define IKE_VERSION_1 0x10
#define IKE_PAYLOADS_MAX 32
#define IKE_NONCE_MIN 8
#define IKE_NONCE_MAX 256
#define IPSEC_DOI 1
#define SIT_IDENTITY_ONLY 1

enum payload_type {
	PAYLOAD_NONE = 0,
	PAYLOAD_SA = 1,
	PAYLOAD_PROPOSAL = 2,
	PAYLOAD_TRANSFORM = 3,
	PAYLOAD_KE = 4,
	PAYLOAD_ID = 5,
	PAYLOAD_CERT = 6,
	PAYLOAD_CERT_REQUEST = 7,
	PAYLOAD_HASH = 8,
	PAYLOAD_SIG = 9,
	PAYLOAD_NONCE = 10,
	PAYLOAD_NOTIFY = 11,
	PAYLOAD_DELETE = 12,
	PAYLOAD_VID = 13,
	PAYLOAD_ATTRIBUTE = 14,
	PAYLOAD_NAT_D = 20,
	PAYLOAD_NAT_OA = 21,
	PAYLOAD_NAT_D_DRAFT = 130,
	PAYLOAD_NAT_OA_DRAFT = 131,
	PAYLOAD_FRAGMENT = 132, /* Cisco's */
};

enum isakmp_exchange {
	ISAKMP_MAIN = 2, /* "identity protection" */
	ISAKMP_AGGRESSIVE = 4,
	ISAKMP_INFORMATIONAL = 5,
	ISAKMP_TRANSACTION = 6,
	ISAKMP_QUICK = 32,
};

enum isakmp_flag {
	ISAKMP_ENCRYPTED = 1,
	ISAKMP_COMMIT = 2,
	ISAKMP_AUTH_ONLY = 4,
};

enum isakmp_protocol {
	PROTOCOL_ISAKMP = 1,
	PROTOCOL_ESP = 3,
};

/* RFC 2408 section 3.14.1, RFC 2407 section 4.6.3, RFC 3706. */
enum notify_type {
	NOTIFY_INVALID_PAYLOAD_TYPE = 1,
	NOTIFY_INVALID_COOKIE = 4,
	NOTIFY_INVALID_SPI = 11,
	NOTIFY_NO_PROPOSAL_CHOSEN = 14,
	NOTIFY_PAYLOAD_MALFORMED = 16,
	NOTIFY_INVALID_KEY_INFORMATION = 17,
	NOTIFY_INVALID_ID_INFORMATION = 18,
	NOTIFY_INVALID_CERT_ENCODING = 19,
	NOTIFY_INVALID_HASH_INFORMATION = 23,
	NOTIFY_AUTHENTICATION_FAILED = 24,
	NOTIFY_INVALID_SIGNATURE = 25,
	/* The two of IPADDRESS_UPDATE; the others are one after the other further down. */
	NOTIFY_ADDRESS_NACK = 9728,
	NOTIFY_ADDRESS_NACK6 = 9729,
	NOTIFY_ERROR_MAX = 16383, /* what is not above it reports a failure */
	NOTIFY_RESPONDER_LIFETIME = 24576,
	NOTIFY_INITIAL_CONTACT = 24578,
	NOTIFY_R_U_THERE = 36136,
	NOTIFY_R_U_THERE_ACK = 36137,
	NOTIFY_UNITY_LOAD_BALANCE = 40501, /* Cisco's: go to the gateway with this address */
	NOTIFY_GROUP_PASSWORD_HASH = 40503, /* Cisco's, with hybrid authentication */
	NOTIFY_ADDRESS_UPDATE = 40704,
	NOTIFY_ADDRESS_CHECK_REPLY = 40709,
};

enum encapsulation_mode {
	MODE_TUNNEL = 1,
	MODE_UDP_TUNNEL = 3,
	MODE_UDP_TUNNEL_DRAFT = 61443,
};

/* ---- messages (message.c) ---- */

struct ike_header {
	uint8_t cookie_i[IKE_COOKIE_SIZE];
	uint8_t cookie_r[IKE_COOKIE_SIZE];
	uint8_t next; /* type of the first payload */
	uint8_t version;
	uint8_t exchange;
	uint8_t flags;
	uint32_t id; /* message id, 0 in phase 1 */
	uint32_t length;
};

struct ike_payload {
	uint8_t type;
	struct slice body;
	struct slice whole; /* with the generic header: what hashes are made over */
};

struct ike_msg {
	struct ike_header h;
	struct slice body; /* what follows the header */
	unsigned n; /* 0 while still encrypted */
	struct ike_payload payload[IKE_PAYLOADS_MAX];
};

/*
 * Header and, unless it is encrypted, payload chain. 0; ERR_MALFORMED; ERR_UNSUPPORTED for another
 * version than 1.0.
 */
int ike_msg_parse(struct slice bytes, struct ike_msg *out);
/*
 * The chain of a decrypted body. m->h is set already, m->h.next names the first payload. Whatever
 * follows the last one is padding. 0 or ERR_MALFORMED.
 */
int ike_msg_parse_chain(struct ike_msg *m, struct slice body);
/* The first payload of this type, or NULL. */
const struct ike_payload *ike_msg_find(const struct ike_msg *m, enum payload_type type);
/* The next one of this type behind `after`, or NULL. */
const struct ike_payload *ike_msg_find_next(const struct ike_msg *m,
					    const struct ike_payload *after);
/* The body of the first payload of this type; empty when there is none. */
struct slice ike_msg_body(const struct ike_msg *m, enum payload_type type);
/* Everything from the payload behind the first one to the end of the last, without padding. */
struct slice ike_msg_rest(const struct ike_msg *m);

/* Payload types as a set. Types we know nothing of are in no set and are ignored. */
typedef uint64_t payload_set;
#define PAYLOAD_BIT(type) ((payload_set)1 << (type))
#define PAYLOAD_BIT_NAT_D_DRAFT ((payload_set)1 << 62)
#define PAYLOAD_BIT_NAT_OA_DRAFT ((payload_set)1 << 63)

/*
 * Each of `required` is there, none comes twice but those in `many`, and no known type outside
 * required, optional and many is there. 0, ERR_MALFORMED or ERR_UNEXPECTED.
 */
int ike_msg_check(const struct ike_msg *m, payload_set required, payload_set optional,
		  payload_set many);

struct ike_writer {
	struct wr w;
	size_t next_at; /* where the type of the next payload goes */
	size_t open; /* where the payload being written begins; 0: none */
};

/* Begins a message in buf. Version, next payload and length of `h` are filled in here. */
void ike_write_header(struct ike_writer *b, void *buf, size_t size, const struct ike_header *h);
/* Ends the payload before and begins one; its body is then written to b->w. */
void ike_write_payload(struct ike_writer *b, enum payload_type type);
/* A whole payload with this body. */
void ike_write_body(struct ike_writer *b, enum payload_type type, struct slice body);
/* Ends the last payload and fills in the message's length. Borrowed; empty when it did not fit. */
struct slice ike_write_done(struct ike_writer *b);

/* ---- SA payload (payload.c) ---- */

#define SA_PROPOSALS_MAX 16
#define SA_TRANSFORMS_MAX 64
#define SA_ATTRIBUTES_MAX 12

struct sa_attribute {
	uint16_t type;
	uint64_t value; /* variable ones longer than 8 bytes: UINT64_MAX */
};

struct sa_transform {
	uint8_t number;
	uint8_t id;
	struct slice whole; /* as it came, to be copied into a reply */
	unsigned nattributes;
	struct sa_attribute attribute[SA_ATTRIBUTES_MAX];
};

struct sa_proposal {
	uint8_t number;
	uint8_t protocol;
	struct slice spi;
	unsigned first; /* its transforms: [first, first + n) */
	unsigned n;
};

struct sa_payload {
	unsigned nproposals;
	struct sa_proposal proposal[SA_PROPOSALS_MAX];
	unsigned ntransforms;
	struct sa_transform transform[SA_TRANSFORMS_MAX];
};

/*
 * RFC 2408 sections 3.4 to 3.6. 0; ERR_MALFORMED; ERR_UNSUPPORTED for another DOI or situation;
 * ERR_NO_ROOM when there is more than the bounds above.
 */
int sa_payload_parse(struct slice body, struct sa_payload *out);
/* A list of attributes (RFC 2408 section 3.3), basic or variable. The number, or ERR_MALFORMED. */
int sa_attributes_parse(struct slice s, struct sa_attribute *out, unsigned max);
/* Basic when the value fits in 16 bits, else with four bytes. */
void sa_attribute_write(struct wr *w, uint16_t type, uint32_t value);

/* ---- the other payloads (payload.c) ---- */

/* 0, or ERR_MALFORMED when it is not exactly a public value of this group. */
int ke_parse(struct slice body, enum dh_group group);
/* 0, or ERR_MALFORMED: 8 to 256 bytes (RFC 2409 section 5). */
int nonce_parse(struct slice body);
/*
 * CERT and CERT_REQUEST: an encoding and what it is about. 0, or ERR_MALFORMED. An empty body of a
 * request asks for any.
 */
#define CERT_ENCODING_PKCS7 1
#define CERT_ENCODING_X509_SIGNATURE 4
int cert_parse(struct slice body, uint8_t *encoding, struct slice *data);
void cert_write(struct ike_writer *b, enum payload_type type, struct slice data);

struct id_payload {
	uint8_t type;
	uint8_t protocol;
	uint16_t port;
	struct slice data;
};

int id_parse(struct slice body, struct id_payload *out);
/*
 * The identity of a phase 1 ID payload: protocol and port 0/0 or 17/500 or 17/4500, addresses of
 * their right length. 0, ERR_MALFORMED, ERR_UNSUPPORTED.
 */
int id_to_identity(const struct id_payload *id, struct identity *out);
/* The selector of a quick mode ID payload. 0, ERR_MALFORMED, ERR_UNSUPPORTED for names. */
int id_to_ts(const struct id_payload *id, struct ts *out);
/* A phase 1 ID payload; protocol and port are 0, or 17 and 500 with Cisco's. */
void id_write_identity(struct ike_writer *b, const struct identity *id, uint8_t protocol,
		       uint16_t port);
/* A quick mode ID payload: address, subnet or range, whichever is the shortest. */
void id_write_ts(struct ike_writer *b, const struct ts *ts);
/* An identity that is this address. */
struct identity identity_from_addr(const struct addr *a);

/* The length of a netmask without holes, 4 or 16 bytes; or -1. */
int netmask_length(struct slice mask);
void netmask_write(struct wr *w, size_t size, unsigned length);

struct notify_payload {
	uint8_t protocol;
	uint16_t type;
	struct slice spi;
	struct slice data;
};

int notify_parse(struct slice body, struct notify_payload *out);
void notify_write(struct ike_writer *b, const struct notify_payload *n);
/* The data of a RESPONDER-LIFETIME; what is odd in it is left out. 0: not given. */
void notify_lifetime(struct slice data, uint8_t protocol, uint32_t *seconds, uint64_t *bytes);

/* A RESPONDER-LIFETIME for the SA with this SPI (RFC 2407 section 4.6.3.1). */
void notify_write_lifetime(struct ike_writer *b, uint8_t protocol, struct slice spi,
			   uint32_t seconds);

struct delete_payload {
	uint8_t protocol;
	uint8_t spi_size;
	unsigned n;
	struct slice spis; /* n times spi_size bytes */
};

int delete_parse(struct slice body, struct delete_payload *out);
void delete_write(struct ike_writer *b, uint8_t protocol, struct slice spi);

/* ---- proposals in SA payloads (proposal.c) ---- */

/*
 * How phase 1 is authenticated, as its transforms have it (RFC 2409 appendix A,
 * draft-beaulieu-ike-xauth-02 section 7, draft-ietf-ipsec-isakmp-hybrid-auth). INIT: whoever begins
 * phase 1 is the one that will be asked for a user.
 */
enum auth_method {
	METHOD_PSK = 1,
	METHOD_RSA = 3, /* signatures */
	METHOD_HYBRID_INIT_RSA = 64221,
	METHOD_HYBRID_RESP_RSA = 64222,
	METHOD_XAUTH_INIT_PSK = 65001,
	METHOD_XAUTH_RESP_PSK = 65002,
	METHOD_XAUTH_INIT_RSA = 65005,
	METHOD_XAUTH_RESP_RSA = 65006,
};

/* Those that are accepted. */
struct auth_methods {
	unsigned n;
	enum auth_method method[2];
};

/* One transform of phase 1, or of phase 2, understood. */
struct ike_choice {
	struct ike_suite suite;
	uint16_t method;
	uint32_t lifetime_s; /* 0: not given */
	uint64_t lifetime_bytes;
	unsigned proposal; /* where it stands in the SA payload */
	unsigned transform;
};

struct esp_choice {
	struct esp_suite suite;
	enum dh_group pfs;
	uint16_t mode; /* enum encapsulation_mode, or another number */
	uint32_t spi;
	uint32_t lifetime_s;
	uint64_t lifetime_bytes;
	unsigned proposal;
	unsigned transform;
};

/* What is offered in quick mode, the same for both roles. */
struct esp_offer {
	const struct esp_suite *suites;
	unsigned n;
	enum dh_group pfs;
	uint16_t mode;
	uint32_t spi; /* ours */
	uint32_t lifetime_s; /* 0: say nothing */
};

/* Initiator: an SA payload with one proposal and a transform for each suite. */
void proposal_write_ike(struct ike_writer *b, const struct ike_suite *suites, unsigned n,
			enum auth_method method, uint32_t lifetime_s);
void proposal_write_esp(struct ike_writer *b, const struct esp_offer *offer);
/* The same for phase 1 with a method and a lifetime of its own in each transform. */
void proposal_write_ike_mixed(struct ike_writer *b, const struct ike_choice *choices, unsigned n);
/* An offer of phase 1 that is well formed and that nobody can accept. */
void proposal_write_ike_refusable(struct ike_writer *b);
/*
 * Responder: the first transform of the peer's offer that is one of ours. For ESP an offer of pfs
 * DH_NONE takes only transforms without a group, and mode 0 takes any mode. 0 or ERR_NO_PROPOSAL.
 */
int proposal_choose_ike(const struct sa_payload *sa, const struct ike_suite *suites, unsigned n,
			const struct auth_methods *methods, struct ike_choice *out);
int proposal_choose_esp(const struct sa_payload *sa, const struct esp_offer *ours,
			struct esp_choice *out);
/*
 * Responder: the reply with only that transform, byte for byte as it was offered. spi: ours in its
 * place, empty for phase 1.
 */
void proposal_write_choice(struct ike_writer *b, const struct sa_payload *sa, unsigned proposal,
			   unsigned transform, struct slice spi);
/*
 * Initiator: the reply has exactly one transform, and it is one of those that were offered. 0 or
 * ERR_NO_PROPOSAL.
 */
int proposal_check_ike(const struct sa_payload *sa, const struct ike_suite *suites, unsigned n,
		       enum auth_method method, struct ike_choice *out);
int proposal_check_esp(const struct sa_payload *sa, const struct esp_offer *offer,
		       struct esp_choice *out);
/* A reply of phase 1: its only transform, whatever it is. 0 or ERR_NO_PROPOSAL. */
int proposal_read_ike(const struct sa_payload *sa, struct ike_choice *out);

/* ---- vendor ids (vendor.c) ---- */

enum vendor {
	VENDOR_UNKNOWN,
	VENDOR_NATT_RFC,
	VENDOR_NATT_DRAFT_03,
	VENDOR_NATT_DRAFT_02N,
	VENDOR_NATT_DRAFT_02,
	VENDOR_DPD,
	VENDOR_XAUTH,
	VENDOR_UNITY,
	VENDOR_FRAGMENTATION,
	VENDOR_CISCO, /* one of its products */
	VENDOR_GODWIT, /* another one of us */
	VENDOR_SWAN, /* strongSwan, Libreswan: they may send Unity's, and are not Cisco's */
	VENDOR_ADDRESS_UPDATE, /* ours */
	VENDOR_OTHER, /* known by name, of no consequence */
};

typedef uint32_t vendor_set;
#define VENDOR_BIT(v) ((vendor_set)1 << (v))

/* Which payload numbers NAT traversal uses. */
enum natt {
	NATT_NONE,
	NATT_DRAFT, /* 130, 61443 */
	NATT_RFC, /* 20, 3 */
};

/* What this vendor id says; its name in *name (static, never NULL) when name is given. */
enum vendor vendor_find(struct slice body, const char **name);
/* The bytes of one we can send, without what may follow; empty for UNKNOWN and OTHER. Static. */
struct slice vendor_bytes(enum vendor v);
/* All that the message has. */
vendor_set vendor_msg_set(const struct ike_msg *m);
/* The best NAT traversal among them. */
enum natt vendor_natt(vendor_set set);
/* A product of Cisco's, or one that cannot be told from it. */
bool vendor_is_cisco(vendor_set set);
/* What we announce with this configuration. */
void vendor_write_all(struct ike_writer *b, const struct ike_config *c);

/* ---- NAT detection (natd.c), RFC 3947 section 3.2 ---- */

/* HASH(CKY-I | CKY-R | address | port); hash_size(alg) bytes. */
void natd_hash(enum hash_alg alg, const struct ike_header *h, const struct endpoint *e,
	       uint8_t *out);
/*
 * Two NAT-D payloads, the destination first. source NULL, or without an address: random bytes in
 * its place, so that the peer finds a NAT at our side.
 */
void natd_write(struct ike_writer *b, enum natt style, enum hash_alg alg,
		const struct ike_header *h, const struct endpoint *destination,
		const struct endpoint *source, struct rng *rng);
/*
 * What the peer's payloads say of `local` (us) and `remote` (it). A local endpoint without an
 * address counts as translated. 0, or ERR_UNSUPPORTED when there are fewer than two payloads.
 */
int natd_detect(const struct ike_msg *m, enum hash_alg alg, const struct endpoint *local,
		const struct endpoint *remote, enum nat *out);

#endif
