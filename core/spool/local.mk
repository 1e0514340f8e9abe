# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += core/spool/libspool.a
core_spool_libspool_a_SOURCES = \
	core/spool/append.c core/spool/append.h \
	core/spool/bodyhash.c core/spool/bodyhash.h \
	core/spool/check.c \
	core/spool/compact.c core/spool/compact.h core/spool/compact_int.h \
	core/spool/copy.c \
	core/spool/content.c core/spool/content.h core/spool/content_int.h \
	core/spool/entity.c core/spool/entity.h \
	core/spool/envelope.c core/spool/envelope.h \
	core/spool/export.c core/spool/export.h \
	core/spool/exportlist.c core/spool/exportlist.h \
	core/spool/idset.c core/spool/idset.h \
	core/spool/index.c core/spool/index.h \
	core/spool/keeper.c core/spool/keeper.h \
	core/spool/large.c core/spool/large.h \
	core/spool/liveness.c core/spool/liveness.h \
	core/spool/message.c core/spool/message.h \
	core/spool/ordinary.c core/spool/ordinary.h \
	core/spool/packer.c core/spool/packer.h \
	core/spool/pending.c core/spool/pending.h \
	core/spool/prepare.c core/spool/prepare.h \
	core/spool/reader.c core/spool/reader.h \
	core/spool/record.c core/spool/record.h \
	core/spool/recover.c core/spool/recover.h \
	core/spool/render.c core/spool/render.h \
	core/spool/segment.c core/spool/segment.h \
	core/spool/sevenbit.c core/spool/sevenbit.h \
	core/spool/source.c core/spool/source.h \
	core/spool/spool.c core/spool/spool.h core/spool/spool_int.h \
	core/spool/spool_options.c core/spool/spool_options.h \
	core/spool/spooldir.c core/spool/spooldir.h \
	core/spool/state.c core/spool/state.h core/spool/values.c \
	core/spool/values.h \
	core/spool/sysio.c core/spool/sysio.h \
	core/spool/trouble.c core/spool/trouble.h \
	core/spool/wire.h \
	core/spool/writer.c core/spool/writer.h
core_spool_libspool_a_CFLAGS = $(AM_CFLAGS)

if HAVE_CMOCKA
spool_tests = \
	tests/unit/test-content \
	tests/unit/test-export \
	tests/unit/test-liveness \
	tests/unit/test-ordinary \
	tests/unit/test-record \
	tests/unit/test-render \
	tests/unit/test-segment \
	tests/unit/test-source \
	tests/unit/test-spool \
	tests/unit/test-spool-damage \
	tests/unit/test-spool-start \
	tests/unit/test-state \
	tests/unit/test-spool-faults \
	tests/unit/test-spool-model
check_PROGRAMS += $(spool_tests)
TESTS += $(spool_tests)
spool_kit = tests/unit/spool_kit.c tests/unit/spool_kit.h
sim_disk = tests/unit/sim_disk.c tests/unit/sim_disk.h
spool_test_libs = core/spool/libspool.a core/loop/libloop.a $(BASE_LA) \
	$(CMOCKA_LIBS) $(SPOOL_LIBS)
tests_unit_test_export_SOURCES = tests/unit/test-export.c $(spool_kit)
tests_unit_test_export_LDADD = $(spool_test_libs)
tests_unit_test_liveness_SOURCES = tests/unit/test-liveness.c
tests_unit_test_liveness_LDADD = $(spool_test_libs)
tests_unit_test_record_SOURCES = tests/unit/test-record.c
tests_unit_test_record_LDADD = $(spool_test_libs)
tests_unit_test_segment_SOURCES = tests/unit/test-segment.c
tests_unit_test_segment_LDADD = $(spool_test_libs)
tests_unit_test_source_SOURCES = tests/unit/test-source.c $(spool_kit)
tests_unit_test_source_LDADD = $(spool_test_libs)
tests_unit_test_spool_SOURCES = tests/unit/test-spool.c $(spool_kit)
tests_unit_test_spool_LDADD = $(spool_test_libs)
tests_unit_test_spool_damage_SOURCES = tests/unit/test-spool-damage.c $(spool_kit)
tests_unit_test_spool_damage_LDADD = $(spool_test_libs)
tests_unit_test_state_SOURCES = tests/unit/test-state.c $(spool_kit)
tests_unit_test_state_LDADD = $(spool_test_libs)
tests_unit_test_spool_start_SOURCES = tests/unit/test-spool-start.c $(spool_kit)
tests_unit_test_spool_start_LDADD = $(spool_test_libs)
tests_unit_test_content_SOURCES = tests/unit/test-content.c $(spool_kit)
tests_unit_test_content_LDADD = $(spool_test_libs)
tests_unit_test_ordinary_SOURCES = tests/unit/test-ordinary.c $(spool_kit)
tests_unit_test_ordinary_LDADD = $(spool_test_libs)
tests_unit_test_render_SOURCES = tests/unit/test-render.c $(spool_kit)
tests_unit_test_render_LDADD = $(spool_test_libs)
tests_unit_test_spool_faults_SOURCES = tests/unit/test-spool-faults.c \
	$(spool_kit) $(sim_disk)
tests_unit_test_spool_faults_LDADD = $(spool_test_libs)
tests_unit_test_spool_model_SOURCES = tests/unit/test-spool-model.c \
	$(spool_kit) $(sim_disk)
tests_unit_test_spool_model_LDADD = $(spool_test_libs)
endif

noinst_PROGRAMS += tests/bench/spool-bench
tests_bench_spool_bench_SOURCES = tests/bench/spool-bench.c
tests_bench_spool_bench_LDADD = core/spool/libspool.a core/loop/libloop.a \
	$(BASE_LA) $(SPOOL_LIBS)

check_PROGRAMS += tests/fuzz/fuzz-export
TESTS += tests/fuzz/fuzz-export
tests_fuzz_fuzz_export_SOURCES = tests/fuzz/fuzz-export.c $(FUZZ_MAIN)
tests_fuzz_fuzz_export_CPPFLAGS = $(AM_CPPFLAGS) \
	-DFUZZ_CORPUS='"$(top_srcdir)/tests/fuzz/corpus/export"'
tests_fuzz_fuzz_export_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_export_LDADD = core/spool/libspool.a core/loop/libloop.a \
	$(BASE_LA) $(SPOOL_LIBS)

check_PROGRAMS += tests/fuzz/fuzz-record
TESTS += tests/fuzz/fuzz-record
tests_fuzz_fuzz_record_SOURCES = tests/fuzz/fuzz-record.c $(FUZZ_MAIN)
tests_fuzz_fuzz_record_CPPFLAGS = $(AM_CPPFLAGS) \
	-DFUZZ_CORPUS='"$(top_srcdir)/tests/fuzz/corpus/record"'
tests_fuzz_fuzz_record_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_record_LDADD = core/spool/libspool.a core/loop/libloop.a \
	$(BASE_LA) $(SPOOL_LIBS)
