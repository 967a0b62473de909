# Written, not built by our CI: there is no container engine where it runs.
# Name the base by digest, which only your registry can tell: docker build --build-arg PYTHON_IMAGE=python:3.13-slim@sha256:… .
ARG PYTHON_IMAGE=python:3.13-slim

FROM ${PYTHON_IMAGE} AS build
WORKDIR /src
COPY constraints-run.txt constraints-build.txt pyproject.toml README.md LICENSE ./
COPY src ./src
RUN python -m venv /opt/lingpai && python -m venv /opt/build \
 && /opt/lingpai/bin/pip install --no-cache-dir --require-hashes -r constraints-run.txt \
 && /opt/build/bin/pip install --no-cache-dir --require-hashes -r constraints-build.txt \
 && /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheel . \
 && /opt/lingpai/bin/pip install --no-cache-dir --no-deps /wheel/*.whl

FROM ${PYTHON_IMAGE}
RUN useradd --system --uid 10001 --home-dir /var/lib/lingpai lingpai \
 && install -d -o lingpai -g lingpai -m 0700 /var/lib/lingpai
COPY --from=build /opt/lingpai /opt/lingpai
USER lingpai
WORKDIR /var/lib/lingpai
ENV PATH=/opt/lingpai/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    LINGPAI_HOST=0.0.0.0 LINGPAI_PORT=8000 LINGPAI_DATA=/var/lib/lingpai
VOLUME /var/lib/lingpai
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s CMD \
  ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/health/live', timeout=2)"]
CMD ["lingpai", "serve"]
