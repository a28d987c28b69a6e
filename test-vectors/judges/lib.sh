# Shared by the judges: the cache, what is installed into it, and the options that all of them take.
# A judge that cannot be installed ends with status 2 and a reason; it is never skipped.

cache=${ESIGN_JUDGES_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/esign-judges}
judges=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mkdir -p "$cache"

PYTHON_PACKAGES=(pyhanko==0.38.0 pyhanko-certvalidator==0.33.0 cryptography==50.0.2 asn1crypto==1.5.1)
FIXTURE_PACKAGES=(reportlab weasyprint img2pdf pikepdf pillow)

cannot() {
    echo "judges: error: $*" >&2
    exit 2
}

# need_command COMMAND PACKAGE: by apt, where the command is missing.
need_command() {
    command -v "$1" >/dev/null && return
    [ "$(id -u)" = 0 ] || cannot "$1 is missing; install the package $2"
    if [ ! -e "$cache/.apt-updated" ] || [ -n "$(find "$cache/.apt-updated" -mmin +720)" ]; then
        apt-get update -qq >&2 && touch "$cache/.apt-updated"
    fi
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$2" >"$cache/apt.log" 2>&1 ||
        cannot "$2 does not install: $(tail -n 1 "$cache/apt.log")"
    command -v "$1" >/dev/null || cannot "$2 is installed, $1 is still missing"
}

need_python() {
    local stamp="$cache/venv/.${PYTHON_PACKAGES[*]// /_}"
    stamp=${stamp// /_}
    if [ ! -e "$stamp" ]; then
        need_command python3 python3
        # Debian keeps ensurepip, without which a venv has no pip, in a package of its own.
        python3 -c 'import ensurepip' 2>/dev/null || need_python_venv
        python3 -m venv "$cache/venv" || cannot "no Python environment in $cache/venv"
        "$cache/venv/bin/pip" install -q "${PYTHON_PACKAGES[@]}" >"$cache/pip.log" 2>&1 ||
            cannot "pyHanko does not install: $(tail -n 1 "$cache/pip.log")"
        touch "$stamp"
    fi
    python=$cache/venv/bin/python
}

# pkilint in an environment of its own, zlint from the Go module proxy. Newer releases of zlint need a module that the
# proxy does not hand out.
need_linters() {
    pkilint=${PKILINT_VENV:-$cache/pkilint}
    if [ ! -x "$pkilint/bin/lint_pkix_cert" ]; then
        need_command python3 python3
        python3 -c 'import ensurepip' 2>/dev/null || need_python_venv
        python3 -m venv "$pkilint" && "$pkilint/bin/pip" install -q pkilint==0.13.3 >"$cache/pip.log" 2>&1 ||
            cannot "pkilint does not install: $(tail -n 1 "$cache/pip.log")"
    fi
    zlint=${ZLINT:-$cache/zlint}
    if [ ! -x "$zlint" ]; then
        need_command go golang-go
        GOBIN=$cache go install github.com/zmap/zlint/v3/cmd/zlint@v3.6.4 >"$cache/go.log" 2>&1 ||
            cannot "zlint does not install: $(tail -n 1 "$cache/go.log")"
    fi
}

need_schemathesis() {
    local venv=$cache/schemathesis-4.32.5
    schemathesis=$venv/bin/st
    if [ ! -x "$schemathesis" ]; then
        need_command python3 python3
        python3 -c 'import ensurepip' 2>/dev/null || need_python_venv
        python3 -m venv "$venv" && "$venv/bin/pip" install -q schemathesis==4.32.5 >"$cache/pip.log" 2>&1 ||
            cannot "schemathesis does not install: $(tail -n 1 "$cache/pip.log")"
    fi
}

need_python_venv() {
    apt-get update -qq >&2
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv >"$cache/apt.log" 2>&1 ||
        cannot "python3-venv does not install: $(tail -n 1 "$cache/apt.log")"
}

# Only for ../pdf/generate.sh.
need_fixture_packages() {
    need_python
    "$cache/venv/bin/pip" install -q "${FIXTURE_PACKAGES[@]}" >"$cache/pip.log" 2>&1 ||
        cannot "the producers' packages do not install: $(tail -n 1 "$cache/pip.log")"
}

need_dss() {
    local sum
    sum=$(cat "$judges/dss/pom.xml" "$judges/dss/src/JudgeDss.java" | sha256sum | cut -c1-16)
    built=$cache/dss/$sum
    if [ ! -e "$built/done" ]; then
        need_command javac default-jdk-headless
        need_command mvn maven
        rm -rf "$built"
        mkdir -p "$built"
        mvn -q -B -f "$judges/dss/pom.xml" org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
            -DoutputDirectory="$built/lib" >"$cache/mvn.log" 2>&1 ||
            cannot "EU DSS does not install: $(tail -n 3 "$cache/mvn.log")"
        javac -Xlint:-options -cp "$built/lib/*" -d "$built/classes" "$judges/dss/src/JudgeDss.java" ||
            cannot "JudgeDss.java does not compile"
        touch "$built/done"
    fi
    dss=(java -Xshare:auto -XX:TieredStopAtLevel=1 -cp "$built/classes:$built/lib/*" JudgeDss)
}

# parse "$@": --trust F, --intermediate F, --crl F (each repeatable), --content F, --at TIME, FILE...
trust=() intermediates=() crls=() files=() content='' at=''
parse() {
    while [ $# -gt 0 ]; do
        case $1 in
        --trust) trust+=("$2") && shift 2 ;;
        --intermediate) intermediates+=("$2") && shift 2 ;;
        --crl) crls+=("$2") && shift 2 ;;
        --content) content=$2 && shift 2 ;;
        --at) at=$2 && shift 2 ;;
        --integrity | --lenient) shift ;;
        --*) cannot "unknown option $1" ;;
        *) files+=("$1") && shift ;;
        esac
    done
    [ ${#files[@]} -gt 0 ] || cannot "no file given"
    [ ${#trust[@]} -gt 0 ] || cannot "no --trust given: nothing can be accepted"
}
