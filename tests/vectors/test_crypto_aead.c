/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ESP sealing and opening. GCM: McGrew and Viega's specification and draft-mcgrew-gcm-test-01.
 * AES-CTR: RFC 3686 section 6. Ciphers with HMAC: the plaintext of RFC 3602 case 7, computed
 * independently with Python's hmac and cryptography. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/err.h"
#include "crypto/gcm.h"
#include "tests/support/given_rng.h"
#include "tests/support/hex.h"

#define TEXT_MAX (16 + 2000 + 32)

static const struct {
	uint16_t key_bits;
	const char *keymat;
	uint64_t counter;
	const char *aad;
	const char *plain;
	const char *sealed; /* IV, ciphertext, ICV */
} gcm_rows[] = {
	{ /* GCM specification, test case 2 */
	  128, "0000000000000000000000000000000000000000", 0x0000000000000000, "",
	  "00000000000000000000000000000000",
	  "00000000000000000388dace60b6a392f328c2b971b2fe78ab6e47d42cec13bdf53a67b2"
	  "1257bddf" },
	{ /* test case 4 */
	  128, "feffe9928665731c6d6a8f9467308308cafebabe", 0xfacedbaddecaf888,
	  "feedfacedeadbeeffeedfacedeadbeefabaddad2",
	  "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95"
	  "956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
	  "facedbaddecaf88842831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e23"
	  "29aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e0915bc94fbc"
	  "3221a5db94fae95ae7121a47" },
	{ /* test case 10 */
	  192, "feffe9928665731c6d6a8f9467308308feffe9928665731ccafebabe", 0xfacedbaddecaf888,
	  "feedfacedeadbeeffeedfacedeadbeefabaddad2",
	  "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95"
	  "956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
	  "facedbaddecaf8883980ca0b3c00e841eb06fac4872a2757859e1ceaa6efd984628593b4"
	  "0ca1e19c7d773d00c144c525ac619d18c84a3f4718e2448b2fe324d9ccda27102519498e"
	  "80f1478f37ba55bd6d27618c" },
	{ /* test case 16 */
	  256, "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308cafebabe",
	  0xfacedbaddecaf888, "feedfacedeadbeeffeedfacedeadbeefabaddad2",
	  "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95"
	  "956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
	  "facedbaddecaf888522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd"
	  "2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f66276fc6ece"
	  "0f4e1768cddf8853bb2d551b" },
	{ /* draft-mcgrew-gcm-test-01, case 1 (with an extended sequence number) */
	  128, "4c80cdefbb5d10da906ac73c3613a6342e443b68", 0x4956ed7e3b244cfe,
	  "000043218765432100000000",
	  "45000048699a000080114db7c0a80102c0a801010a9bf15638d301000001000000000000"
	  "045f736970045f756470037369700963796265726369747902646b000021000101020201",
	  "4956ed7e3b244cfefecf537e729d5b07dc30df528dd22b768d1b98736696a6fd348509fa"
	  "13ceac34cfa2436f14a3f3cf65925bf1f4a13c5d15b21e1884f5ff6247aeabb786b93bce"
	  "61bc17d768fd9732459018148f6cbe722fd04796562dfdb4" },
};

#define CBC_IV_KEY "404142434445464748494a4b4c4d4e4f"
#define CBC_COUNTER 2
#define CBC_AAD "0000876500000002"
#define CBC_PLAIN                                                                                  \
	"45000054090400004001f988c0a87b03c0a87bc808009f76a90a0100b49c083d02a2040008090a0b0c0d0e0f" \
	"101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363701020304" \
	"05060708090a0a04"

