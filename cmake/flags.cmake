# SPDX-License-Identifier: GPL-2.0-or-later
# The target godwit_flags: language, warnings, hardening and sanitizers of all our own code.
include(CheckCCompilerFlag)

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

if(NOT CMAKE_BUILD_TYPE)
	set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()
# CMake's own value has -DNDEBUG; assertions stay on.
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g")
set(CMAKE_C_FLAGS_RELEASE "-O2")

add_library(godwit_flags INTERFACE)

# -iquote and not -I: <net/if.h> must never find our net/.
target_compile_options(godwit_flags INTERFACE "SHELL:-iquote ${CMAKE_SOURCE_DIR}")
target_compile_definitions(godwit_flags INTERFACE
	_GNU_SOURCE
	GODWIT_VERSION="${PROJECT_VERSION}")

target_compile_options(godwit_flags INTERFACE
	-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition
	-Wpointer-arith -Wcast-qual -Wwrite-strings -Wformat=2 -Wundef -Wvla -Wswitch-enum
	-Wnested-externs -Wredundant-decls -Wdouble-promotion -Wimplicit-fallthrough)
foreach(flag -Wlogical-op -Wduplicated-cond -Wformat-overflow=2 -Wshift-overflow=2)
	string(MAKE_C_IDENTIFIER "have${flag}" have)
	check_c_compiler_flag(-Werror\ ${flag} ${have})
	if(${have})
		target_compile_options(godwit_flags INTERFACE ${flag})
	endif()
endforeach()
if(GODWIT_WERROR)
	target_compile_options(godwit_flags INTERFACE -Werror)
endif()

# wolfSSL is far larger than what we use of it: unused sections go.
target_compile_options(godwit_flags INTERFACE
	-fPIE -fno-common -fstack-protector-strong -ffunction-sections -fdata-sections)
target_link_options(godwit_flags INTERFACE
	-pie -Wl,--gc-sections -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)
foreach(flag -fstack-clash-protection -fcf-protection)
	string(MAKE_C_IDENTIFIER "have${flag}" have)
	check_c_compiler_flag(-Werror\ ${flag} ${have})
	if(${have})
		target_compile_options(godwit_flags INTERFACE ${flag})
	endif()
endforeach()

if(GODWIT_FUZZ)
	set(GODWIT_KIND fuzz)
	set(sanitizers -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -O1)
elseif(GODWIT_SANITIZE STREQUAL asan)
	set(GODWIT_KIND asan)
	set(sanitizers -fsanitize=address,undefined -fno-sanitize-recover=all -O1)
elseif(GODWIT_SANITIZE STREQUAL tsan)
	set(GODWIT_KIND tsan)
	set(sanitizers -fsanitize=thread -O1)
elseif(GODWIT_SANITIZE STREQUAL "")
	set(GODWIT_KIND release)
	if(NOT CMAKE_BUILD_TYPE STREQUAL Debug)
		target_compile_options(godwit_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
	endif()
else()
	message(FATAL_ERROR "GODWIT_SANITIZE is '${GODWIT_SANITIZE}'; it takes nothing, asan or tsan")
endif()
if(sanitizers)
	target_compile_options(godwit_flags INTERFACE ${sanitizers} -g -fno-omit-frame-pointer)
	target_link_options(godwit_flags INTERFACE ${sanitizers})
endif()
