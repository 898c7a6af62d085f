# One recipe for every unit: docker build --build-arg UNIT=budget -t cahier-budget .
#
# Units share the layer of dependencies, so that a node fetches it once; a unit's own layer holds
# the workspace packages that it imports and nothing else.
ARG PYTHON_IMAGE=docker.io/library/python:3.11-slim

FROM ${PYTHON_IMAGE} AS dependencies
# Where packages come from, for who keeps a mirror; not stored in the final image.
ARG PIP_INDEX_URL
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements.txt /src/
RUN python3 -m venv /opt/cahier \
 && /opt/cahier/bin/pip install --quiet --require-hashes -r /src/requirements.txt

FROM dependencies AS packages
COPY libs /src/libs
COPY services /src/services
COPY apps /src/apps
COPY scripts/unit_packages.py /src/scripts/
ARG UNIT
RUN test -n "$UNIT" || { echo "say which unit: --build-arg UNIT=budget" >&2; exit 1; }; \
    /opt/cahier/bin/python /src/scripts/unit_packages.py "cahier-$UNIT" > /src/packages \
 && /opt/cahier/bin/pip install --quiet --no-deps --no-build-isolation \
      --target /opt/unit -r /src/packages

FROM ${PYTHON_IMAGE}
RUN groupadd --gid 10001 cahier \
 && useradd --uid 10001 --gid cahier --no-create-home --home-dir /nonexistent \
      --shell /usr/sbin/nologin cahier \
 && install -d -o cahier -g cahier /data
COPY --from=dependencies /opt/cahier /opt/cahier
ENV PATH=/opt/cahier/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /data
USER 10001:10001
# From here on units differ.
COPY --from=packages /opt/unit /opt/cahier/lib/python3.11/site-packages
ARG UNIT
ENV UNIT=${UNIT}
LABEL org.opencontainers.image.title="cahier-${UNIT}" \
      org.opencontainers.image.licenses="Apache-2.0"
STOPSIGNAL SIGTERM
# `exec` hands signals to Python itself; arguments, such as --role or --migrate, go on to the unit.
ENTRYPOINT ["/bin/sh", "-c", "exec python -m cahier_$UNIT \"$@\"", "cahier"]