static const struct {
	uint16_t key_bits;
	enum esp_integ integ;
	const char *keymat;
	const char *sealed;
} cbc_rows[] = {
	{ 128, ESP_INTEG_HMAC_SHA1_96,
	  "000102030405060708090a0b0c0d0e0f808182838485868788898a8b8c8d8e8f90919293",
	  "ee1600c7ce08256bc40994aba6607220301294a1f17628b784f2dc61fdd5055c4214a453"
	  "9bd29b3f5c7ba0e67e845ce0d3f325eeaa9c059dd87412d5ebe75f875477542cb50142e0"
	  "d6afc3921d3502f4ec7e6520e428496b70b16724675cc61b7eedda338fd02ec1e5f23759"
	  "dc955427a2eefe711cab05d80a720d04" },
	{ 128, ESP_INTEG_HMAC_SHA2_256_128,
	  "000102030405060708090a0b0c0d0e0f808182838485868788898a8b8c8d8e8f90919293"
	  "9495969798999a9b9c9d9e9f",
	  "ee1600c7ce08256bc40994aba6607220301294a1f17628b784f2dc61fdd5055c4214a453"
	  "9bd29b3f5c7ba0e67e845ce0d3f325eeaa9c059dd87412d5ebe75f875477542cb50142e0"
	  "d6afc3921d3502f4ec7e6520e428496b70b16724675cc61b7eedda338fd02ec1e5f23759"
	  "dc955427e89d12cb8734f5f3f4fb124360007112" },
	{ 128, ESP_INTEG_HMAC_SHA2_384_192,
	  "000102030405060708090a0b0c0d0e0f808182838485868788898a8b8c8d8e8f90919293"
	  "9495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeaf",
	  "ee1600c7ce08256bc40994aba6607220301294a1f17628b784f2dc61fdd5055c4214a453"
	  "9bd29b3f5c7ba0e67e845ce0d3f325eeaa9c059dd87412d5ebe75f875477542cb50142e0"
	  "d6afc3921d3502f4ec7e6520e428496b70b16724675cc61b7eedda338fd02ec1e5f23759"
	  "dc955427e88e572c62c3c16c7dd7ce571147b24cfe6318015e5d87d0" },
	{ 128, ESP_INTEG_HMAC_SHA2_512_256,
	  "000102030405060708090a0b0c0d0e0f808182838485868788898a8b8c8d8e8f90919293"
	  "9495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7"
	  "b8b9babbbcbdbebf",
	  "ee1600c7ce08256bc40994aba6607220301294a1f17628b784f2dc61fdd5055c4214a453"
	  "9bd29b3f5c7ba0e67e845ce0d3f325eeaa9c059dd87412d5ebe75f875477542cb50142e0"
	  "d6afc3921d3502f4ec7e6520e428496b70b16724675cc61b7eedda338fd02ec1e5f23759"
	  "dc955427f0f3e41f3220aa5ef74e3add5c3fedc59156ea7b650e8641234c9b4435d9d0c4" },
	{ 192, ESP_INTEG_HMAC_SHA1_96,
	  "000102030405060708090a0b0c0d0e0f1011121314151617808182838485868788898a8b"
	  "8c8d8e8f90919293",
	  "ee1600c7ce08256bc40994aba6607220133f9f1a2173c2fb6e0c81c0833f9525e1f55722"
	  "666b4a950fe710df2149569886267369601f851980f574418083be5fe7608ba0fb43e77b"
	  "94927fc4fa09b96acf5df6e6405f770ce797ed98aa83af5b2b7e4e3169adff52d17ba6c6"
	  "fbbbb86f4f12564f79e0c21bb3761e4b" },
	{ 192, ESP_INTEG_HMAC_SHA2_256_128,
	  "000102030405060708090a0b0c0d0e0f1011121314151617808182838485868788898a8b"
	  "8c8d8e8f909192939495969798999a9b9c9d9e9f",
	  "ee1600c7ce08256bc40994aba6607220133f9f1a2173c2fb6e0c81c0833f9525e1f55722"
	  "666b4a950fe710df2149569886267369601f851980f574418083be5fe7608ba0fb43e77b"
	  "94927fc4fa09b96acf5df6e6405f770ce797ed98aa83af5b2b7e4e3169adff52d17ba6c6"
	  "fbbbb86f6c6d8e61a3ad452d521c1f5aff3c538b" },
	{ 192, ESP_INTEG_HMAC_SHA2_384_192,
	  "000102030405060708090a0b0c0d0e0f1011121314151617808182838485868788898a8b"
	  "8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeaf",
	  "ee1600c7ce08256bc40994aba6607220133f9f1a2173c2fb6e0c81c0833f9525e1f55722"
	  "666b4a950fe710df2149569886267369601f851980f574418083be5fe7608ba0fb43e77b"
	  "94927fc4fa09b96acf5df6e6405f770ce797ed98aa83af5b2b7e4e3169adff52d17ba6c6"
	  "fbbbb86fa5623d972b34ee4d56a44f6cc08006bb2bd476fe954a22d0" },
	{ 192, ESP_INTEG_HMAC_SHA2_512_256,
	  "000102030405060708090a0b0c0d0e0f1011121314151617808182838485868788898a8b"
	  "8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeaf"
	  "b0b1b2b3b4b5b6b7b8b9babbbcbdbebf",
	  "ee1600c7ce08256bc40994aba6607220133f9f1a2173c2fb6e0c81c0833f9525e1f55722"
	  "666b4a950fe710df2149569886267369601f851980f574418083be5fe7608ba0fb43e77b"
	  "94927fc4fa09b96acf5df6e6405f770ce797ed98aa83af5b2b7e4e3169adff52d17ba6c6"
	  "fbbbb86fb03011f2fb8e287dcd6df7f5a1723746d83c5e538843ba3bbb00dbd9a866ccad" },
	{ 256, ESP_INTEG_HMAC_SHA1_96,
	  "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f80818283"
	  "8485868788898a8b8c8d8e8f90919293",
	  "ee1600c7ce08256bc40994aba660722067c7d119fe17b8146a5627731c1acc73fd8789bc"
	  "ea15bbae2d8938cd50fd5544a9a8f2004713ceca6cc96e0e0836d7154eaa921cf87fd3e7"
	  "18c7dfcba040119a785d3c97acc0501d892c8b775d019a1dd6325e99ab5b7d26a5cc4e16"
	  "2cb0b19191f13dcb5a048a1533cf01aa" },
	{ 256, ESP_INTEG_HMAC_SHA2_256_128,
	  "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f80818283"
	  "8485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
	  "ee1600c7ce08256bc40994aba660722067c7d119fe17b8146a5627731c1acc73fd8789bc"
	  "ea15bbae2d8938cd50fd5544a9a8f2004713ceca6cc96e0e0836d7154eaa921cf87fd3e7"
	  "18c7dfcba040119a785d3c97acc0501d892c8b775d019a1dd6325e99ab5b7d26a5cc4e16"
	  "2cb0b1913a555dd433bf37c0ef2464c61e2b4997" },
	{ 256, ESP_INTEG_HMAC_SHA2_384_192,
	  "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f80818283"
	  "8485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7"
	  "a8a9aaabacadaeaf",
	  "ee1600c7ce08256bc40994aba660722067c7d119fe17b8146a5627731c1acc73fd8789bc"
	  "ea15bbae2d8938cd50fd5544a9a8f2004713ceca6cc96e0e0836d7154eaa921cf87fd3e7"
	  "18c7dfcba040119a785d3c97acc0501d892c8b775d019a1dd6325e99ab5b7d26a5cc4e16"
	  "2cb0b191fdfe1486b42ff213e11b080b7c413b14158b45e9099d644a" },
	{ 256, ESP_INTEG_HMAC_SHA2_512_256,
	  "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f80818283"
	  "8485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7"
	  "a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf",
	  "ee1600c7ce08256bc40994aba660722067c7d119fe17b8146a5627731c1acc73fd8789bc"
	  "ea15bbae2d8938cd50fd5544a9a8f2004713ceca6cc96e0e0836d7154eaa921cf87fd3e7"
	  "18c7dfcba040119a785d3c97acc0501d892c8b775d019a1dd6325e99ab5b7d26a5cc4e16"
	  "2cb0b191a62c82dd9b094066b4c2e7615cdff1a2ac3eea1629419ae0ecbffaac2e159426" },
};

