# SPDX-License-Identifier: GPL-2.0-or-later
# Every file below tests/ that fits a pattern becomes a test; nothing is listed by hand. A test
# is called KIND/FOLDER/NAME, where KIND is release, asan or tsan. The label "gate" marks those
# that ./check runs of this kind: everything with asan and as release, but the lab with the release
# binary and lint, which looks at what is shipped, with the release's objects. ThreadSanitizer's are
# those that have more than one thread, and a run of the lab. The label "live" marks what depends on
# how the machine lets several threads, processes or the kernel run: ./check gives these a second try.

set(test_environment
	"ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1"
	"UBSAN_OPTIONS=print_stacktrace=1"
	"TSAN_OPTIONS=halt_on_error=1"
	"GODWIT=${CMAKE_BINARY_DIR}/godwit"
	"GODWIT_SOURCE=${CMAKE_SOURCE_DIR}"
	"GODWIT_BUILD=${CMAKE_BINARY_DIR}")

set(tsan_gate
	unit/test_base_ring unit/test_esp_classifier unit/test_esp_publication
	unit/test_esp_hold_publication
	unit/test_client_threads unit/test_client_workers
	unit/test_esp_servers unit/test_client_serve
	lab/peer_delete lab/privileges lab/download)
# So many publications under traffic, and megabytes of download.
if(GODWIT_KIND STREQUAL tsan)
	list(APPEND test_environment GODWIT_PUBLICATIONS=500000 MEGABYTES=20)
endif()

function(godwit_test group name timeout)
	set(test ${GODWIT_KIND}/${group}/${name})
	add_test(NAME ${test} COMMAND ${ARGN} WORKING_DIRECTORY ${CMAKE_BINARY_DIR})
	set(labels ${group})
	if(group STREQUAL lab)
		list(APPEND labels live)
	endif()
	if(GODWIT_KIND STREQUAL tsan)
		if(${group}/${name} IN_LIST tsan_gate)
			list(APPEND labels gate)
		endif()
	elseif(NOT group MATCHES "^(lab|lint)$" OR GODWIT_KIND STREQUAL release)
		list(APPEND labels gate)
	endif()
	set_tests_properties(${test} PROPERTIES
		TIMEOUT ${timeout} LABELS "${labels}" ENVIRONMENT "${test_environment}")
endfunction()

