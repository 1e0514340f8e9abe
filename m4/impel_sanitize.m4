# SPDX-License-Identifier: Apache-2.0
# IMPEL_SANITIZE - --enable-asan, -tsan, -fuzz and -coverage.
AC_DEFUN([IMPEL_SANITIZE], [
    SANITIZE_CFLAGS=
    AC_ARG_ENABLE([asan], [AS_HELP_STRING([--enable-asan],
        [build with the address and undefined-behaviour sanitizers])])
    AC_ARG_ENABLE([tsan], [AS_HELP_STRING([--enable-tsan],
        [build with the thread sanitizer])])
    AC_ARG_ENABLE([fuzz], [AS_HELP_STRING([--enable-fuzz],
        [build the fuzz targets with libFuzzer (clang)])])
    AC_ARG_ENABLE([coverage], [AS_HELP_STRING([--enable-coverage],
        [build for gcov])])
    AS_IF([test "$enable_asan" = yes && test "$enable_tsan" = yes],
        [AC_MSG_ERROR([--enable-asan and --enable-tsan exclude each other])])
    AS_IF([test "$enable_asan" = yes], [SANITIZE_CFLAGS="-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer"])
    AS_IF([test "$enable_tsan" = yes], [SANITIZE_CFLAGS="-fsanitize=thread"])
    AS_IF([test "$enable_coverage" = yes], [SANITIZE_CFLAGS="$SANITIZE_CFLAGS --coverage"])
    AS_IF([test "$enable_fuzz" = yes], [SANITIZE_CFLAGS="$SANITIZE_CFLAGS -fsanitize=fuzzer-no-link"])
    AM_CONDITIONAL([SANITIZED], [test -n "$SANITIZE_CFLAGS"])
    AM_CONDITIONAL([FUZZ], [test "$enable_fuzz" = yes])
    AC_SUBST([SANITIZE_CFLAGS])
])
