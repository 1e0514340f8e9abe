# SPDX-License-Identifier: Apache-2.0
# Fuzz targets of more than one layer, and how all of them are run: over their
# corpus in every check, with libFuzzer by `make fuzz`.  FUZZ_MAIN and FUZZ_LINK
# are those of modules/lib.
EXTRA_DIST += tests/fuzz/corpus tests/fuzz/parts.h tests/fuzz/rows.h \
	tests/fuzz/run tests/fuzz/standalone.c
FUZZ_CORE = tests/fuzz/fuzz-address tests/fuzz/fuzz-dsn \
	tests/fuzz/fuzz-fields tests/fuzz/fuzz-header \
	tests/fuzz/fuzz-maillog tests/fuzz/fuzz-oob tests/fuzz/fuzz-ordinary \
	tests/fuzz/fuzz-override tests/fuzz/fuzz-param \
	tests/fuzz/fuzz-render tests/fuzz/fuzz-sasl tests/fuzz/fuzz-sevenbit \
	tests/fuzz/fuzz-token tests/fuzz/fuzz-value
check_PROGRAMS += $(FUZZ_CORE) tests/fuzz/fuzz-body
if !FUZZ
TESTS += $(FUZZ_CORE) tests/fuzz/fuzz-body
endif
FUZZ_CORPORA = $(top_srcdir)/tests/fuzz/corpus
FUZZ_LD = $(AM_LDFLAGS) $(FUZZ_LINK)
FUZZ_CORE_LA = $(INTAKE_LA) core/ctl/libctl.a $(INTAKE_LA) $(XPORT_LIBS)
tests_fuzz_fuzz_address_SOURCES = tests/fuzz/fuzz-address.c $(FUZZ_MAIN)
tests_fuzz_fuzz_address_CPPFLAGS = $(AM_CPPFLAGS) \
	-DFUZZ_CORPUS='"$(FUZZ_CORPORA)/address"'
tests_fuzz_fuzz_address_LDFLAGS = $(FUZZ_LD)
tests_fuzz_fuzz_address_LDADD = $(BASE_LA) $(BASE_LIBS)
tests_fuzz_fuzz_dsn_SOURCES = tests/fuzz/fuzz-dsn.c $(FUZZ_MAIN)
tests_fuzz_fuzz_dsn_CPPFLAGS = $(AM_CPPFLAGS) \
	-DFUZZ_CORPUS='"$(FUZZ_CORPORA)/dsn"'
tests_fuzz_fuzz_dsn_LDFLAGS = $(FUZZ_LD)
tests_fuzz_fuzz_dsn_LDADD = $(FUZZ_CORE_LA)
tests_fuzz_fuzz_fields_SOURCES = tests/fuzz/fuzz-fields.c $(FUZZ_MAIN)
tests_fuzz_fuzz_fields_CPPFLAGS = $(AM_CPPFLAGS) \
	-DFUZZ_CORPUS='"$(FUZZ_CORPORA)/fields"'
tests_fuzz_fuzz_fields_LDFLAGS = $(FUZZ_LD)
tests_fuzz_fuzz_fields_LDADD = $(FUZZ_CORE_LA)
tests_fuzz_fuzz_header_SOURCES = tests/fuzz/fuzz-header.c $(FUZZ_MAIN)
tests_fuzz_fuzz_header_CPPFLAGS = $(AM_CPPFLAGS) \
	-DFUZZ_CORPUS='"$(FUZZ_CORPORA)/header"'
tests_fuzz_fuzz_header_LDFLAGS = $(FUZZ_LD)
tests_fuzz_fuzz_header_LDADD = $(FUZZ_CORE_LA)
tests_fuzz_fuzz_maillog_SOURCES = tests/fuzz/fuzz-maillog.c $(FUZZ_MAIN)
tests_fuzz_fuzz_maillog_CPPFLAGS = $(AM_CPPFLAGS) \
	-DFUZZ_CORPUS='"$(FUZZ_CORPORA)/maillog"'
tests_fuzz_fuzz_maillog_LDFLAGS = $(FUZZ_LD)
tests_fuzz_fuzz_maillog_LDADD = $(FUZZ_CORE_LA)
tests_fuzz_fuzz_oob_SOURCES = tests/fuzz/fuzz-oob.c $(FUZZ_MAIN)
tests_fuzz_fuzz_oob_CPPFLAGS = $(AM_CPPFLAGS) \
	-DFUZZ_CORPUS='"$(FUZZ_CORPORA)/oob"'
tests_fuzz_fuzz_oob_LDFLAGS = $(FUZZ_LD)
tests_fuzz_fuzz_oob_LDADD = core/intake/libintake.a $(BASE_LA) $(BASE_LIBS)
tests_fuzz_fuzz_override_SOURCES = tests/fuzz/fuzz-override.c $(FUZZ_MAIN)
tests_fuzz_fuzz_override_CPPFLAGS = $(AM_CPPFLAGS) \
	-DFUZZ_CORPUS='"$(FUZZ_CORPORA)/override"'
tests_fuzz_fuzz_override_LDFLAGS = $(FUZZ_LD)
tests_fuzz_fuzz_override_LDADD = $(FUZZ_CORE_LA)
tests_fuzz_fuzz_param_SOURCES = tests/fuzz/fuzz-param.c $(FUZZ_MAIN)
tests_fuzz_fuzz_param_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/modules/lib \
	-DFUZZ_CORPUS='"$(FUZZ_CORPORA)/param"'
