# Sourced by `run` and `growth`: the peers in a virtual environment and the program, built once.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache="${XDG_CACHE_HOME:-$HOME/.cache}"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$cache/s3sleuth-target}"
python="$cache/s3sleuth-compare/venv/bin/python"

if [ ! -x "$python" ]; then
  python3 -m venv "$cache/s3sleuth-compare/venv"
fi
"$python" -m pip install --quiet --disable-pip-version-check -r "$here/requirements.txt"
# Generic x86-64, as it is released. BUILD_FLAGS is for trying things out, such as an incremental build.
# shellcheck disable=SC2086
(cd "$here/../.." && cargo build --quiet --release --locked ${BUILD_FLAGS:-} --bin s3sleuth --example generate)
