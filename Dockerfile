# The engine with its models, without training and torch.
#   docker build -t alloy-screener .
#   docker run --rm -v "$PWD":/work alloy-screener enumerate --elements Al,Ti,Cr -o best.csv

FROM python:3.11-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY screener screener
COPY training training
COPY models models
RUN python -m pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:3.11-slim AS runtime
COPY --from=build /wheels /wheels
RUN python -m pip install --no-cache-dir /wheels/*.whl && rm -r /wheels
RUN useradd --create-home --uid 1000 screener && mkdir -p /work && chown screener /work
USER screener
# Compiled code is kept for the processor it was made on; on another one the first run compiles again, into the same
# folder, which therefore stays writable.
ENV NUMBA_CACHE_DIR=/home/screener/.cache/numba
RUN mkdir -p "$NUMBA_CACHE_DIR" && screener enumerate --elements Al,Ti,Cr --quiet -o - > /dev/null
WORKDIR /work
ENTRYPOINT ["screener"]
CMD ["--help"]
