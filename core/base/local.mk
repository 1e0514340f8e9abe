# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += core/base/libbase.a
core_base_libbase_a_SOURCES = \
	core/base/address.c core/base/address.h \
	core/base/arena.c core/base/arena.h \
	core/base/banned.h \
	core/base/base64.c core/base/base64.h \
	core/base/bins.c core/base/bins.h \
	core/base/bits.h \
	core/base/budget.c core/base/budget.h \
	core/base/buf.c core/base/buf.h \
	core/base/bug.c core/base/bug.h \
	core/base/chains.c core/base/chains.h \
	core/base/cidr.c core/base/cidr.h \
	core/base/clock.c core/base/clock.h \
	core/base/cursor.h \
	core/base/err.c core/base/err.h \
	core/base/file.c core/base/file.h \
	core/base/heap.c core/base/heap.h \
	core/base/idna.c core/base/idna.h \
	core/base/libc.h \
	core/base/line.c core/base/line.h \
	core/base/list.h \
	core/base/log.c core/base/log.h \
	core/base/macros.h \
	core/base/magic.h \
	core/base/manager.c core/base/manager.h \
	core/base/map.c core/base/map.h \
	core/base/num.c core/base/num.h \
	core/base/secret.c core/base/secret.h \
	core/base/slab.c core/base/slab.h \
	core/base/str.c core/base/str.h \
	core/base/sum.h \
	core/base/tokens.c core/base/tokens.h \
	core/base/utf8.c core/base/utf8.h \
	core/base/xmem.c core/base/xmem.h
core_base_libbase_a_CFLAGS = $(AM_CFLAGS) $(STRICT_CFLAGS)

EXTRA_DIST += tests/unit/unit.h
if HAVE_CMOCKA
base_tests = \
	tests/unit/test-address \
	tests/unit/test-arena \
	tests/unit/test-base64 \
	tests/unit/test-budget \
	tests/unit/test-bins \
	tests/unit/test-buf \
	tests/unit/test-chains \
	tests/unit/test-clock \
	tests/unit/test-err \
	tests/unit/test-file \
	tests/unit/test-heap \
	tests/unit/test-idna \
	tests/unit/test-log \
	tests/unit/test-manager \
	tests/unit/test-map \
	tests/unit/test-num \
	tests/unit/test-str \
	tests/unit/test-utf8
check_PROGRAMS += $(base_tests)
TESTS += $(base_tests)
base_test_libs = $(BASE_LA) $(CMOCKA_LIBS) $(BASE_LIBS)
tests_unit_test_address_SOURCES = tests/unit/test-address.c
tests_unit_test_address_LDADD = $(base_test_libs)
tests_unit_test_arena_SOURCES = tests/unit/test-arena.c
tests_unit_test_arena_LDADD = $(base_test_libs)
tests_unit_test_base64_SOURCES = tests/unit/test-base64.c
tests_unit_test_base64_LDADD = $(base_test_libs)
tests_unit_test_budget_SOURCES = tests/unit/test-budget.c
tests_unit_test_budget_LDADD = $(base_test_libs)
tests_unit_test_bins_SOURCES = tests/unit/test-bins.c
tests_unit_test_bins_LDADD = $(base_test_libs)
tests_unit_test_buf_SOURCES = tests/unit/test-buf.c
tests_unit_test_buf_LDADD = $(base_test_libs)
tests_unit_test_idna_SOURCES = tests/unit/test-idna.c
tests_unit_test_idna_LDADD = $(base_test_libs)
tests_unit_test_chains_SOURCES = tests/unit/test-chains.c
tests_unit_test_chains_LDADD = $(base_test_libs)
tests_unit_test_clock_SOURCES = tests/unit/test-clock.c
tests_unit_test_clock_LDADD = $(base_test_libs)
tests_unit_test_err_SOURCES = tests/unit/test-err.c
tests_unit_test_err_LDADD = $(base_test_libs)
tests_unit_test_file_SOURCES = tests/unit/test-file.c
tests_unit_test_file_LDADD = $(base_test_libs)
tests_unit_test_heap_SOURCES = tests/unit/test-heap.c
tests_unit_test_heap_LDADD = $(base_test_libs)
tests_unit_test_log_SOURCES = tests/unit/test-log.c
tests_unit_test_log_LDADD = $(base_test_libs)
tests_unit_test_manager_SOURCES = tests/unit/test-manager.c \
	tests/unit/fake_manager.c tests/unit/fake_manager.h
tests_unit_test_manager_LDADD = $(base_test_libs)
tests_unit_test_map_SOURCES = tests/unit/test-map.c
tests_unit_test_map_LDADD = $(base_test_libs)
tests_unit_test_num_SOURCES = tests/unit/test-num.c
tests_unit_test_num_LDADD = $(base_test_libs)
tests_unit_test_str_SOURCES = tests/unit/test-str.c
tests_unit_test_str_LDADD = $(base_test_libs)
tests_unit_test_utf8_SOURCES = tests/unit/test-utf8.c
tests_unit_test_utf8_LDADD = $(base_test_libs)
endif