/* The same packet. */
static const struct {
	enum esp_cipher cipher;
	uint16_t key_bits;
	enum esp_integ integ;
	const char *keymat;
	const char *sealed;
} mac_rows[] = {
	{ ESP_CIPHER_3DES_CBC, 192, ESP_INTEG_HMAC_MD5_96,
	  "000102030405060708090a0b0c0d0e0f1011121314151617808182838485868788898a8b"
	  "8c8d8e8f",
	  "ee1600c7ce08256b3306d6db0978b7eac89bfa98b15807e6b94bd5317acd6fa566cc4e83"
	  "76fb8a9db1e93e7a241a4bb36fecd31414fb227cccb8bb64651afac3b6e35db74a6fa26b"
	  "610ac06380fec8e7afed157a9ee4aa0ab2f56e04d8288b09bacdbe4e9ce923fffc3d945d"
	  "0d77f0cedaeb2120" },
	{ ESP_CIPHER_NULL, 0, ESP_INTEG_HMAC_MD5_96, "808182838485868788898a8b8c8d8e8f",
	  "45000054090400004001f988c0a87b03c0a87bc808009f76a90a0100b49c083d02a20400"
	  "08090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b"
	  "2c2d2e2f30313233343536370102030405060708090a0a04121cdbddbba8759130d4e7c1" },
	{ ESP_CIPHER_AES_CBC, 128, ESP_INTEG_HMAC_MD5_96,
	  "000102030405060708090a0b0c0d0e0f808182838485868788898a8b8c8d8e8f",
	  "ee1600c7ce08256bc40994aba6607220301294a1f17628b784f2dc61fdd5055c4214a453"
	  "9bd29b3f5c7ba0e67e845ce0d3f325eeaa9c059dd87412d5ebe75f875477542cb50142e0"
	  "d6afc3921d3502f4ec7e6520e428496b70b16724675cc61b7eedda338fd02ec1e5f23759"
	  "dc955427641fd870c75b50666f3c02d6" },
	{ ESP_CIPHER_AES_CTR, 256, ESP_INTEG_HMAC_MD5_96,
	  "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f70717273"
	  "808182838485868788898a8b8c8d8e8f",
	  "000000000000000245a646fd10b850979772093d6a6582165707666a2399ee3272efe264"
	  "30b52c8251e07edb59fcf7fbf6c178e8ef9e97ef91e343dc619220b06a2ef6dd86d13714"
	  "2f1dd5807302f4ab381b2634220fc7e94ae61fb58360ceca0236a27eb1016158b5903c68"
	  "7196a528fd6be10c" },
	{ ESP_CIPHER_3DES_CBC, 192, ESP_INTEG_HMAC_SHA1_96,
	  "000102030405060708090a0b0c0d0e0f1011121314151617808182838485868788898a8b"
	  "8c8d8e8f90919293",
	  "ee1600c7ce08256b3306d6db0978b7eac89bfa98b15807e6b94bd5317acd6fa566cc4e83"
	  "76fb8a9db1e93e7a241a4bb36fecd31414fb227cccb8bb64651afac3b6e35db74a6fa26b"
	  "610ac06380fec8e7afed157a9ee4aa0ab2f56e04d8288b09bacdbe4e9ce923ffda6efdf2"
	  "5fe3144e80de2087" },
	{ ESP_CIPHER_NULL, 0, ESP_INTEG_HMAC_SHA1_96, "808182838485868788898a8b8c8d8e8f90919293",
	  "45000054090400004001f988c0a87b03c0a87bc808009f76a90a0100b49c083d02a20400"
	  "08090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b"
	  "2c2d2e2f30313233343536370102030405060708090a0a04221b823f5890e8fb5be6834b" },
	{ ESP_CIPHER_AES_CTR, 256, ESP_INTEG_HMAC_SHA1_96,
	  "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f70717273"
	  "808182838485868788898a8b8c8d8e8f90919293",
	  "000000000000000245a646fd10b850979772093d6a6582165707666a2399ee3272efe264"
	  "30b52c8251e07edb59fcf7fbf6c178e8ef9e97ef91e343dc619220b06a2ef6dd86d13714"
	  "2f1dd5807302f4ab381b2634220fc7e94ae61fb58360ceca0236a27eb10161584396a8ea"
	  "a28870fa43235d8f" },
	{ ESP_CIPHER_3DES_CBC, 192, ESP_INTEG_HMAC_SHA2_256_128,
	  "000102030405060708090a0b0c0d0e0f1011121314151617808182838485868788898a8b"
	  "8c8d8e8f909192939495969798999a9b9c9d9e9f",
	  "ee1600c7ce08256b3306d6db0978b7eac89bfa98b15807e6b94bd5317acd6fa566cc4e83"
	  "76fb8a9db1e93e7a241a4bb36fecd31414fb227cccb8bb64651afac3b6e35db74a6fa26b"
	  "610ac06380fec8e7afed157a9ee4aa0ab2f56e04d8288b09bacdbe4e9ce923ffb525c83b"
	  "befa1c87988eeb3a6b10bae5" },
	{ ESP_CIPHER_NULL, 0, ESP_INTEG_HMAC_SHA2_256_128,
	  "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
	  "45000054090400004001f988c0a87b03c0a87bc808009f76a90a0100b49c083d02a20400"
	  "08090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b"
	  "2c2d2e2f30313233343536370102030405060708090a0a044a1acac963e95f8e338f33fd"
	  "25bcafd3" },
	{ ESP_CIPHER_AES_CTR, 256, ESP_INTEG_HMAC_SHA2_256_128,
	  "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f70717273"
	  "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
	  "000000000000000245a646fd10b850979772093d6a6582165707666a2399ee3272efe264"
	  "30b52c8251e07edb59fcf7fbf6c178e8ef9e97ef91e343dc619220b06a2ef6dd86d13714"
	  "2f1dd5807302f4ab381b2634220fc7e94ae61fb58360ceca0236a27eb10161582d4a904c"
	  "b5f1e9f16f22f4d90e758a64" },
};

