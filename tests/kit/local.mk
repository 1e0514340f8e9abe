# SPDX-License-Identifier: Apache-2.0
# null.c in the place of modules/lmtp, for tests of routing: found by use of
# the method LMTP when its folder is on the module path.  Never installed.
check_LTLIBRARIES += tests/kit/standin/lmtp.la
tests_kit_standin_lmtp_la_SOURCES = modules/null/null.c
tests_kit_standin_lmtp_la_CPPFLAGS = $(MODULE_CPP) -DNULL_ID=lmtp \
	-DNULL_METHOD='"LMTP"' -DNULL_DIAL='"true"' -DNULL_PORT=24
tests_kit_standin_lmtp_la_CFLAGS = $(MODULE_CC)
tests_kit_standin_lmtp_la_LDFLAGS = $(MODULE_LD) -rpath /nonexistent
