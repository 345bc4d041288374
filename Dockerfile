# The engine with its models, reports and page, without training and torch:
#   docker build -t alloy-screener .
#   docker run --rm --read-only --tmpfs /tmp -v "$PWD":/data alloy-screener enumerate --elements Al,Ti,Cr -o best.csv
#   docker run --rm --read-only --tmpfs /tmp -p 127.0.0.1:8350:8350 alloy-screener serve --host 0.0.0.0
# For a GPU: --build-arg EXTRAS=report,serve,gpu, and docker run --gpus all. With training: --target training.
# docs/howto/container.md says which of this was run.
FROM python:3.11-slim-bookworm AS build
ARG EXTRAS=report,serve
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY screener screener
COPY training training
COPY models models
RUN python -m venv /opt/screener && /opt/screener/bin/python -m pip install --no-cache-dir ".[$EXTRAS]"

FROM build AS build-training
RUN /opt/screener/bin/python -m pip install --no-cache-dir ".[$EXTRAS,training]"

FROM python:3.11-slim-bookworm AS base
RUN useradd --create-home --uid 1000 screener && mkdir /data && chown screener /data
COPY docker/entrypoint.sh docker/healthcheck.sh /usr/local/bin/
# Compiled code is kept for the processor it was made on; on another one the first run compiles again.
ENV PATH=/opt/screener/bin:$PATH NUMBA_CACHE_DIR=/home/screener/numba PYTHONDONTWRITEBYTECODE=1 MPLCONFIGDIR=/tmp
WORKDIR /data
ENTRYPOINT ["entrypoint.sh"]
CMD ["--help"]
EXPOSE 8350
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["healthcheck.sh"]

FROM base AS training
COPY --from=build-training /opt/screener /opt/screener
USER 1000
RUN mkdir -p "$NUMBA_CACHE_DIR" && screener enumerate --elements Al,Ti,Cr --quiet -o - > /dev/null

FROM base AS runtime
COPY --from=build /opt/screener /opt/screener
USER 1000
RUN mkdir -p "$NUMBA_CACHE_DIR" && screener enumerate --elements Al,Ti,Cr --quiet -o - > /dev/null
