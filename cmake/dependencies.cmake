# SPDX-License-Identifier: GPL-2.0-or-later
# godwit_dependency(NAME) makes the target dep_NAME, once; it is asked for only what some
# existing folder needs.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
include(CheckCSourceCompiles)

function(godwit_dependency name)
	if(TARGET dep_${name})
		return()
	endif()
	add_library(dep_${name} INTERFACE)
	if(name STREQUAL wolfssl)
		godwit_dependency_wolfssl()
		return()
	elseif(name STREQUAL ipsec-mb)
		godwit_dependency_ipsecmb()
		return()
	endif()
	string(MAKE_C_IDENTIFIER "dep_${name}_pc" module)
	pkg_check_modules(${module} QUIET IMPORTED_TARGET ${name})
	if(NOT ${module}_FOUND)
		string(REGEX REPLACE "^lib" "" package ${name})
		string(REGEX REPLACE "^uv$" "uv1" package ${package})
		message(FATAL_ERROR "${name} is missing: run scripts/deps, or apt-get install lib${package}-dev")
	endif()
	target_link_libraries(dep_${name} INTERFACE PkgConfig::${module})
endfunction()

function(godwit_dependency_wolfssl)
	# options.h decides the layout of structs, so no file may go without it.
	target_compile_options(dep_wolfssl INTERFACE "SHELL:-include wolfssl/options.h")
	target_link_libraries(dep_wolfssl INTERFACE Threads::Threads m)
	if(GODWIT_WOLFSSL STREQUAL bundled)
		godwit_wolfssl_bundled()
	elseif(GODWIT_WOLFSSL STREQUAL system)
		godwit_wolfssl_system()
	else()
		message(FATAL_ERROR "GODWIT_WOLFSSL is '${GODWIT_WOLFSSL}'; it takes bundled or system")
	endif()
endfunction()

function(godwit_wolfssl_bundled)
	execute_process(COMMAND ${CMAKE_SOURCE_DIR}/scripts/wolfssl
		OUTPUT_VARIABLE prefix OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE failed)
	if(failed)
		message(FATAL_ERROR "wolfSSL cannot be built; the reason is above. "
			"-DGODWIT_WOLFSSL=system takes the system's library, which may be slow.")
	endif()
	file(STRINGS ${prefix}/debian-version package LIMIT_COUNT 1)
	target_include_directories(dep_wolfssl SYSTEM INTERFACE ${prefix}/include)
	target_link_libraries(dep_wolfssl INTERFACE ${prefix}/lib/libwolfssl.a)
	target_compile_definitions(dep_wolfssl INTERFACE GODWIT_WOLFSSL_PACKAGE="${package}")
	set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
		${CMAKE_SOURCE_DIR}/scripts/get-wolfssl ${CMAKE_SOURCE_DIR}/scripts/build-wolfssl
		${prefix}/debian-version)
	message(STATUS "wolfSSL ${package} in ${prefix}")
endfunction()

function(godwit_wolfssl_system)
	find_path(WOLFSSL_INCLUDE_DIR wolfssl/options.h)
	find_library(WOLFSSL_LIBRARY wolfssl)
	if(NOT WOLFSSL_INCLUDE_DIR OR NOT WOLFSSL_LIBRARY)
		message(FATAL_ERROR "the system has no wolfSSL: apt-get install libwolfssl-dev")
	endif()
	file(STRINGS ${WOLFSSL_INCLUDE_DIR}/wolfssl/options.h aesni REGEX "define WOLFSSL_AESNI")
	if(NOT aesni)
		message(WARNING "the system's wolfSSL has no AES-NI: AES-GCM is some 20 times slower and "
			"not constant time; GODWIT_WOLFSSL=bundled builds one that has it")
	endif()
	target_include_directories(dep_wolfssl SYSTEM INTERFACE ${WOLFSSL_INCLUDE_DIR})
	target_link_libraries(dep_wolfssl INTERFACE ${WOLFSSL_LIBRARY})
	target_compile_definitions(dep_wolfssl INTERFACE GODWIT_WOLFSSL_PACKAGE="system")
endfunction()

# libipsec-mb is linked statically, or else left out: dep_ipsec-mb is then empty.
function(godwit_dependency_ipsecmb)
	if(NOT GODWIT_IPSECMB)
		return()
	endif()
	find_path(IPSECMB_INCLUDE_DIR intel-ipsec-mb.h)
	find_library(IPSECMB_LIBRARY libIPSec_MB.a)
	if(IPSECMB_INCLUDE_DIR AND IPSECMB_LIBRARY)
		set(CMAKE_REQUIRED_INCLUDES ${IPSECMB_INCLUDE_DIR})
		set(CMAKE_REQUIRED_LIBRARIES ${IPSECMB_LIBRARY})
		check_c_source_compiles("
			#include <intel-ipsec-mb.h>
			void aes_gcm_precomp_256_vaes_avx512(struct gcm_key_data *key);
			void aes_gcm_enc_256_vaes_avx512(void);
			void aes_gcm_dec_256_vaes_avx512(void);
			int main(void)
			{
				static struct gcm_key_data key;
				static struct gcm_context_data context;
				aes_gcm_precomp_t precompute = aes_gcm_precomp_256_vaes_avx512;
				aes_gcm_enc_dec_t encrypt = (void *)0;

				(void)context, (void)precompute, (void)encrypt;
				aes_keyexp_256_enc_avx512(\"\", key.expanded_keys);
				aes_gcm_precomp_256_vaes_avx512(&key);
				aes_gcm_enc_256_vaes_avx512();
				aes_gcm_dec_256_vaes_avx512();
				return 0;
			}" GODWIT_HAVE_IPSECMB)
	endif()
	if(NOT GODWIT_HAVE_IPSECMB)
		message(STATUS "libipsec-mb: not here; AES-GCM is wolfSSL's alone")
		return()
	endif()
	message(STATUS "libipsec-mb: ${IPSECMB_LIBRARY}")
	target_include_directories(dep_ipsec-mb SYSTEM INTERFACE ${IPSECMB_INCLUDE_DIR})
	target_link_libraries(dep_ipsec-mb INTERFACE ${IPSECMB_LIBRARY})
	target_compile_definitions(dep_ipsec-mb INTERFACE GODWIT_IPSECMB)
endfunction()
