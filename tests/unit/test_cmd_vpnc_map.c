/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <net/if.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "base/secret.h"
#include "client/config.h"
#include "tests/unit/vpnc_files.h"

static struct conf_text text;
static struct config *config;

static int make_settings(void **state)
{
	ears_open(state);
	return read_text("IPSec gateway gw.example.com\nIPSec ID group\nIPSec secret s3cret\n"
			 "Xauth username alice\nXauth password pa55\nScript /bin/true\n") ?
		       0 :
		       -1;
}

static int drop_settings(void **state)
{
	conf_free(&text);
	config_free(config);
	config = NULL;
	assert_int_equal(secret_pool_used(), 0);
	return ears_close(state);
}

/* The settings, with these lines in front, as a vpn.conf. */
static bool map_for(enum vpnc_map_for purpose, const char *lines)
{
	struct vpnc_settings rest = s;
	bool good;

	s = (struct vpnc_settings){ .program = "vpnc" };
	good = read_text(lines);
	for (unsigned i = 0; i < VPNC_SETTINGS; i++)
		if (!s.value[i] && rest.value[i])
			vpnc_set(&s, i, rest.value[i], strlen(rest.value[i]));
	vpnc_settings_free(&rest);
	conf_free(&text);
	return good && vpnc_map(&s, purpose, &text, err);
}

static bool map(const char *lines)
{
	return map_for(VPNC_MAP_RUN, lines);
}

/* The text has this line in this section; NULL: it has no such key. */
static void expect(const char *section, const char *key, const char *value)
{
	char header[40], line[1024];
	const char *at, *end, *found;

	snprintf(header, sizeof(header), "[%s]\n", section);
	at = strstr(text.p, header);
	assert_non_null(at);
	end = strstr(at, "\n\n");
	snprintf(line, sizeof(line), "\n%s = %s%s", key, value ? value : "", value ? "\n" : "");
	found = strstr(at, line);
	if (value ? !found || (end && found > end) : found && (!end || found < end))
		fail_msg("[%s] %s = %s is %s in:\n%s", section, key, value ? value : "...",
			 value ? "not" : "", text.p);
}

/* The client takes it. */
static const struct session_config *take(void)
{
	char *complaints;
	size_t n;
	FILE *out = open_memstream(&complaints, &n);
	const struct config_source source = {
		.file = "vpnc",
		.text = text.p,
		.n = text.n,
		.owner = geteuid(),
		.mode = 0600,
		.fetch = true,
		.quiet = true,
	};
	int result = config_parse(&source, &config, out);

	fclose(out);
	if (result != 0)
		fail_msg("%s\n%s", complaints, text.p);
	assert_string_equal(complaints, "");
	free(complaints);
	return &config->session;
}

static void what_vpnc_does_by_itself(void **state)
{
	const struct session_config *c;

	assert_true(map(""));
	expect("gateway", "address", "gw.example.com");
	expect("gateway", "mode", "aggressive");
	expect("gateway", "vendor", "cisco");
	expect("gateway", "identity", "any");
	expect("gateway", "local-port", "500");
	expect("gateway", "local-address", NULL);
	expect("gateway", "cisco-port", NULL);
	expect("gateway", "application-version", "Cisco Systems VPN Client 0.5.4:Linux");
	expect("auth", "method", "psk");
	expect("auth", "identity", "keyid:group");
	expect("auth", "psk", "s3cret");
	expect("auth", "xauth", "yes");
	expect("auth", "username", "alice");
	expect("auth", "password", "pa55");
	expect("auth", "interactive", NULL);
	expect("ike", "proposals",
	       "aes256-sha512-modp1024, aes256-sha256-modp1024, aes192-sha256-modp1024, "
	       "aes128-sha256-modp1024, aes256-sha1-modp1024, aes192-sha1-modp1024, "
	       "aes128-sha1-modp1024");
	expect("ike", "allow-weak", "yes");
	expect("ike", "dpd", "300s");
	expect("esp", "proposals",
	       "aes256gcm16, aes128gcm16, aes256-sha256, aes192-sha256, aes128-sha256, "
	       "aes256-sha1, aes192-sha1, aes128-sha1");
	expect("esp", "allow-weak", NULL);
	expect("esp", "pfs", "server");
	expect("esp", "encapsulation", "auto");
	expect("tunnel", "address", "config");
	expect("tunnel", "remote", NULL);
	expect("tunnel", "mtu", NULL);
	expect("tunnel", "routes", "script");
	expect("hooks", "script", "/bin/true");
	c = take();
	assert_true(c->address_config);
	assert_int_equal(c->ike.nsuites, 7);
	assert_int_equal(c->ike.mode, IKE_MODE_AGGRESSIVE);
	assert_true(config->routes_by_script);
	expect_said("");
}