static const struct {
	uint16_t key_bits;
	const char *keymat; /* key, nonce */
	uint64_t iv;
	const char *plain;
	const char *sealed; /* without ICV */
} ctr_rows[] = {
	{ 128, "ae6852f8121067cc4bf7a5765577f39e00000030", 0x0000000000000000,
	  "53696e676c6520626c6f636b206d7367", "0000000000000000e4095d4fb7a7b3792d6175a3261311b8" },
	{ 128, "7e24067817fae0d743d6ce1f32539163006cb6db", 0xc0543b59da48d90b,
	  "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
	  "c0543b59da48d90b5104a106168a72d9790d41ee8edad388eb2e1efc46da57c8fce630df"
	  "9141be28" },
	{ 128, "7691be035e5020a8ac6e618529f9a0dc00e0017b", 0x27777f3f4a1786f0,
	  "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20212223",
	  "27777f3f4a1786f0c1cf48a89f2ffdd9cf4652e9efdb72d74540a42bde6d7836d59a5cea"
	  "aef3105325b2072f" },
	{ 192, "16af5b145fc9f579c175f93e3bfb0eed863d06ccfdb7851500000048", 0x36733c147d6d93cb,
	  "53696e676c6520626c6f636b206d7367", "36733c147d6d93cb4b55384fe259c9c84e7935a003cbe928" },
	{ 192, "7c5cb2401b3dc33c19e7340819e0f69c678c3db8e6f6a91a0096b03b", 0x020c6eadc2cb500d,
	  "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
	  "020c6eadc2cb500d453243fc609b23327edfaafa7131cd9f8490701c5ad4a79cfc1fe0ff"
	  "42f4fb00" },
	{ 192, "02bf391ee8ecb159b959617b0965279bf59b60a786d3e0fe0007bdfd", 0x5cbd60278dcc0912,
	  "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20212223",
	  "5cbd60278dcc091296893fc55e5c722f540b7dd1ddf7e758d288bc95c69165884536c811"
	  "662f2188abee0935" },
	{ 256, "776beff2851db06f4c8a0542c8696f6c6a81af1eec96b4d37fc1d689e6c1c10400000060",
	  0xdb5672c97aa8f0b2, "53696e676c6520626c6f636b206d7367",
	  "db5672c97aa8f0b2145ad01dbf824ec7560863dc71e3e0c0" },
	{ 256, "f6d66d6bd52d59bb0796365879eff886c66dd51a5b6a99744b50590c87a2388400faac24",
	  0xc1585ef15a43d875, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
	  "c1585ef15a43d875f05e231b3894612c49ee000b804eb2a9b8306b508f839d6a5530831d"
	  "9344af1c" },
	{ 256, "ff7a617ce69148e4f1726e2f43581de2aa62d9f805532edff1eed687fb54153d001cc5b7",
	  0x51a51d70a1c11148,
	  "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20212223",
	  "51a51d70a1c11148eb6c52821d0bbbf7ce7594462aca4faab407df866569fd07f48cc0b5"
	  "83d6071f1ec0e6b8" },
};

