#!/usr/bin/env bash
# Fetches what the integration tests need and this machine lacks: Kafka's jars and the Apicurio schema registry
# (Maven), Prometheus and Alertmanager (Debian packages), Helm (a wheel) and the Prometheus Operator's custom resources (Go). What cannot be had is said; its tests then skip, or fail where CI is set.
set -euo pipefail
cd "$(dirname "$0")/.."

lacking() { echo "test-setup: $*" >&2; }

# The result is one line, the broker's class path; the jars stay in Maven's own repository.
kafka_jars() {
    local pom=tests/support/kafka-pom.xml classpath=.cache/kafka/classpath stamp=.cache/kafka/pom
    if [ -n "${DRIFTLINE_TEST_KAFKA:-}" ]; then
        echo "test-setup: using the broker at $DRIFTLINE_TEST_KAFKA"
        return
    fi
    if cmp --silent "$pom" "$stamp" && tr ':' '\n' <"$classpath" | while read -r jar; do [ -f "$jar" ] || exit 1; done; then
        return
    fi
    if ! command -v mvn >/dev/null || ! command -v java >/dev/null; then
        lacking "no real Kafka: install Java 17 and Maven (Debian: openjdk-17-jre-headless maven)," \
            "or set DRIFTLINE_TEST_KAFKA=host:port to use a broker that runs already"
        return
    fi
    echo "test-setup: fetching the Kafka broker's jars"
    mkdir -p .cache/kafka
    rm -f "$stamp"
    if mvn --quiet --batch-mode -Dstyle.color=never --file "$pom" dependency:build-classpath \
        -Dmdep.outputFile="$PWD/$classpath" -Dmdep.includeScope=runtime; then
        cp "$pom" "$stamp"
    else
        lacking "no real Kafka: Maven could not fetch its jars (see above)"
    fi
}

# A real schema registry, as one archive; tests/support/apicurio.py names the version too.
schema_registry() {
    local version=2.6.13.Final directory=.cache/apicurio
    [ -d "$directory/$version" ] && return
    if ! command -v mvn >/dev/null || ! command -v java >/dev/null; then
        lacking "no real schema registry: install Java 17 and Maven (Debian: openjdk-17-jre-headless maven)"
        return
    fi
    echo "test-setup: fetching the Apicurio schema registry"
    rm -rf "$directory/unpacking"
    mkdir -p "$directory/unpacking"
    # From within: without a project Maven leaves its marker files in a directory of the current one.
    if (cd "$directory/unpacking" && mvn --quiet --batch-mode -Dstyle.color=never -DoutputDirectory="$PWD" \
        -Dartifact="io.apicurio:apicurio-registry-app:$version:tar.gz:all" \
        org.apache.maven.plugins:maven-dependency-plugin:3.8.1:unpack); then
        mv "$directory/unpacking" "$directory/$version"
    else
        lacking "no real schema registry: Maven could not fetch it (see above)"
    fi
}

# Helm is in a wheel that carries it for AWS: a package in an archive in an archive.
helm_program() {
    local lock=requirements/helm.txt directory=.cache/helm uv
    cmp --silent "$lock" "$directory/lock" && [ -x "$directory/helm" ] && return
    uv=$(command -v uv || echo .cache/uv/bin/uv)
    echo "test-setup: fetching Helm"
    rm -rf "$directory"
    mkdir -p "$directory/wheel"
    if "$uv" pip install --quiet --python .venv/bin/python --target "$directory/wheel" --no-deps --require-hashes -r "$lock" &&
        .venv/bin/python - "$directory" <<'EOF'
import io, pathlib, sys, tarfile, zipfile
directory = pathlib.Path(sys.argv[1])
(package,) = directory.glob("wheel/aws_cdk/*/_jsii/*.jsii.tgz")
with tarfile.open(package) as outer:
    layer = outer.extractfile("package/lib/layer.zip").read()
(directory / "helm").write_bytes(zipfile.ZipFile(io.BytesIO(layer)).read("helm/helm"))
(directory / "helm").chmod(0o755)
EOF
    then
        rm -rf "$directory/wheel"
        # What is built for another processor or system is as good as none.
        if "$directory/helm" version >/dev/null 2>&1; then
            cp "$lock" "$directory/lock"
        else
            rm "$directory/helm"
            lacking "the Helm that was fetched does not run here; put helm 3.17 or newer on the PATH"
        fi
    else
        lacking "no Helm: it could not be fetched (see above)"
    fi
}

# The definitions of ServiceMonitor, PodMonitor and PrometheusRule, from the module that has them.
custom_resources() {
    local module=github.com/prometheus-operator/prometheus-operator@v0.85.0 directory=.cache/custom-resources found
    [ "$(cat "$directory/module" 2>/dev/null)" = "$module" ] && return
    if ! command -v go >/dev/null; then
        lacking "no definitions of the Prometheus Operator's resources: install Go"
        return
    fi
    echo "test-setup: fetching the Prometheus Operator's custom resources"
    rm -rf "$directory"
    mkdir -p "$directory"
    if found=$(cd "$directory" && go mod download -json "$module" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p') && [ -d "$found" ]; then
        for kind in podmonitors prometheusrules servicemonitors; do
            cp "$found/example/prometheus-operator-crd/monitoring.coreos.com_$kind.yaml" "$directory/"
        done
        chmod u+w "$directory"/*
        echo "$module" >"$directory/module"
    else
        lacking "no definitions of the Prometheus Operator's resources: Go could not fetch them (see above)"
    fi
}

# The tests start servers of their own on free ports; the services that Debian sets up are not used.
debian_packages() {
    local missing=() run=()
    command -v prometheus >/dev/null || missing+=(prometheus)
    command -v prometheus-alertmanager >/dev/null || missing+=(prometheus-alertmanager)
    [ ${#missing[@]} -eq 0 ] && return
    if ! command -v apt-get >/dev/null; then
        lacking "not found: ${missing[*]}, and this is no Debian; put them on the PATH under these names"
        return
    fi
    if [ "$(id -u)" -ne 0 ]; then
        lacking "not found: ${missing[*]}; install them: apt-get install ${missing[*]}"
        return
    fi
    echo "test-setup: installing ${missing[*]}"
    run=(env DEBIAN_FRONTEND=noninteractive apt-get -qq)
    "${run[@]}" update >/dev/null || lacking "apt-get update failed; going on with the package lists that are here"
    "${run[@]}" install --yes --no-install-recommends "${missing[@]}" >/dev/null ||
        lacking "apt-get could not install ${missing[*]} (see above)"
}

kafka_jars
schema_registry
helm_program
custom_resources
debian_packages
