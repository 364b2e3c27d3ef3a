/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/siphash.h"

/* Of the paper's appendix A, and of the table that its authors published with their code. */
static void published_vectors(void **state)
{
	static const struct {
		unsigned n;
		uint64_t hash;
	} vectors[] = {
		{ 0, 0x726fdb47dd0e0e31 }, { 1, 0x74f839c593dc67fd },  { 7, 0xab0200f58b01d137 },
		{ 8, 0x93f5f5799a932462 }, { 15, 0xa129ca6149be45e5 }, { 63, 0x958a324ceb064572 },
	};
	struct siphash_key key;
	uint8_t input[64];

	for (unsigned i = 0; i < sizeof(key.b); i++)
		key.b[i] = (uint8_t)i;
	for (unsigned i = 0; i < sizeof(input); i++)
		input[i] = (uint8_t)i;
	for (unsigned i = 0; i < ARRAY_SIZE(vectors); i++)
		assert_true(siphash(&key, slice(input, vectors[i].n)) == vectors[i].hash);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_vectors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