static void natt_modes(void **state)
{
	assert_true(map("NAT Traversal Mode force-natt\n"));
	expect("esp", "encapsulation", "udp");
	assert_true(map("NAT Traversal Mode none\n"));
	expect("esp", "encapsulation", "esp");
	assert_true(map("NAT Traversal Mode cisco-udp\nCisco UDP Encapsulation Port 0\n"));
	expect("esp", "encapsulation", "cisco-udp");
	expect("gateway", "cisco-port", NULL);
	assert_true(map("NAT Traversal Mode cisco-udp\nCisco UDP Encapsulation Port 10001\n"));
	expect("gateway", "cisco-port", "10001");
	take();
	assert_false(map("NAT Traversal Mode maybe\n"));
	expect_said("vpnc: unknown nat traversal mode maybe; known modes: natt none force-natt "
		    "cisco-udp\n");
}

static void groups(void **state)
{
	static const char *const rows[][3] = {
		{ "dh2", "modp1024", "yes" }, { "dh5", "modp1536", "yes" },
		{ "DH14", "modp2048", NULL }, { "dh15", "modp3072", NULL },
		{ "dh16", "modp4096", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char lines[100], first[64];

		snprintf(lines, sizeof(lines), "IKE DH Group %s\nPerfect Forward Secrecy %s\n",
			 rows[i][0], rows[i][0]);
		assert_true(map(lines));
		snprintf(first, sizeof(first), "\nproposals = aes256-sha512-%s, ", rows[i][1]);
		assert_non_null(strstr(text.p, first));
		expect("ike", "allow-weak", rows[i][2]);
		expect("esp", "pfs", rows[i][1]);
		expect("esp", "allow-weak", rows[i][2]);
		take();
		config_free(config);
		config = NULL;
	}
	assert_true(map("Perfect Forward Secrecy nopfs\n"));
	expect("esp", "pfs", "no");
	expect("esp", "allow-weak", NULL);
	take();
}

static void groups_that_are_not_to_be_had(void **state)
{
	assert_false(map("IKE DH Group dh1\n"));
	assert_false(map("IKE DH Group dh2\nPerfect Forward Secrecy dh18\n"));
	assert_false(map("IKE DH Group nopfs\n"));
	assert_false(map("IKE DH Group 2\n"));
	assert_false(map("IKE DH Group dh2\nPerfect Forward Secrecy maybe\n"));
	expect_said(
		"vpnc: IKE DH Group \"dh1\" unsupported: 768 bits are broken; dh14 and up are "
		"safe\n"
		"vpnc: Perfect Forward Secrecy \"dh18\" unsupported: the largest is dh16\n"
		"vpnc: IKE DH Group must not be nopfs\n"
		"vpnc: IKE DH Group \"2\" unsupported; there are dh2, dh5, dh14, dh15 and dh16\n"
		"vpnc: Perfect Forward Secrecy \"maybe\" unsupported; there are dh2, dh5, dh14, "
		"dh15 and dh16, nopfs and server\n");
}

static bool offers(const char *section, const char *suite)
{
	const char *at = strstr(text.p, strcmp(section, "ike") == 0 ? "[ike]" : "[esp]");
	char line[1024];

	assert_non_null(at);
	at = strstr(at, "proposals = ");
	snprintf(line, sizeof(line), "%.*s", (int)strcspn(at, "\n"), at);
	return strstr(line, suite) != NULL;
}

static void weak_algorithms_only_when_asked_for(void **state)
{
	assert_true(map("IKE DH Group dh14\n"));
	assert_false(offers("ike", "3des"));
	assert_false(offers("ike", "md5"));
	assert_false(offers("esp", "3des"));
	assert_false(offers("esp", "md5"));
	assert_false(offers("esp", "null"));
	assert_true(map("Enable weak encryption\n"));
	assert_true(offers("ike", "3des-sha1"));
	assert_true(offers("esp", "3des-sha1"));
	assert_false(offers("ike", "md5"));
	expect("ike", "allow-weak", "yes");
	expect("esp", "allow-weak", "yes");
	assert_true(map("Enable weak authentication\n"));
	assert_true(offers("esp", "3des-md5"));
	assert_true(offers("ike", "aes256-md5"));
	assert_false(offers("esp", "null"));
	assert_true(map("Enable no encryption\n"));
	assert_true(offers("esp", "null-sha1"));
	assert_false(offers("ike", "null"));
	assert_in_range(take()->ike.nsuites, 12, IKE_SUITES_MAX);
	assert_in_range(config->session.child.nsuites, 15, IKE_SUITES_MAX);
	expect_said("");
}

static void single_des_is_not_offered(void **state)
{
	assert_true(map("Enable Single DES\n"));
	assert_true(offers("ike", "3des-sha1"));
	assert_false(offers("ike", " des"));
	expect_said("vpnc: Enable Single DES: single DES is broken and not offered; 3DES is, as by "
		    "Enable weak encryption\n");
}

static void vendors(void **state)
{
	char id[IDENTITY_TEXT_MAX];

	assert_true(map("Vendor fortigate\n"));
	expect("gateway", "vendor", "fortigate");
	expect("auth", "identity", "keyid:group");
	assert_true(map("Vendor netscreen\nIPSec ID group@example.com\n"));
	expect("gateway", "vendor", "netscreen");
	expect("auth", "identity", "email:group@example.com");
	assert_int_equal(take()->ike.local.type, ID_USER_FQDN);
	config_free(config);
	assert_true(map("IPSec ID sales = all\n"));
	assert_int_equal(take()->ike.local.type, ID_USER_FQDN);
	assert_memory_equal(config->session.ike.local.data, "sales = all", 11);
	assert_string_equal(identity_text(&config->session.ike.local, id), "email:sales = all");
	assert_false(map("Vendor nortel\n"));
	expect_said("vpnc: unknown vendor nortel; known vendors: cisco netscreen fortigate\n");
}

static void hybrid(void **state)
{
	assert_true(map("IKE Authmode hybrid\nCA-File /etc/passwd\n"));
	expect("auth", "method", "hybrid");
	expect("gateway", "identity", "gw.example.com");
	expect("auth", "ca", "/etc/passwd");
	expect("auth", "psk", "s3cret");
	assert_true(map("IKE Authmode hybrid\nCA-Dir /tmp/\nCA-File\n"));
	expect("auth", "ca", "/etc/passwd");
	vpnc_unset(&s, VPNC_CA_FILE);
	assert_true(map(""));
	expect("auth", "ca", "/tmp");
	assert_false(map("CA-File /nowhere\n"));
	expect_said("vpnc: option 'CA-File' requires a value! (test at line 3)\n"
		    "vpnc: CA-File: /nowhere: No such file or directory\n");
}

static void certificates_of_ones_own(void **state)
{
	assert_false(map("IKE Authmode cert\n"));
	expect_said("vpnc: IKE Authmode cert needs a certificate, for which a vpnc file has no "
		    "keyword; write a vpn.conf: godwit import begins one\n");
	assert_true(map_for(VPNC_MAP_IMPORT, ""));
	expect("gateway", "mode", "main");
	expect("auth", "method", "certificate");
	expect("auth", "pkcs12", "client.p12");
	expect("auth", "psk", NULL);
	assert_false(map("IKE Authmode psk+xauth\n"));
}

static void questions_for_later(void **state)
{
	assert_true(map("Xauth interactive\nDomain CORP\n"));
	expect("auth", "interactive", "yes");
	expect("auth", "password", NULL);
	expect("auth", "domain", "CORP");
	take();
	assert_true(map("Password helper /bin/sh\n"));
	expect("auth", "interactive", NULL);
	assert_non_null(strstr(text.p, "\npassword-command = exec '/"));
	assert_non_null(strstr(text.p, "' \"$1\"\n"));
	config_free(config);
	assert_string_equal(take()->name, "vpnc");
	assert_non_null(strstr(config->password_command, "sh' \"$1\""));
	expect_said("");
}

static void a_helper_whose_name_is_odd(void **state)
{
	char directory[] = "/tmp/godwit-map-XXXXXX", path[60], line[100];

	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/it's \"; # $x", directory);
	fclose(fopen(path, "w"));
	snprintf(line, sizeof(line), "Xauth interactive\nPassword helper %s\n", path);
	assert_true(map(line));
	take();
	snprintf(line, sizeof(line), "exec '%s/it'\\''s \"; # $x' \"$1\"", directory);
	assert_string_equal(config->password_command, line);
	unlink(path);
	rmdir(directory);
	assert_false(map("Xauth interactive\nPassword helper /nowhere\n"));
}

/* Far down, and whole all the same. */
static void a_helper_whose_name_is_long(void **state)
{
	char path[1500] = "/tmp/godwit-map-XXXXXX", line[1600];
	size_t at[6] = { 0 };

	assert_non_null(mkdtemp(path));
	for (unsigned k = 0; k < 5; k++) {
		at[k] = strlen(path);
		snprintf(path + at[k], sizeof(path) - at[k], "/%0250u", k);
		assert_int_equal(k < 4 ? mkdir(path, 0700) : fclose(fopen(path, "w")), 0);
	}
	snprintf(line, sizeof(line), "Xauth interactive\nPassword helper %s\n", path);
	assert_true(map(line));
	take();
	snprintf(line, sizeof(line), "exec '%s' \"$1\"", path);
	assert_string_equal(config->password_command, line);
	for (unsigned k = 5; k-- > 0; path[at[k]] = '\0')
		remove(path);
	rmdir(path);
}

static void the_tunnel(void **state)
{
	const struct session_config *c;

	assert_true(
		map("Interface name vpn7\nInterface MTU 1300\nDPD idle timeout (our side) 86400\n"
		    "IPSEC target network 10.16.0.0/255.240.0.0\nLocal Addr 192.0.2.7\n"
		    "Local Port 0\nApplication version a \"quoted\" one; or #not\n"));
	expect("tunnel", "device", "vpn7");
	expect("tunnel", "mtu", "1300");
	expect("tunnel", "remote", "10.16.0.0/12");
	expect("gateway", "local-address", "192.0.2.7");
	expect("gateway", "local-port", "0");
	expect("ike", "dpd", "86400s");
	c = take();
	assert_int_equal(c->mtu, 1300);
	assert_int_equal(c->nremotes, 1);
	assert_int_equal(c->remotes[0].len, 12);
	assert_int_equal(c->dpd / VTIME_S, 86400);
	assert_string_equal(c->ike.wish.application_version, "a \"quoted\" one; or #not");
	assert_string_equal(config->device, "vpn7");
	assert_int_equal(config->local_port, 0);
	assert_true(map("DPD idle timeout (our side) 3\nLocal Addr localhost\n"));
	expect("ike", "dpd", "10s");
	expect("gateway", "local-address", "127.0.0.1");
	assert_true(map("DPD idle timeout (our side) 0\n"));
	expect("ike", "dpd", "0");
}

static void a_device_that_is_free(void **state)
{
	char name[20];
	unsigned i = 0;

	do
		snprintf(name, sizeof(name), "tun%u", i++);
	while (if_nametoindex(name));
	assert_true(map(""));
	expect("tunnel", "device", name);
	assert_true(map_for(VPNC_MAP_IMPORT, ""));
	expect("tunnel", "device", NULL);
}

static void values_that_make_no_sense(void **state)
{
	static const char *const lines[] = {
		"Interface mode tap\n",
		"Interface mode tub\n",
		"Interface MTU 70000\n",
		"Interface MTU 100\n",
		"Interface MTU large\n",
		"Local Port 65536\n",
		"Local Port -1\n",
		"Local Addr no such host\n",
		"Cisco UDP Encapsulation Port x\n",
		"DPD idle timeout (our side) 86401\n",
		"IPSEC target network 10.0.0.0\n",
		"IPSEC target network 10.0.0.0/255.0.255.0\n",
		"IPSEC target network 10.0.0.0/33\n",
		"Debug much\n",
		"Xauth username a\x01 b\n",
	};

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		size_t before = said_size;

		vpnc_settings_free(&s);
		assert_true(read_text("IPSec gateway g\nIPSec ID i\nIPSec secret s\n"));
		if (map(lines[i]))
			fail_msg("%s is taken", lines[i]);
		fflush(err);
		assert_ptr_equal(strchr(said + before, '\n'), said + said_size - 1);
	}
}

