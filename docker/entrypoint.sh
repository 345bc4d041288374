#!/bin/sh
# Start `screener`, or `training` where that is the first word. On a read-only file system the compiled code moves to
# /tmp, so that what has to be compiled anew, on another processor, is kept while the container runs.
set -eu
if ! { mkdir -p "$NUMBA_CACHE_DIR" && touch "$NUMBA_CACHE_DIR/.writable"; } 2>/dev/null; then
  warm=$NUMBA_CACHE_DIR
  NUMBA_CACHE_DIR=${TMPDIR:-/tmp}/numba
  export NUMBA_CACHE_DIR
  if [ ! -d "$NUMBA_CACHE_DIR" ]; then
    mkdir -p "$NUMBA_CACHE_DIR" || {
      echo "error: neither $warm nor $NUMBA_CACHE_DIR can be written" >&2
      echo >&2
      echo "hint: add --tmpfs /tmp to docker run" >&2
      exit 2
    }
    if [ -d "$warm" ]; then cp -r "$warm/." "$NUMBA_CACHE_DIR/"; fi
  fi
fi
case "${1:-}" in
  training) exec "$@" ;;
  *) exec screener "$@" ;;
esac
