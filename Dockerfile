# The probe, its test helper and its lab from one image. Nothing runs as root.
#   docker run --rm -it --network host -v probe-results:/results censorprobe run
#   docker run --rm -p 8080:8080 censorprobe helper --listen 0.0.0.0:8080
#   docker run --rm --security-opt seccomp=unconfined --security-opt apparmor=unconfined censorprobe lab run great-firewall
# Host networking for `run`: a bridge answers DNS itself and hides the network that is to be measured.
FROM python:3.13.5-slim-bookworm AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE CHANGELOG.md ./
COPY probe probe
COPY targets targets
RUN python -m venv /opt/censorprobe \
 && /opt/censorprobe/bin/pip install --no-cache-dir '/src[quic,fingerprint,analysis]' \
 && /opt/censorprobe/bin/python -m compileall -q /opt/censorprobe/lib

FROM python:3.13.5-slim-bookworm
RUN useradd --uid 10001 --create-home --shell /usr/sbin/nologin probe \
 && install --directory --owner probe --group probe --mode 0700 /results
COPY --from=build /opt/censorprobe /opt/censorprobe
ENV PATH=/opt/censorprobe/bin:$PATH PROBE_RESULTS=/results
USER probe
WORKDIR /home/probe
VOLUME /results
ENTRYPOINT ["probe"]
CMD ["--help"]