static const struct {
	struct esp_suite suite;
	struct esp_sizes sizes;
	const char *name;
} suites[] = {
	{ { ESP_CIPHER_AES_CBC, 128, ESP_INTEG_HMAC_SHA1_96 },
	  { 16, 0, 20, 16, 12, 16 },
	  "aes128-sha1" },
	{ { ESP_CIPHER_AES_CBC, 192, ESP_INTEG_HMAC_SHA2_256_128 },
	  { 24, 0, 32, 16, 16, 16 },
	  "aes192-sha256" },
	{ { ESP_CIPHER_AES_CBC, 256, ESP_INTEG_HMAC_SHA2_384_192 },
	  { 32, 0, 48, 16, 24, 16 },
	  "aes256-sha384" },
	{ { ESP_CIPHER_AES_CBC, 256, ESP_INTEG_HMAC_SHA2_512_256 },
	  { 32, 0, 64, 16, 32, 16 },
	  "aes256-sha512" },
	{ { ESP_CIPHER_AES_GCM_16, 128, ESP_INTEG_NONE }, { 16, 4, 0, 8, 16, 4 }, "aes128gcm16" },
	{ { ESP_CIPHER_AES_GCM_16, 192, ESP_INTEG_NONE }, { 24, 4, 0, 8, 16, 4 }, "aes192gcm16" },
	{ { ESP_CIPHER_AES_GCM_16, 256, ESP_INTEG_NONE }, { 32, 4, 0, 8, 16, 4 }, "aes256gcm16" },
	{ { ESP_CIPHER_AES_GCM_12, 128, ESP_INTEG_NONE }, { 16, 4, 0, 8, 12, 4 }, "aes128gcm12" },
	{ { ESP_CIPHER_AES_GCM_8, 256, ESP_INTEG_NONE }, { 32, 4, 0, 8, 8, 4 }, "aes256gcm8" },
	{ { ESP_CIPHER_AES_CTR, 128, ESP_INTEG_HMAC_SHA1_96 },
	  { 16, 4, 20, 8, 12, 4 },
	  "aes128ctr-sha1" },
	{ { ESP_CIPHER_AES_CTR, 256, ESP_INTEG_HMAC_SHA2_256_128 },
	  { 32, 4, 32, 8, 16, 4 },
	  "aes256ctr-sha256" },
	{ { ESP_CIPHER_3DES_CBC, 192, ESP_INTEG_HMAC_MD5_96 }, { 24, 0, 16, 8, 12, 8 }, "3des-md5" },
	{ { ESP_CIPHER_3DES_CBC, 192, ESP_INTEG_HMAC_SHA2_512_256 },
	  { 24, 0, 64, 8, 32, 8 },
	  "3des-sha512" },
	{ { ESP_CIPHER_AES_CBC, 128, ESP_INTEG_HMAC_MD5_96 },
	  { 16, 0, 16, 16, 12, 16 },
	  "aes128-md5" },
	{ { ESP_CIPHER_NULL, 0, ESP_INTEG_HMAC_SHA2_256_128 },
	  { 0, 0, 32, 0, 16, 4 },
	  "null-sha256" },
	{ { ESP_CIPHER_NULL, 0, ESP_INTEG_HMAC_MD5_96 }, { 0, 0, 16, 0, 12, 4 }, "null-md5" },
};

/* All tests are run with each library that there is for AES-GCM. */
static const struct gcm_library *library;

/* One SA for a suite, with keys from the seed. */
static struct aead *sa_new(const struct esp_suite *suite, uint64_t seed)
{
	uint8_t keymat[128];
	struct rng_seed s;
	struct rng rng = rng_seeded(&s, seed);
	size_t n = esp_suite_keymat(suite);

	assert_in_range(n, 1, sizeof(keymat));
	rng_fill(&rng, keymat, n);
	return aead_new_by(library, suite, slice(keymat, n), &rng);
}

static void check_packet(struct aead *a, uint64_t counter, struct slice aad, const char *plain,
			 const char *sealed)
{
	const struct esp_sizes *sz = aead_sizes(a);
	uint8_t text[256], want[256];
	struct slice p = hex_bytes(plain, text + sz->iv, sizeof(text) - sz->iv);
	size_t whole = sz->iv + p.n + sz->icv;

	assert_int_equal(aead_seal(a, counter, aad, text, p.n), 0);
	assert_true(hex_eq(slice(text, whole), sealed));
	hex_bytes(sealed, want, sizeof(want));
	assert_int_equal(aead_open(a, aad, want, p.n), 0);
	assert_true(hex_eq(slice(want + sz->iv, p.n), plain));
}

static const struct {
	enum esp_cipher cipher;
	size_t icv;
} ciphers[] = {
	{ ESP_CIPHER_AES_GCM_16, 16 },
	{ ESP_CIPHER_AES_GCM_12, 12 },
	{ ESP_CIPHER_AES_GCM_8, 8 },
};

static void gcm_vectors(size_t k)
{
	for (size_t i = 0; i < ARRAY_SIZE(gcm_rows); i++) {
		struct esp_suite suite = { ciphers[k].cipher, gcm_rows[i].key_bits,
					   ESP_INTEG_NONE };
		uint8_t keymat[36], aad[20];
		char sealed[256];
		struct aead *a = aead_new_by(library, &suite,
					     hex_bytes(gcm_rows[i].keymat, keymat, sizeof(keymat)),
					     NULL);

		assert_non_null(a);
		strcpy(sealed, gcm_rows[i].sealed);
		sealed[strlen(sealed) - 2 * (16 - ciphers[k].icv)] = '\0';
		check_packet(a, gcm_rows[i].counter, hex_bytes(gcm_rows[i].aad, aad, sizeof(aad)),
			     gcm_rows[i].plain, sealed);
		aead_free(a);
	}
}

