# SPDX-License-Identifier: Apache-2.0
# IMPEL_WARNINGS - WARN_CFLAGS holds the strict warnings that this compiler
# knows, STRICT_CFLAGS those for the layers that handle outside integers.
AC_DEFUN([IMPEL_TRY_FLAG], [
    AC_MSG_CHECKING([whether $CC knows $2])
    impel_saved_cflags=$CFLAGS
    CFLAGS="$CFLAGS -Werror $2"
    AC_COMPILE_IFELSE([AC_LANG_SOURCE([int main(void) { return 0; }])],
        [AC_MSG_RESULT([yes]); $1="$$1 $2"], [AC_MSG_RESULT([no])])
    CFLAGS=$impel_saved_cflags
])
AC_DEFUN([IMPEL_WARNINGS], [
    AC_ARG_ENABLE([werror],
        [AS_HELP_STRING([--enable-werror], [treat warnings as errors])])
    WARN_CFLAGS="-Wall -Wextra"
    for impel_flag in -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla \
        -Wformat=2 -Wpointer-arith -Wundef -Wwrite-strings; do
        IMPEL_TRY_FLAG([WARN_CFLAGS], [$impel_flag])
    done
    # gcc for 32 bits says of each _Atomic uint64_t in a struct that gcc 10 laid
    # it out differently; what crosses a border here has none.
    IMPEL_TRY_FLAG([WARN_CFLAGS], [-Wno-psabi])
    STRICT_CFLAGS=
    IMPEL_TRY_FLAG([STRICT_CFLAGS], [-Wconversion])
    AS_IF([test "$enable_werror" = yes], [WARN_CFLAGS="$WARN_CFLAGS -Werror"])
    AC_SUBST([WARN_CFLAGS])
    AC_SUBST([STRICT_CFLAGS])
])
