# SPDX-License-Identifier: Apache-2.0
if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test-cidr
TESTS += tests/unit/test-cidr
tests_unit_test_cidr_SOURCES = tests/unit/test-cidr.c
tests_unit_test_cidr_LDADD = $(BASE_LA) $(CMOCKA_LIBS) $(BASE_LIBS)
endif
