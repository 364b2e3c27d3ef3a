/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the answers of the control socket are made of; each gives a new reference. */
#ifndef GODWIT_CLIENT_CONTROL_JSON_H
#define GODWIT_CLIENT_CONTROL_JSON_H

#include <jansson.h>

#include "client/runtime.h"

/* NULL is null; what is no UTF-8 is told with '?' in its place. */
json_t *control_json_text(const char *text);
/* Whole seconds from `since` to `now`; 0 when it is still to come. */
json_t *control_json_age(vtime now, vtime since);
/* Whole seconds from the view's time on; null for VTIME_NEVER. */
json_t *control_json_until(const struct control_view *v, vtime at);
/* Eight hex digits; sixteen. */
json_t *control_json_spi(uint32_t spi);
json_t *control_json_cookie(const uint8_t cookie[IKE_COOKIE_SIZE]);
/* Null where there is no address. */
json_t *control_json_endpoint(const struct endpoint *e);
json_t *control_json_addr(const struct addr *a);
/* What tells selectors and flows: "10.0.0.0/24", and a packet's 5-tuple as an object. */
json_t *control_json_ts(const struct ts *ts);
json_t *control_json_tuple(const struct tuple *t);
/* The text of the object, whose reference it takes; free(). */
char *control_json_dump(json_t *o);

#endif