tests_fuzz_fuzz_param_LDFLAGS = $(FUZZ_LD)
tests_fuzz_fuzz_param_LDADD = modules/lib/libmodule.la $(BASE_LA) $(BASE_LIBS)
tests_fuzz_fuzz_render_SOURCES = tests/fuzz/fuzz-render.c $(FUZZ_MAIN)
tests_fuzz_fuzz_render_CPPFLAGS = $(AM_CPPFLAGS) \
	-DFUZZ_CORPUS='"$(FUZZ_CORPORA)/render"'
tests_fuzz_fuzz_render_LDFLAGS = $(FUZZ_LD)
tests_fuzz_fuzz_render_LDADD = $(FUZZ_CORE_LA)
tests_fuzz_fuzz_sasl_SOURCES = tests/fuzz/fuzz-sasl.c $(FUZZ_MAIN)
tests_fuzz_fuzz_sasl_CPPFLAGS = $(AM_CPPFLAGS) \
	-DFUZZ_CORPUS='"$(FUZZ_CORPORA)/sasl"'
tests_fuzz_fuzz_sasl_LDFLAGS = $(FUZZ_LD)
tests_fuzz_fuzz_sasl_LDADD = core/intake/libintake.a $(NET_LA) $(XPORT_LIBS)
tests_fuzz_fuzz_ordinary_SOURCES = tests/fuzz/fuzz-ordinary.c $(FUZZ_MAIN)
tests_fuzz_fuzz_ordinary_CPPFLAGS = $(AM_CPPFLAGS) \
	-DFUZZ_CORPUS='"$(FUZZ_CORPORA)/ordinary"'
tests_fuzz_fuzz_ordinary_LDFLAGS = $(FUZZ_LD)
tests_fuzz_fuzz_ordinary_LDADD = $(FUZZ_CORE_LA)
tests_fuzz_fuzz_sevenbit_SOURCES = tests/fuzz/fuzz-sevenbit.c $(FUZZ_MAIN)
tests_fuzz_fuzz_sevenbit_CPPFLAGS = $(AM_CPPFLAGS) \
	-DFUZZ_CORPUS='"$(FUZZ_CORPORA)/sevenbit"'
tests_fuzz_fuzz_sevenbit_LDFLAGS = $(FUZZ_LD)
tests_fuzz_fuzz_sevenbit_LDADD = core/spool/libspool.a $(BASE_LA) $(BASE_LIBS)
tests_fuzz_fuzz_token_SOURCES = tests/fuzz/fuzz-token.c $(FUZZ_MAIN)
tests_fuzz_fuzz_token_CPPFLAGS = $(AM_CPPFLAGS) \
	-DFUZZ_CORPUS='"$(FUZZ_CORPORA)/token"'
tests_fuzz_fuzz_token_LDFLAGS = $(FUZZ_LD)
tests_fuzz_fuzz_token_LDADD = core/intake/libintake.a $(NET_LA) $(XPORT_LIBS)
tests_fuzz_fuzz_value_SOURCES = tests/fuzz/fuzz-value.c $(FUZZ_MAIN)
tests_fuzz_fuzz_value_CPPFLAGS = $(AM_CPPFLAGS) \
	-DFUZZ_CORPUS='"$(FUZZ_CORPORA)/value"'
tests_fuzz_fuzz_value_LDFLAGS = $(FUZZ_LD)
tests_fuzz_fuzz_value_LDADD = $(FUZZ_CORE_LA)
tests_fuzz_fuzz_body_SOURCES = tests/fuzz/fuzz-body.c $(ESMTP_FUZZ_HOST) \
	$(FUZZ_MAIN)
tests_fuzz_fuzz_body_CPPFLAGS = $(ESMTP_FUZZ_CPP) \
	-DFUZZ_CORPUS='"$(FUZZ_CORPORA)/body"'
tests_fuzz_fuzz_body_LDFLAGS = $(FUZZ_LD)
tests_fuzz_fuzz_body_LDADD = $(ESMTP_FUZZ_LIB)

# `make fuzz SECONDS=n TARGETS="dns reply"`: each for n seconds, with clang, in
# a build of its own; what is found stays in fuzzing/found.  `make fuzz-merge`:
# what of it reaches new code and is small goes into the corpus.
SECONDS = 60
TARGETS =
.PHONY: fuzz fuzz-merge fuzz-build fuzz-programs
fuzz-programs:
	@list=; for p in $(check_PROGRAMS); do \
	    case $$p in tests/fuzz/*) list="$$list $$p";; esac; done; \
	$(MAKE) $$list
fuzz-build:
	@command -v clang >/dev/null || { \
	    echo "make fuzz: clang is missing (Debian: clang and llvm)"; exit 1; }
	test -f fuzzing/config.status || { $(MKDIR_P) fuzzing && cd fuzzing && \
	    $(abs_srcdir)/configure -q CC=clang CXX=clang++ --enable-fuzz \
	        --enable-asan CFLAGS='-g -O1'; }
	$(MAKE) -C fuzzing fuzz-programs
fuzz: fuzz-build
	$(srcdir)/tests/fuzz/run --seconds=$(SECONDS) fuzzing/tests/fuzz \
	    fuzzing/found $(TARGETS)
fuzz-merge: fuzz-build
	$(srcdir)/tests/fuzz/run --merge fuzzing/tests/fuzz fuzzing/found \
	    $(TARGETS)
