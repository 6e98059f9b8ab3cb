# Installs the packages passed as arguments. Runs as root, under `sh -eu`.
export DEBIAN_FRONTEND=noninteractive

# Debian's server package creates and starts a cluster, which is not needed here.
settings=/etc/postgresql-common/createcluster.d
drop_in=$settings/portal-xtask.conf
remove_drop_in() {
    rm -f "$drop_in"
    rmdir --ignore-fail-on-non-empty "$settings"
}
trap remove_drop_in EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
mkdir -p "$settings"
echo 'create_main_cluster = false' >"$drop_in"

# A broken third-party source must not be fatal, because only the installation matters.
apt-get update --quiet || echo "apt-get update failed; continuing with the existing package lists" >&2
apt-get install --quiet --yes --no-install-recommends "$@"