/* A shorter ICV is the beginning of the long one (RFC 4106 section 6). */
static void test_gcm_vectors(void **state)
{
	for (size_t k = 0; k < ARRAY_SIZE(ciphers); k++)
		gcm_vectors(k);
	assert_int_equal(secret_pool_used(), 0);
}

static void test_mac_vectors(void **state)
{
	uint8_t keymat[96], iv_key[16], aad[8];
	struct rd bytes;

	for (size_t i = 0; i < ARRAY_SIZE(mac_rows); i++) {
		struct esp_suite suite = { mac_rows[i].cipher, mac_rows[i].key_bits,
					   mac_rows[i].integ };
		struct rng rng = given_rng(&bytes, hex_bytes(CBC_IV_KEY, iv_key, sizeof(iv_key)));
		struct aead *a = aead_new(
			&suite, hex_bytes(mac_rows[i].keymat, keymat, sizeof(keymat)), &rng);

		assert_non_null(a);
		check_packet(a, CBC_COUNTER, hex_bytes(CBC_AAD, aad, sizeof(aad)), CBC_PLAIN,
			     mac_rows[i].sealed);
		aead_free(a);
	}
	assert_int_equal(secret_pool_used(), 0);
}

static void test_ctr_vectors(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(ctr_rows); i++) {
		struct esp_suite suite = { ESP_CIPHER_AES_CTR, ctr_rows[i].key_bits,
					   ESP_INTEG_HMAC_SHA1_96 };
		uint8_t keymat[56] = { 0 }, aad[8] = { 1 }, text[100], icv[HASH_MAX];
		size_t n = hex_bytes(ctr_rows[i].keymat, keymat, sizeof(keymat)).n;
		struct slice plain = hex_bytes(ctr_rows[i].plain, text + 8, 60);
		const struct slice parts[] = { SLICE_OF(aad), slice(text, 8 + plain.n) };
		struct aead *a = aead_new(&suite, slice(keymat, n + 20), NULL);

		assert_non_null(a);
		assert_int_equal(aead_seal(a, ctr_rows[i].iv, SLICE_OF(aad), text, plain.n), 0);
		assert_true(hex_eq(slice(text, 8 + plain.n), ctr_rows[i].sealed));
		hmac_parts(HASH_SHA1, slice(keymat + n, 20), parts, 2, icv);
		assert_memory_equal(text + 8 + plain.n, icv, 12);
		assert_int_equal(aead_open(a, SLICE_OF(aad), text, plain.n), 0);
		assert_true(hex_eq(slice(text + 8, plain.n), ctr_rows[i].plain));
		aead_free(a);
	}
	assert_int_equal(secret_pool_used(), 0);
}

static void test_cbc_vectors(void **state)
{
	uint8_t keymat[96], iv_key[16], aad[8];
	struct rd bytes;

	for (size_t i = 0; i < ARRAY_SIZE(cbc_rows); i++) {
		struct esp_suite suite = { ESP_CIPHER_AES_CBC, cbc_rows[i].key_bits,
					   cbc_rows[i].integ };
		struct rng rng = given_rng(&bytes, hex_bytes(CBC_IV_KEY, iv_key, sizeof(iv_key)));
		struct aead *a = aead_new(
			&suite, hex_bytes(cbc_rows[i].keymat, keymat, sizeof(keymat)), &rng);

		assert_non_null(a);
		assert_int_equal(rd_left(&bytes), 0);
		check_packet(a, CBC_COUNTER, hex_bytes(CBC_AAD, aad, sizeof(aad)), CBC_PLAIN,
			     cbc_rows[i].sealed);
		aead_free(a);
	}
	assert_int_equal(secret_pool_used(), 0);
}

static void test_suites(void **state)
{
	char name[40];

	for (size_t i = 0; i < ARRAY_SIZE(suites); i++) {
		const struct esp_sizes *want = &suites[i].sizes;
		struct esp_sizes got;
		struct aead *a;

		assert_true(esp_suite_sizes(&suites[i].suite, &got));
		assert_memory_equal(&got, want, sizeof(got));
		assert_int_equal(esp_suite_keymat(&suites[i].suite),
				 want->key + want->salt + want->integ_key);
		assert_string_equal(esp_suite_name(&suites[i].suite, name), suites[i].name);
		a = sa_new(&suites[i].suite, 1);
		assert_memory_equal(aead_sizes(a), want, sizeof(*want));
		aead_free(a);
	}
}