static void secrets_of_every_kind(void **state)
{
	static const char *const secrets[] = { "a;b",	   "a#b",	 "\"",	  "\"x\"",
					       "x\"y;z",   "  blanks  ", "tab\t", "back\\slash",
					       "ümläut",   "'",		 "$HOME", "=",
					       "[gateway]" };

	for (size_t i = 0; i < ARRAY_SIZE(secrets); i++) {
		const struct session_config *c;

		vpnc_set(&s, VPNC_SECRET, secrets[i], strlen(secrets[i]));
		vpnc_set(&s, VPNC_PASSWORD, secrets[i], strlen(secrets[i]));
		vpnc_set(&s, VPNC_USERNAME, secrets[i], strlen(secrets[i]));
		assert_true(map(""));
		c = take();
		assert_int_equal(c->ike.psk.n, strlen(secrets[i]));
		assert_memory_equal(c->ike.psk.p, secrets[i], c->ike.psk.n);
		assert_int_equal(c->password.n, strlen(secrets[i]));
		assert_memory_equal(c->password.p, secrets[i], c->password.n);
		assert_string_equal(c->username, secrets[i]);
		config_free(config);
		config = NULL;
	}
}

static void an_import_is_godwits_own(void **state)
{
	assert_true(map_for(VPNC_MAP_IMPORT, "No Detach\nDebug 1\nPidfile /x\nNoninteractive\n"));
	expect("gateway", "local-port", NULL);
	expect("gateway", "application-version", NULL);
	expect("esp", "encapsulation", NULL);
	expect("ike", "dpd", NULL);
	expect_said(
		"vpnc: No Detach: not a matter of the file; godwit connect has --no-detach\n"
		"vpnc: Pidfile: not carried over; godwit status and disconnect need none\n"
		"vpnc: Debug: not a matter of the file; godwit connect has --verbose\n"
		"vpnc: Noninteractive: not carried over; without a terminal nothing is asked\n");
	take();
	vpnc_unset(&s, VPNC_SECRET);
	vpnc_unset(&s, VPNC_ID);
	vpnc_unset(&s, VPNC_GATEWAY);
	assert_false(map_for(VPNC_MAP_IMPORT, ""));
	expect_said("vpnc: missing IPSec gateway address\n");
}

