#!/usr/bin/env bash
# run.sh CASE   One user of the library: builds main.cpp as CASE says and runs it. ctest sets the variables.
set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")
name=$1
work=$BUILD/consume/$name
prefix=$BUILD/consume/prefix
shared_prefix=$BUILD/consume/prefix_shared
rm -rf "$work"
mkdir -p "$work"

# What main.cpp has to find in the browser client's file; empty: it serves none.
expected=
program=user

# make_client_dist FOLDER: files with the names of npm's.
make_client_dist() {
  local file
  mkdir -p "$1"
  for file in socket.io{,.min,.esm.min,.msgpack.min}.js; do
    echo "// $file" >"$1/$file"
    echo "{}" >"$1/$file.map"
  done
}

# cmake_user FOLDER [CMAKE ARGS]: a project of its own.
cmake_user() {
  local folder=$1
  shift
  # What CMake writes there (sources among it) has the same name for every user.
  export CCACHE_BASEDIR=$work
  "$CMAKE" -S "$here/$folder" -B "$work" -G Ninja -DCMAKE_BUILD_TYPE="$BUILD_TYPE" \
    -DCMAKE_C_COMPILER="$CC" -DCMAKE_CXX_COMPILER="$CXX" \
    -DCMAKE_C_COMPILER_LAUNCHER="$LAUNCHER" -DCMAKE_CXX_COMPILER_LAUNCHER="$LAUNCHER" "$@"
  "$CMAKE" --build "$work"
  "$work/$program" $expected
}

# The library as part of the user's project, compiled with this build's flags: the second user has all of it from the
# compiler cache.
cmake_parent() {
  cmake_user "$@" -DSOCKETIO_SOURCE="$SOURCE" -DSOCKETIO_WERROR="$WERROR" \
    -DCMAKE_C_FLAGS_RELWITHDEBINFO="$FLAGS" -DCMAKE_CXX_FLAGS_RELWITHDEBINFO="$FLAGS"
}

# pkg_config_user PREFIX [PKG-CONFIG ARGS]: no build system at all.
pkg_config_user() {
  local from=$1 flags
  shift
  export PKG_CONFIG_PATH=$from/$LIBDIR/pkgconfig
  # Without -r: a blank in a path has a backslash before it.
  read -a flags < <(pkg-config "$@" --cflags --libs socketio-server)
  "$CXX" -std=c++20 "$here/main.cpp" -o "$work/user" "${flags[@]}"
  LD_LIBRARY_PATH=$from/$LIBDIR "$work/user" $expected
}

# Of ours a user's project builds the library alone.
check_built() {
  if find "$work" -name '*.a' ! -name libsocketio_server.a | grep .; then
    echo "built beside the library" >&2
    exit 1
  fi
}

# Nothing but headers of socketio/ is installed, and none of them leads to a folder of this machine.
check_installed() {
  if find "$1/include" -type f | grep -v "^$1/include/socketio/"; then
    echo "installed outside include/socketio" >&2
    exit 1
  fi
  if grep -rlF -e "$SOURCE" -e "$BUILD" "$1/$LIBDIR/cmake" "$1/$LIBDIR/pkgconfig" "$1/include"; then
    echo "an installed file names the build machine's folders" >&2
    exit 1
  fi
}

# The shared library shows the public API: of ours nothing else, and nothing of llhttp. (Weak symbols are templates of
# std that every user of them exports.)
check_exports() {
  local shown hidden
  shown=$(nm -D --defined-only -C "$1" | grep -E ' [TDBR] ')
  hidden=$(grep -vE ' [TDBR] socketio::' <<<"$shown" || true)
  hidden+=$(grep -E ' [TDBR] socketio::(base|value|ws|eio|sio|net|server)::' <<<"$shown" || true)
  if [ -n "$hidden" ]; then
    printf 'symbols that should be hidden:\n%s\n' "$hidden" >&2
    exit 1
  fi
}

case $name in
  install)
    rm -rf "$prefix"
    "$CMAKE" --install "$BUILD" --prefix "$prefix"
    check_installed "$prefix"
    ;;
  find_package) cmake_user find_package -DCMAKE_PREFIX_PATH="$prefix" ;;
  pkg_config)
    static=--static
    if [ "$SHARED" = ON ]; then static=; fi
    pkg_config_user "$prefix" $static
    ;;
  add_subdirectory)
    # Configured for /usr/local, installed elsewhere: as if the tree had been moved.
    make_client_dist "$work/client-dist"
    cmake_parent add_subdirectory -DBUILD_SHARED_LIBS=ON -DSOCKETIO_INSTALL=ON -DCMAKE_INSTALL_PREFIX=/usr/local \
      -DSOCKETIO_CLIENT_DIST="$work/client-dist"
    check_built
    rm -rf "$shared_prefix"
    "$CMAKE" --install "$work" --prefix "$shared_prefix"
    check_installed "$shared_prefix"
    check_exports "$shared_prefix/$LIBDIR/libsocketio_server.so"
    ;;
  find_package_shared)
    expected=//
    cmake_user find_package -DCMAKE_PREFIX_PATH="$shared_prefix"
    ;;
  pkg_config_shared)
    expected=//
    pkg_config_user "$shared_prefix"
    ;;
  client)
    # The browser client, installed along: nothing has to be built for that.
    make_client_dist "$work/client-dist"
    "$CMAKE" -S "$SOURCE" -B "$work/build" -G Ninja -DCMAKE_C_COMPILER="$CC" -DCMAKE_CXX_COMPILER="$CXX" \
      -DSOCKETIO_BUILD_TESTS=OFF -DSOCKETIO_BUILD_EXAMPLES=OFF -DSOCKETIO_BUILD_BENCH=OFF \
      -DSOCKETIO_CLIENT_DIST="$work/client-dist"
    "$CMAKE" --install "$work/build" --prefix "$work/prefix" --component client
    diff -r "$work/client-dist" "$work/prefix/share/socketio/client"
    ;;
  fetch_content)
    # With the static library it is the program that lies in the tree.
    make_client_dist "$work/tree/share/socketio/client"
    program=chat
    cmake_parent fetch_content -DBUILD_SHARED_LIBS=OFF -DCMAKE_INSTALL_PREFIX=/usr/local \
      -DSOCKETIO_CLIENT_DIST="$work/tree/share/socketio/client"
    check_built
    mkdir "$work/tree/bin"
    mv "$work/$program" "$work/tree/bin"
    "$work/tree/bin/$program" //
    ;;
  *)
    echo "no such user: $name" >&2
    exit 2
    ;;
esac
