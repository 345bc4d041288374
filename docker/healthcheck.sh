#!/bin/sh
# Ask the page whether it is up. A container that does something else is well as long as it runs.
case "$(tr '\0' ' ' < "${COMMAND_OF_ONE:-/proc/1/cmdline}")" in
  *" serve "*) ;;
  *) exit 0 ;;
esac
exec python -c "import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=4)" \
  "${HEALTH_URL:-http://127.0.0.1:8350/health}"