static void test_no_such_suite(void **state)
{
	static const struct esp_suite bad[] = {
		{ ESP_CIPHER_AES_CBC, 128, ESP_INTEG_NONE },
		{ ESP_CIPHER_AES_CBC, 0, ESP_INTEG_HMAC_SHA1_96 },
		{ ESP_CIPHER_AES_CBC, 129, ESP_INTEG_HMAC_SHA1_96 },
		{ ESP_CIPHER_AES_CBC, 512, ESP_INTEG_HMAC_SHA1_96 },
		{ ESP_CIPHER_AES_CBC, 128, (enum esp_integ)99 },
		{ ESP_CIPHER_AES_GCM_16, 128, ESP_INTEG_HMAC_SHA1_96 },
		{ ESP_CIPHER_AES_GCM_16, 64, ESP_INTEG_NONE },
		{ ESP_CIPHER_AES_GCM_12, 128, ESP_INTEG_HMAC_SHA2_256_128 },
		{ ESP_CIPHER_AES_GCM_8, 0, ESP_INTEG_NONE },
		{ ESP_CIPHER_AES_CTR, 128, ESP_INTEG_NONE },
		{ ESP_CIPHER_AES_CTR, 160, ESP_INTEG_HMAC_SHA1_96 },
		{ ESP_CIPHER_3DES_CBC, 192, ESP_INTEG_NONE },
		{ ESP_CIPHER_3DES_CBC, 128, ESP_INTEG_HMAC_SHA1_96 },
		{ ESP_CIPHER_3DES_CBC, 0, ESP_INTEG_HMAC_SHA1_96 },
		{ ESP_CIPHER_NULL, 0, ESP_INTEG_NONE },
		{ ESP_CIPHER_NULL, 128, ESP_INTEG_HMAC_SHA1_96 },
		{ (enum esp_cipher)99, 128, ESP_INTEG_NONE },
	};
	uint8_t keymat[128] = { 0 };
	struct esp_sizes sizes;
	struct rng_seed s;
	struct rng rng = rng_seeded(&s, 1);
	char name[40];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_false(esp_suite_sizes(&bad[i], &sizes));
		assert_int_equal(esp_suite_keymat(&bad[i]), 0);
		assert_string_equal(esp_suite_name(&bad[i], name), "unknown");
		for (size_t n = 0; n <= sizeof(keymat); n++)
			assert_null(aead_new(&bad[i], slice(keymat, n), &rng));
	}
	for (size_t i = 0; i < ARRAY_SIZE(suites); i++) {
		size_t n = esp_suite_keymat(&suites[i].suite);

		assert_null(aead_new(&suites[i].suite, slice(keymat, n - 1), &rng));
		assert_null(aead_new(&suites[i].suite, slice(keymat, n + 1), &rng));
		assert_null(aead_new(&suites[i].suite, SLICE_NONE, &rng));
	}
	aead_free(NULL);
	assert_int_equal(secret_pool_used(), 0);
}

/* What the padding of the sender must never change: the bytes outside of the packet. */
static void seal_then_open(struct aead *a, size_t n, uint64_t counter)
{
	const struct esp_sizes *sz = aead_sizes(a);
	uint8_t buf[TEXT_MAX + 2], plain[2000], aad[8];
	uint8_t *text = buf + 1;
	size_t whole = sz->iv + n + sz->icv;

	put_be64(aad, counter);
	memset(buf, 0xee, sizeof(buf));
	for (size_t i = 0; i < n; i++)
		plain[i] = text[sz->iv + i] = (uint8_t)(i * 7 + n);
	assert_int_equal(aead_seal(a, counter, SLICE_OF(aad), text, n), 0);
	assert_true(n < 16 || sz->key == 0 || memcmp(text + sz->iv, plain, n) != 0);
	assert_int_equal(aead_open(a, SLICE_OF(aad), text, n), 0);
	assert_memory_equal(text + sz->iv, plain, n);
	assert_int_equal(buf[0], 0xee);
	assert_int_equal(text[whole], 0xee);
}

static void test_every_length(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(suites); i++) {
		struct aead *a = sa_new(&suites[i].suite, 2);
		size_t align = aead_sizes(a)->align;
		uint8_t text[TEXT_MAX] = { 0 }, before[TEXT_MAX] = { 0 };
		uint8_t aad[8] = { 0 };

		for (size_t n = 0; n <= 2000; n++) {
			if (n % align == 0) {
				seal_then_open(a, n, n + 1);
				continue;
			}
			assert_int_equal(aead_seal(a, n + 1, SLICE_OF(aad), text, n),
					 ERR_MALFORMED);
			assert_int_equal(aead_open(a, SLICE_OF(aad), text, n), ERR_MALFORMED);
			assert_memory_equal(text, before, sizeof(text));
		}
		aead_free(a);
	}
}

/* Seals 48 bytes at text; returns the length of the whole. */
static size_t seal_one(struct aead *a, struct slice aad, uint8_t *text)
{
	const struct esp_sizes *sz = aead_sizes(a);

	memset(text + sz->iv, 0x42, 48);
	assert_int_equal(aead_seal(a, 5, aad, text, 48), 0);
	return (size_t)sz->iv + 48 + sz->icv;
}

