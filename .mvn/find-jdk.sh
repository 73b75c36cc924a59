# Sourced by ./mvnw and ./sluice (POSIX sh, `set -f` may be on): sets and exports JAVA_HOME to a JDK of at least 25.
# Looks at JAVA_HOME, the variables that CI systems set, the default java, then the folders where JDKs are usually installed.
sluice_jdk_major() {
  [ -x "$1/bin/javac" ] && [ -r "$1/release" ] && sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$1/release" || echo 0
}
sluice_find_jdk() {
  sluice_default=$(command -v javac 2>/dev/null) && sluice_default=$(dirname "$(dirname "$(readlink -f "$sluice_default")")")
  for sluice_jdk in "${JAVA_HOME-}" "${JAVA25_HOME-}" "${JAVA_HOME_25_X64-}" "${JAVA_HOME_25_ARM64-}" "${JDK_25-}" "$sluice_default"; do
    [ -n "$sluice_jdk" ] && [ "$(sluice_jdk_major "$sluice_jdk")" -ge 25 ] && { echo "$sluice_jdk"; return; }
  done
  set +f
  for sluice_jdk in /usr/lib/jvm/* /usr/java/* /opt/java/* /opt/jdk* /opt/*jdk* /usr/local/java/* /usr/local/*jdk* \
    "$HOME"/.sdkman/candidates/java/* "$HOME"/.jdks/* "$HOME"/.asdf/installs/java/* "$HOME"/.local/share/mise/installs/java/* \
    "$HOME"/.jabba/jdk/* /Library/Java/JavaVirtualMachines/*/Contents/Home "$HOME"/Library/Java/JavaVirtualMachines/*/Contents/Home; do
    [ "$(sluice_jdk_major "$sluice_jdk")" -ge 25 ] && { echo "$sluice_jdk"; return; }
  done
}
sluice_jdk_home=$(sluice_find_jdk)
if [ -z "$sluice_jdk_home" ]; then
  echo "No JDK 25 or newer found (looked at JAVA_HOME, the default java and the usual folders)." >&2
  echo "Install one, or point JAVA_HOME at it." >&2
  exit 1
fi
JAVA_HOME=$sluice_jdk_home
export JAVA_HOME