# Code that several tests share.
file(GLOB support CONFIGURE_DEPENDS tests/support/*.c)
list(APPEND support ${CMAKE_SOURCE_DIR}/tests/sim/inner.c)
add_library(test_support INTERFACE)
target_link_libraries(test_support INTERFACE godwit_objects godwit_flags)
if(libsystemd_FOUND)
	target_compile_definitions(test_support INTERFACE GODWIT_SYSTEMD)
endif()
if(support)
	add_library(test_support_objects STATIC ${support})
	target_link_libraries(test_support_objects PRIVATE godwit_flags PUBLIC godwit_objects)
	target_link_libraries(test_support INTERFACE test_support_objects godwit_objects)
endif()

function(godwit_cmocka_tests folder)
	file(GLOB sources CONFIGURE_DEPENDS tests/${folder}/test_*.c)
	if(NOT sources)
		return()
	endif()
	godwit_dependency(cmocka)
	foreach(source IN LISTS sources)
		get_filename_component(name ${source} NAME_WE)
		# cmocka hands every test a state.
		set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS -Wno-unused-parameter)
		add_executable(${folder}_${name} ${source})
		target_link_libraries(${folder}_${name} PRIVATE test_support dep_cmocka)
		if(name MATCHES "^test_cmd_" AND TARGET cmd)
			target_link_libraries(${folder}_${name} PRIVATE cmd_for_tests)
		endif()
		set(timeout 120)
		if(GODWIT_KIND STREQUAL tsan)
			set(timeout 600)
		endif()
		godwit_test(${folder} ${name} ${timeout} ${folder}_${name})
		file(STRINGS ${source} live REGEX
			"pthread_create|fork\\(|poll\\(|(threads_parts|namespace)\\.h")
		if(live)
			set_property(TEST ${GODWIT_KIND}/${folder}/${name} APPEND PROPERTY LABELS live)
		endif()
	endforeach()
endfunction()

# cmd/ without its main().
if(TARGET cmd)
	get_target_property(cmd_sources cmd SOURCES)
	list(FILTER cmd_sources EXCLUDE REGEX "/main\\.c$")
	if(cmd_sources)
		add_library(cmd_for_tests STATIC ${cmd_sources})
		target_link_libraries(cmd_for_tests PRIVATE godwit_flags PUBLIC godwit_objects)
	endif()
endif()

godwit_cmocka_tests(unit)
godwit_cmocka_tests(vectors)

file(GLOB sources CONFIGURE_DEPENDS tests/sim/*.c)
list(REMOVE_ITEM sources ${CMAKE_SOURCE_DIR}/tests/sim/inner.c)
if(sources)
	add_executable(sim ${sources})
	target_link_libraries(sim PRIVATE test_support)
	godwit_test(sim sim 900 sim --world one --seeds ${GODWIT_SIM_SEEDS})
	# With a sanitizer a tenth of the worlds of many hosts does.
	set(seeds ${GODWIT_SIM_SEEDS})
	if(NOT GODWIT_KIND STREQUAL release)
		math(EXPR seeds "(${seeds} + 9) / 10")
	endif()
	godwit_test(sim field 900 sim --world many --seeds ${seeds})
	math(EXPR seeds "(${GODWIT_SIM_SEEDS} * 4 + 24) / 25")
	godwit_test(sim roam 900 sim --world roam --seeds ${seeds})
endif()

# The lab's wire decides as the simulator's does.
add_executable(lab_link tests/lab/link_emulator.c tests/sim/link.c)
target_link_libraries(lab_link PRIVATE test_support)

# The lab's flood, and where it goes.
add_executable(lab_flood tests/lab/flood.c)
target_link_libraries(lab_flood PRIVATE godwit_flags)

# The lab's own gateway.
file(GLOB sources CONFIGURE_DEPENDS tests/lab/gateway/*.c)
if(sources)
	add_executable(lab_gateway ${sources})
	target_link_libraries(lab_gateway PRIVATE test_support)
endif()

# The lab's guessing NAT: the simulator's, on real packets.
file(GLOB sources CONFIGURE_DEPENDS tests/lab/masqnat/*.c)
if(sources)
	add_executable(lab_masqnat ${sources})
	target_link_libraries(lab_masqnat PRIVATE test_support)
endif()

# The small server for many clients, on real sockets; its echoes are the simulator's.
file(GLOB sources CONFIGURE_DEPENDS tests/lab/server/*.c)
if(sources)
	add_executable(lab_server ${sources} tests/sim/inner.c)
	target_link_libraries(lab_server PRIVATE test_support)
endif()

# The lab's client that knows the keys and lies.
file(GLOB sources CONFIGURE_DEPENDS tests/lab/mover/*.c)
if(sources)
	add_executable(lab_mover ${sources})
	target_link_libraries(lab_mover PRIVATE test_support)
endif()

# tests/fuzz/fuzz_NAME.c: for libFuzzer, or with replay.c over tests/fuzz/corpus/NAME.
file(GLOB sources CONFIGURE_DEPENDS tests/fuzz/fuzz_*.c)
foreach(source IN LISTS sources)
	get_filename_component(name ${source} NAME_WE)
	string(REGEX REPLACE "^fuzz_" "" corpus ${name})
	add_executable(${name} ${source})
	target_link_libraries(${name} PRIVATE test_support)
	set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS -Wno-missing-prototypes)
	if(GODWIT_FUZZ)
		target_link_options(${name} PRIVATE -fsanitize=fuzzer)
	else()
		target_sources(${name} PRIVATE tests/fuzz/replay.c)
		godwit_test(fuzz ${name} 300 ${name} ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${corpus})
	endif()
endforeach()

# tests/bench: built, and run by hand; what it says is no verdict.
file(GLOB sources CONFIGURE_DEPENDS tests/bench/*.c)
list(REMOVE_ITEM sources ${CMAKE_SOURCE_DIR}/tests/bench/bench.c)
foreach(source IN LISTS sources)
	get_filename_component(name ${source} NAME_WE)
	add_executable(bench_${name} ${source} tests/bench/bench.c)
	target_link_libraries(bench_${name} PRIVATE test_support)
endforeach()

# Scripts have no extension; what has one is theirs to import.
file(GLOB scripts CONFIGURE_DEPENDS tests/lint/*)
list(FILTER scripts EXCLUDE REGEX "/[^/]*\\.[^/]*$")
foreach(script IN LISTS scripts)
	if(IS_DIRECTORY ${script})
		continue()
	endif()
	get_filename_component(name ${script} NAME)
	godwit_test(lint ${name} 120 ${script})
endforeach()

# The checked model of docs/epochs.md has nothing to do with how the product was built: once is enough.
if(GODWIT_KIND STREQUAL release)
	godwit_test(model model 600 ${CMAKE_SOURCE_DIR}/tests/model/run)
endif()

# The lab: network namespaces and real daemons, as root. Exit code 77: it cannot run here.
file(GLOB scripts CONFIGURE_DEPENDS tests/lab/*.test)
foreach(script IN LISTS scripts)
	get_filename_component(name ${script} NAME_WE)
	# One builds all of it anew.
	set(timeout 600)
	if(name STREQUAL package)
		set(timeout 1500)
	endif()
	godwit_test(lab ${name} ${timeout} ${script})
	set_tests_properties(${GODWIT_KIND}/lab/${name} PROPERTIES
		RUN_SERIAL ON SKIP_RETURN_CODE 77)
endforeach()
