# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += core/intake/libintake.a
core_intake_libintake_a_SOURCES = \
	core/intake/intake.c core/intake/intake.h core/intake/intake_int.h \
	core/intake/intake_options.c core/intake/intake_options.h \
	core/intake/intakeapi.c core/intake/intakeapi.h \
	core/intake/listener.c core/intake/listener.h \
	core/intake/policy.c core/intake/policy.h \
	core/intake/receive.c core/intake/receive.h \
	core/intake/trace.c core/intake/trace.h
