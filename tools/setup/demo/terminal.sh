# The terminal of the demo desktop: a greeting, then the user's own shell.
printf '\n  \033[1;36mPeerdeck demo desktop\033[0m\n\n'
printf '  This is a real X server on %s. What you see is\n' "$(uname -n)"
printf '  captured, encoded and sent to your browser; what you\n'
printf '  type comes back. Try:  ls   top   or the pond beside.\n\n'
cd "$HOME" 2>/dev/null || cd /
exec "${SHELL:-/bin/sh}"
