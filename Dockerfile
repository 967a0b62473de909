# Written, not built by our CI: there is no container engine where it runs.
FROM python:3.13-slim AS build
WORKDIR /src
COPY constraints.txt pyproject.toml README.md LICENSE ./
COPY src ./src
RUN python -m venv /opt/lingpai \
 && /opt/lingpai/bin/pip install --no-cache-dir --require-hashes -r constraints.txt \
 && /opt/lingpai/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.13-slim
RUN useradd --system --uid 10001 --home-dir /var/lib/lingpai lingpai \
 && install -d -o lingpai -g lingpai -m 0700 /var/lib/lingpai
COPY --from=build /opt/lingpai /opt/lingpai
USER lingpai
WORKDIR /var/lib/lingpai
ENV PATH=/opt/lingpai/bin:$PATH PYTHONUNBUFFERED=1 \
    LINGPAI_HOST=0.0.0.0 LINGPAI_PORT=8000 LINGPAI_DATA=/var/lib/lingpai
VOLUME /var/lib/lingpai
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s CMD \
  ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/health/live', timeout=2)"]
CMD ["lingpai", "serve"]
