# The probe, its test helper and its lab from one image. Nothing runs as root. docs/install.md says how to run it with fewer rights.
#   docker run --rm -it --network host -v probe-results:/results censorprobe run
#   docker run --rm -p 8080:8080 censorprobe helper --listen 0.0.0.0:8080
#   docker run --rm --security-opt seccomp=unconfined --security-opt apparmor=unconfined censorprobe lab run great-firewall
# Host networking for `run`: a bridge answers DNS itself and hides the network that is to be measured.
# The digest is the image index of https://github.com/docker-library/repo-info at bc9bbb47fc70 (2026-08-25), read 2026-11-26.
FROM python:3.13.15-slim-bookworm@sha256:cbd229d7b9bd041012af758ce5ffd807a6518d76493ce9035d208f1db9ceff1e AS build
WORKDIR /src
COPY requirements/build.txt requirements/run.txt requirements/
RUN python -m venv --without-pip /opt/censorprobe \
 && pip install --no-cache-dir --require-hashes --no-deps --only-binary :all: -r requirements/build.txt \
 && pip --python /opt/censorprobe/bin/python install --no-cache-dir --require-hashes --no-deps --only-binary :all: -r requirements/run.txt
COPY pyproject.toml hatch_build.py README.md LICENSE CHANGELOG.md ./
COPY probe probe
COPY targets targets
COPY deploy/lab-recordings deploy/lab-recordings
RUN pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir dist . ./deploy/lab-recordings \
 && pip --python /opt/censorprobe/bin/python install --no-cache-dir --no-deps --no-index dist/*.whl \
 && /opt/censorprobe/bin/python -m compileall -q /opt/censorprobe/lib

FROM python:3.13.15-slim-bookworm@sha256:cbd229d7b9bd041012af758ce5ffd807a6518d76493ce9035d208f1db9ceff1e
RUN groupadd --gid 10001 probe \
 && useradd --uid 10001 --gid 10001 --create-home --shell /usr/sbin/nologin probe \
 && install --directory --owner probe --group probe --mode 0700 /results
COPY --from=build /opt/censorprobe /opt/censorprobe
ENV PATH=/opt/censorprobe/bin:$PATH PROBE_RESULTS=/results
USER 10001:10001
WORKDIR /home/probe
VOLUME /results
ENTRYPOINT ["probe"]
CMD ["--help"]
