# Compiler flags of the house: warnings, sanitizers, hardening.

AC_DEFUN([PH_TRY_CFLAG], [
  AS_VAR_PUSHDEF([var], [ph_cv_cflag_$1])
  AC_CACHE_CHECK([whether $CC takes $1], [var], [
    ph_save="$CFLAGS"; CFLAGS="$CFLAGS -Werror $1"
    AC_COMPILE_IFELSE([AC_LANG_PROGRAM()], [AS_VAR_SET([var], [yes])], [AS_VAR_SET([var], [no])])
    CFLAGS="$ph_save"])
  AS_VAR_IF([var], [yes], [$2="$$2 $1"])
  AS_VAR_POPDEF([var])])

AC_DEFUN([PH_COMPILER_WARNINGS], [
  AC_ARG_ENABLE([werror], [AS_HELP_STRING([--enable-werror], [treat warnings as errors])],
    [ph_werror=$enableval], [ph_werror=no])
  WARN_CFLAGS="-std=gnu11"
  m4_foreach_w([flag], [-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes
    -Wmissing-declarations -Wold-style-definition -Wpointer-arith -Wcast-qual -Wwrite-strings
    -Wundef -Wvla -Wformat=2 -Wswitch-enum -Wimplicit-fallthrough -Wnull-dereference
    -Wconversion -Wno-sign-conversion -Wduplicated-cond -Wduplicated-branches -Wlogical-op
    -Wjump-misses-init], [PH_TRY_CFLAG(flag, [WARN_CFLAGS])])
  AS_VAR_IF([ph_werror], [yes], [WARN_CFLAGS="$WARN_CFLAGS -Werror"])
  # Scanners and parsers that flex and bison write do not follow our warnings.
  GENERATED_CFLAGS="-std=gnu11 -Wall"
  AC_SUBST([WARN_CFLAGS])
  AC_SUBST([GENERATED_CFLAGS])])

AC_DEFUN([PH_SANITIZE], [
  AC_ARG_ENABLE([sanitize],
    [AS_HELP_STRING([--enable-sanitize=LIST], [build with sanitizers, for instance address,undefined or thread])],
    [ph_sanitize=$enableval], [ph_sanitize=no])
  AS_CASE([$ph_sanitize], [no], [ph_sanitize=], [yes], [ph_sanitize=address,undefined])
  AS_VAR_IF([ph_sanitize], [], [], [
    SAN_CFLAGS="-fsanitize=$ph_sanitize -fno-sanitize-recover=all -fno-omit-frame-pointer"
    AC_DEFINE([PH_SANITIZED], [1], [a sanitizer build: plugins stay mapped until exit])
    AS_CASE([$ph_sanitize], [*thread*], [AC_DEFINE([PH_TSAN], [1], [built for ThreadSanitizer])])])
  AM_CONDITIONAL([SANITIZED], [test -n "$ph_sanitize"])
  AC_SUBST([SAN_CFLAGS])])

AC_DEFUN([PH_HARDENING], [
  HARDEN_CFLAGS="-fstack-protector-strong -fPIC"
  HARDEN_LDFLAGS="-Wl,-z,relro,-z,now"
  AS_VAR_IF([ph_sanitize], [], [
    AS_CASE([" $CFLAGS "], [*-O0*], [], [HARDEN_CFLAGS="$HARDEN_CFLAGS -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2"])])
  AC_SUBST([HARDEN_CFLAGS])
  AC_SUBST([HARDEN_LDFLAGS])])