static void test_every_bit_counts(void **state)
{
	uint8_t aad[8] = { 0, 0, 0x10, 1, 0, 0, 0, 9 };

	for (size_t i = 0; i < ARRAY_SIZE(suites); i++) {
		struct aead *a = sa_new(&suites[i].suite, 3);
		uint8_t sealed[128], text[128];
		size_t whole = seal_one(a, SLICE_OF(aad), sealed);

		for (size_t bit = 0; bit < 8 * whole; bit++) {
			memcpy(text, sealed, whole);
			text[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_int_equal(aead_open(a, SLICE_OF(aad), text, 48), ERR_AUTH);
		}
		for (size_t bit = 0; bit < 8 * sizeof(aad); bit++) {
			memcpy(text, sealed, whole);
			aad[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_int_equal(aead_open(a, SLICE_OF(aad), text, 48), ERR_AUTH);
			aad[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		memcpy(text, sealed, whole);
		assert_int_equal(aead_open(a, slice(aad, 7), text, 48), ERR_AUTH);
		memcpy(text, sealed, whole);
		assert_int_equal(aead_open(a, SLICE_OF(aad), text, 32), ERR_AUTH);
		memcpy(text, sealed, whole);
		assert_int_equal(aead_open(a, SLICE_OF(aad), text, 48), 0);
		aead_free(a);
	}
}

/* With a HMAC the text is not touched before the ICV has been found good. */
static void test_hmac_verifies_first(void **state)
{
	uint8_t aad[8] = { 1 };

	for (size_t i = 0; i < ARRAY_SIZE(suites); i++) {
		struct aead *a;
		uint8_t text[128], before[128];
		size_t whole;

		if (suites[i].suite.integ == ESP_INTEG_NONE)
			continue;
		a = sa_new(&suites[i].suite, 4);
		whole = seal_one(a, SLICE_OF(aad), text);
		text[whole - 1] ^= 1;
		memcpy(before, text, whole);
		assert_int_equal(aead_open(a, SLICE_OF(aad), text, 48), ERR_AUTH);
		assert_memory_equal(text, before, whole);
		aead_free(a);
	}
}

static void test_other_keys_do_not_open(void **state)
{
	uint8_t aad[8] = { 1 }, text[128];

	for (size_t i = 0; i < ARRAY_SIZE(suites); i++) {
		struct aead *a = sa_new(&suites[i].suite, 5);
		struct aead *b = sa_new(&suites[i].suite, 6);

		seal_one(a, SLICE_OF(aad), text);
		assert_int_equal(aead_open(b, SLICE_OF(aad), text, 48), ERR_AUTH);
		aead_free(a);
		aead_free(b);
	}
}

static void ivs_of_cbc(const struct esp_suite *suite)
{
	uint8_t aad[8] = { 1 }, ivs[64][8], text[128];
	struct aead *a = sa_new(suite, 7);

	for (uint64_t c = 0; c < 64; c++) {
		assert_int_equal(aead_seal(a, c, SLICE_OF(aad), text, 16), 0);
		memcpy(ivs[c], text, 8);
		for (uint64_t d = 0; d < c; d++)
			assert_memory_not_equal(ivs[c], ivs[d], 8);
		/* Neither the counter nor a step of one. */
		assert_true(get_be64(ivs[c]) != c);
		assert_true(c == 0 || get_be64(ivs[c]) != get_be64(ivs[c - 1]) + 1);
	}
	aead_free(a);
}

/* GCM and CTR show the counter; CBC must not. */
static void test_ivs(void **state)
{
	uint8_t aad[8] = { 1 }, text[128];

	for (size_t i = 0; i < ARRAY_SIZE(suites); i++) {
		struct aead *a;

		if (suites[i].suite.cipher == ESP_CIPHER_AES_CBC ||
		    suites[i].suite.cipher == ESP_CIPHER_3DES_CBC)
			ivs_of_cbc(&suites[i].suite);
		if (suites[i].sizes.salt == 0)
			continue;
		a = sa_new(&suites[i].suite, 7);
		assert_int_equal(aead_seal(a, 0x0102030405060708, SLICE_OF(aad), text, 16), 0);
		assert_true(hex_eq(slice(text, 8), "0102030405060708"));
		aead_free(a);
	}
}

static volatile unsigned long allocations;

static void count_malloc(const volatile void *p, size_t n)
{
	allocations++;
}

static void ignore_free(const volatile void *p)
{
}

/* AddressSanitizer's hooks; absent in other builds, where the test is skipped. */
int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void *, size_t),
					      void (*on_free)(const volatile void *))
	__attribute__((weak));

static void test_packets_allocate_nothing(void **state)
{
	static bool hooked;
	uint8_t aad[8] = { 1 }, text[TEXT_MAX] = { 0 };
	void *volatile probe;

	if (!__sanitizer_install_malloc_and_free_hooks)
		skip();
	if (!hooked)
		assert_true(__sanitizer_install_malloc_and_free_hooks(count_malloc, ignore_free) >
			    0);
	hooked = true;
	allocations = 0;
	probe = malloc(10);
	free(probe);
	assert_int_equal(allocations, 1);
	for (size_t i = 0; i < ARRAY_SIZE(suites); i++) {
		struct aead *a = sa_new(&suites[i].suite, 8);
		unsigned long before = allocations;

		for (uint64_t c = 1; c < 20; c++) {
			(void)aead_seal(a, c, SLICE_OF(aad), text, 96 * c);
			(void)aead_open(a, SLICE_OF(aad), text, 96 * c);
			(void)aead_open(a, SLICE_OF(aad), text, 96 * c);
		}
		assert_int_equal(allocations, before);
		aead_free(a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gcm_vectors),
		cmocka_unit_test(test_cbc_vectors),
		cmocka_unit_test(test_mac_vectors),
		cmocka_unit_test(test_ctr_vectors),
		cmocka_unit_test(test_suites),
		cmocka_unit_test(test_no_such_suite),
		cmocka_unit_test(test_every_length),
		cmocka_unit_test(test_every_bit_counts),
		cmocka_unit_test(test_hmac_verifies_first),
		cmocka_unit_test(test_other_keys_do_not_open),
		cmocka_unit_test(test_ivs),
		cmocka_unit_test(test_packets_allocate_nothing),
	};
	int failed;

	if (crypto_init() != 0)
		return 1;
	library = &gcm_wolfssl;
	failed = cmocka_run_group_tests_name("wolfSSL", tests, NULL, NULL);
	library = gcm_ipsecmb();
	if (library)
		failed += cmocka_run_group_tests_name("libipsec-mb", tests, NULL, NULL);
	return failed;
}
