# SPDX-License-Identifier: Apache-2.0
# libimpel-ecstream: mail into Impel, for programs of others (docs/ecstream.md,
# section 8).  Frames and tags are those of the module, compiled once more.
impelinclude_HEADERS += include/impel/ecstream.h
pkgconfigdir = $(libdir)/pkgconfig
pkgconfig_DATA = lib/ecstream/libimpel-ecstream.pc
ECS_SOURCES = \
	lib/ecstream/answer.c \
	lib/ecstream/letter.c \
	lib/ecstream/plug.c lib/ecstream/plug.h lib/ecstream/plug_tls.c \
	lib/ecstream/stream.c lib/ecstream/stream.h \
	lib/ecstream/taking.c \
	modules/ecstream/frame.c modules/ecstream/frame.h \
	modules/ecstream/tags.c modules/ecstream/tags.h
ECS_CPP = $(FEATURES) -I$(top_srcdir)/include -I$(top_srcdir)/lib/ecstream \
	-I$(top_srcdir)/modules/ecstream
ECS_CC = $(AM_CFLAGS) $(STRICT_CFLAGS) $(GNUTLS_CFLAGS)
EXTRA_DIST += lib/ecstream/libimpel-ecstream.map lib/ecstream/names.h

# current:revision:age.  A function or a member at an end more: current + 1,
# age + 1, revision 0.  What breaks a program that exists: current + 1, age 0,
# and a version of its own in the map.
lib_LTLIBRARIES += lib/ecstream/libimpel-ecstream.la
lib_ecstream_libimpel_ecstream_la_SOURCES = $(ECS_SOURCES)
lib_ecstream_libimpel_ecstream_la_CPPFLAGS = $(ECS_CPP)
lib_ecstream_libimpel_ecstream_la_CFLAGS = $(ECS_CC)
lib_ecstream_libimpel_ecstream_la_LDFLAGS = $(AM_LDFLAGS) -no-undefined \
	-version-info 0:0:0 -shared $(MODULE_STRICT) -Wl,-z,now \
	-Wl,--version-script=$(top_srcdir)/lib/ecstream/libimpel-ecstream.map
lib_ecstream_libimpel_ecstream_la_LIBADD = $(GNUTLS_LIBS)
EXTRA_lib_ecstream_libimpel_ecstream_la_DEPENDENCIES = \
	lib/ecstream/libimpel-ecstream.map

# The archive, which the program impel has within, too.
lib_LIBRARIES += lib/ecstream/libimpel-ecstream.a
lib_ecstream_libimpel_ecstream_a_SOURCES = $(ECS_SOURCES)
lib_ecstream_libimpel_ecstream_a_CPPFLAGS = $(ECS_CPP) \
	-include $(top_srcdir)/lib/ecstream/names.h
lib_ecstream_libimpel_ecstream_a_CFLAGS = $(ECS_CC)

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test-ecstream-frames \
	tests/unit/test-ecstream-library
TESTS += tests/unit/test-ecstream-frames tests/unit/test-ecstream-library
ECS_PEER = tests/unit/ecstream_peer.c tests/unit/ecstream_peer.h \
	modules/ecstream/frame.c
tests_unit_test_ecstream_frames_SOURCES = \
	tests/unit/test-ecstream-frames.c $(ECS_PEER)
tests_unit_test_ecstream_frames_CPPFLAGS = $(ECS_CPP) -I$(top_srcdir)/core
tests_unit_test_ecstream_frames_LDADD = \
	$(tests_unit_test_ecstream_library_LDADD)
check_PROGRAMS += tests/unit/test-plug
TESTS += tests/unit/test-plug
tests_unit_test_plug_SOURCES = tests/unit/test-plug.c lib/ecstream/plug_tls.c
tests_unit_test_plug_CPPFLAGS = $(ECS_CPP) -I$(top_srcdir)/core
tests_unit_test_plug_LDADD = $(BASE_LA) $(CMOCKA_LIBS) $(GNUTLS_LIBS) \
	$(BASE_LIBS)
tests_unit_test_ecstream_library_SOURCES = \
	tests/unit/test-ecstream-library.c $(ECS_PEER)
tests_unit_test_ecstream_library_CPPFLAGS = $(ECS_CPP) -I$(top_srcdir)/core
tests_unit_test_ecstream_library_LDADD = lib/ecstream/libimpel-ecstream.a \
	$(BASE_LA) $(CMOCKA_LIBS) $(GNUTLS_LIBS) $(BASE_LIBS)
endif

check_PROGRAMS += tests/fuzz/fuzz-ecstream-library
if !FUZZ
TESTS += tests/fuzz/fuzz-ecstream-library
endif
tests_fuzz_fuzz_ecstream_library_SOURCES = \
	tests/fuzz/fuzz-ecstream-library.c $(FUZZ_MAIN)
tests_fuzz_fuzz_ecstream_library_CPPFLAGS = $(ECS_CPP) \
	-DFUZZ_CORPUS='"$(top_srcdir)/tests/fuzz/corpus/ecstream-library"'
tests_fuzz_fuzz_ecstream_library_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_ecstream_library_LDADD = \
	lib/ecstream/libimpel-ecstream.a $(GNUTLS_LIBS)
