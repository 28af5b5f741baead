#!/usr/bin/env bash
# Fetches what the integration tests need and this machine lacks: Kafka's jars and the Apicurio schema registry
# (Maven), Prometheus and Alertmanager (Debian packages). What cannot be had is said; its tests then skip, or fail where CI is set.
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
debian_packages
