/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The attributes payload and what is in it, for both roles: Mode Config (draft-dukes-ike-mode-cfg-02
 * section 3), XAUTH (draft-beaulieu-ike-xauth-02 section 6) and Cisco's Unity, which no document
 * describes. Parsing is lenient with form, for gateways differ in it, and strict with content: what
 * comes out of attributes_take_config can be handed on.
 */
#ifndef GODWIT_IKE_ATTRIBUTE_H
#define GODWIT_IKE_ATTRIBUTE_H

#include "ike/codec.h"

enum attribute_message {
	ATTRIBUTE_REQUEST = 1,
	ATTRIBUTE_REPLY = 2,
	ATTRIBUTE_SET = 3,
	ATTRIBUTE_ACK = 4,
};

enum attribute_type {
	ATTRIBUTE_IP4_ADDRESS = 1,
	ATTRIBUTE_IP4_NETMASK = 2,
	ATTRIBUTE_IP4_DNS = 3,
	ATTRIBUTE_IP4_NBNS = 4,
	ATTRIBUTE_ADDRESS_EXPIRY = 5,
	ATTRIBUTE_APPLICATION_VERSION = 7,
	ATTRIBUTE_IP6_ADDRESS = 8,
	ATTRIBUTE_IP6_NETMASK = 9,
	ATTRIBUTE_IP6_DNS = 10,
	ATTRIBUTE_IP6_NBNS = 11,
	ATTRIBUTE_IP4_SUBNET = 13,
	ATTRIBUTE_IP6_SUBNET = 15,
	ATTRIBUTE_XAUTH_TYPE = 16520,
	ATTRIBUTE_XAUTH_USER_NAME = 16521,
	ATTRIBUTE_XAUTH_USER_PASSWORD = 16522,
	ATTRIBUTE_XAUTH_PASSCODE = 16523,
	ATTRIBUTE_XAUTH_MESSAGE = 16524,
	ATTRIBUTE_XAUTH_CHALLENGE = 16525,
	ATTRIBUTE_XAUTH_DOMAIN = 16526,
	ATTRIBUTE_XAUTH_STATUS = 16527,
	ATTRIBUTE_XAUTH_NEXT_PIN = 16528,
	ATTRIBUTE_XAUTH_ANSWER = 16529,
	ATTRIBUTE_UNITY_BANNER = 28672,
	ATTRIBUTE_UNITY_SAVE_PASSWORD = 28673,
	ATTRIBUTE_UNITY_DOMAIN = 28674,
	ATTRIBUTE_UNITY_SPLIT_DNS = 28675,
	ATTRIBUTE_UNITY_SPLIT_INCLUDE = 28676,
	ATTRIBUTE_UNITY_NATT_PORT = 28677,
	ATTRIBUTE_UNITY_SPLIT_EXCLUDE = 28678,
	ATTRIBUTE_UNITY_PFS = 28679,
	ATTRIBUTE_UNITY_FIREWALL = 28680,
	ATTRIBUTE_UNITY_BACKUP = 28681,
	ATTRIBUTE_UNITY_HOSTNAME = 28682,
};

enum xauth_type {
	XAUTH_TYPE_GENERIC = 0,
	XAUTH_TYPE_RADIUS_CHAP = 1,
	XAUTH_TYPE_OTP = 2,
	XAUTH_TYPE_SKEY = 3,
};

/* ---- reading ---- */

struct attributes {
	uint8_t message; /* enum attribute_message, or another number */
	uint16_t identifier;
	struct slice list;
	bool aligned; /* each attribute begins at a multiple of four bytes */
};

/* One attribute, basic or variable; a basic one has a value of two bytes. */
struct attribute {
	uint16_t type;
	struct slice value;
};

struct attribute_walk {
	struct rd r;
	const uint8_t *base;
	bool aligned;
};

/*
 * 0; ERR_MALFORMED when an attribute does not end within the payload. Fewer than four bytes behind
 * the last attribute and zeros in between are padding.
 */
int attributes_parse(struct slice body, struct attributes *out);
void attribute_walk_init(struct attribute_walk *w, const struct attributes *a);
/* The next attribute; false: that was the last one. */
bool attribute_walk_next(struct attribute_walk *w, struct attribute *out);
/* The value as a number, at most UINT32_MAX; 0 without a value. */
uint32_t attribute_number(const struct attribute *a);

/* The types in a payload, each once, in their order. What goes beyond the bound is left out. */
#define ATTRIBUTE_TYPES_MAX 64

struct attribute_types {
	unsigned n;
	uint16_t type[ATTRIBUTE_TYPES_MAX];
};

void attribute_types_of(const struct attributes *a, struct attribute_types *out);
bool attribute_types_has(const struct attribute_types *t, uint16_t type);

/* What a payload holds of XAUTH. */
struct xauth {
	bool any; /* it has attributes of XAUTH */
	unsigned fields; /* 1 << enum xauth_field */
	struct slice value[XAUTH_FIELDS]; /* borrowed from the payload */
	bool typed; /* XAUTH-TYPE is there */
	uint16_t type;
	bool challenge;
	int status; /* 1 accepted, 0 refused, -1 not said */
	char message[IKE_SAID_MAX];
};

void xauth_of(const struct attributes *a, struct xauth *out);
/* The attribute type of a field; and back, -1 for another type. */
uint16_t xauth_field_type(enum xauth_field f);
int xauth_field_of(uint16_t type);

/*
 * Puts what the payload gives into *out, over what is there: a list that it has replaces the one
 * before. What is not valid is left out with a line in the log. False: it gives nothing.
 */
bool attributes_take_config(const struct attributes *a, struct ike_assigned *out, struct log *log);

/* What a client would like to have; p of the text NULL: nothing said. */
struct attribute_wish {
	struct addr held[2];
	bool ip6;
	char application_version[IKE_NAME_MAX];
};

void attributes_wish_of(const struct attributes *a, struct attribute_wish *out);

/* Printable, one line, without NULs at its end; what does not fit is cut off. */
void attribute_text(struct slice value, char *out, size_t size);

/* ---- writing ---- */

void attributes_begin(struct ike_writer *b, enum attribute_message message, uint16_t identifier);
void attribute_write(struct wr *w, uint16_t type, struct slice value);
void attribute_write_number(struct wr *w, uint16_t type, uint16_t value);

/* Whose set of attributes is asked for. */
struct attribute_ask {
	bool unity;
	bool cisco_udp; /* also the port of Cisco's UDP encapsulation */
};

void attributes_write_wish(struct wr *w, const struct ike_config_wish *wish,
			   const struct attribute_ask *ask);
/* What `types` names of it; NULL: all. */
void attributes_write_config(struct wr *w, const struct ike_assigned *a,
			     const struct attribute_types *types);

#endif
