/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/control_json.h"

char *metrics(const struct control_view *v)
{
	return control_json_dump(json_pack("{s:s}", "metrics", v->name));
}