static void names_of_connections(void **state)
{
	static const char *const rows[][2] = {
		{ "/run/vpnc.pid", "vpnc" },
		{ "/run/NetworkManager/nm-vpnc-7c0f7d1e-0000-4000-8000-0123456789ab.pid",
		  "nm-vpnc-7c0f7d1e-0000-4000-8000-0123456789ab" },
		{ "office", "office" },
		{ "a b/c d.pid", "c_d" },
		{ ".pid", "vpnc.pid" },
		{ "", "vpnc" },
		{ "/run/", "vpnc" },
		{ "-x.pid", "vpnc-x" },
	};
	char name[80], long_file[200];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		vpnc_connection_name(rows[i][0], name, sizeof(name));
		assert_string_equal(name, rows[i][1]);
	}
	memset(long_file, 'x', sizeof(long_file) - 1);
	long_file[sizeof(long_file) - 1] = '\0';
	vpnc_connection_name(long_file, name, sizeof(name));
	assert_int_equal(strlen(name), CONFIG_NAME_MAX);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, make_settings, drop_settings)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_vpnc_does_by_itself),
		TEST(natt_modes),
		TEST(groups),
		TEST(groups_that_are_not_to_be_had),
		TEST(weak_algorithms_only_when_asked_for),
		TEST(single_des_is_not_offered),
		TEST(vendors),
		TEST(hybrid),
		TEST(certificates_of_ones_own),
		TEST(questions_for_later),
		TEST(a_helper_whose_name_is_odd),
		TEST(a_helper_whose_name_is_long),
		TEST(the_tunnel),
		TEST(a_device_that_is_free),
		TEST(values_that_make_no_sense),
		TEST(secrets_of_every_kind),
		TEST(an_import_is_godwits_own),
		TEST(names_of_connections),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
