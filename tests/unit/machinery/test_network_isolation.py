"""Network isolation: nothing beyond this machine is reached, whoever asks, and what runs on this machine goes on."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from table import SAYS

from synthnotes.machinery import network_isolation
from synthnotes.machinery.network_isolation import NetworkDeniedError, go_offline, is_local

SECRET = b"what the note says"


def child(code, prefix=(), **environment):
    """Runs code in a process of its own, with the package's source."""
    words = [*prefix, sys.executable, "-c", code]
    return subprocess.run(words, env={**os.environ, **environment}, capture_output=True, text=True, timeout=60)


def namespaces_allowed():
    return (
        child(
            "from synthnotes.machinery import network_isolation; raise SystemExit(not network_isolation.isolate())"
        ).returncode
        == 0
    )


needs_namespaces = pytest.mark.skipif(not namespaces_allowed(), reason="this host forbids network namespaces")


@pytest.mark.parametrize(
    ("host", "local"),
    [
        *[(host, True) for host in ("127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1", "localhost", "", "0.0.0.0")],
        *[(host, False) for host in ("192.0.2.1", "10.0.0.1", "fe80::1%eth0", "::ffff:192.0.2.1", "example.org")],
        *[(host, False) for host in ("localhost.example.org", "127.0.0.1.example.org")],
        (socket.gethostname(), True),
    ],
)
def test_what_is_local(host, local):
    assert is_local(host) == local


def datagram(method, *arguments):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        getattr(own, method)(*arguments)


@pytest.mark.parametrize(
    ("attempt", "host"),
    [
        (lambda: socket.create_connection(("192.0.2.1", 80)), "192.0.2.1"),
        (lambda: socket.create_connection(("example.org", 80)), "example.org"),
        (lambda: datagram("connect_ex", ("192.0.2.1", 53)), "192.0.2.1"),
        (lambda: datagram("sendto", SECRET, ("192.0.2.1", 53)), "192.0.2.1"),
        (lambda: datagram("sendmsg", [SECRET], [], 0, ("192.0.2.1", 53)), "192.0.2.1"),
        (lambda: socket.gethostbyname("example.org"), "example.org"),
        (lambda: socket.getaddrinfo(b"example.org", 80), "example.org"),
        (lambda: socket.getnameinfo(("192.0.2.1", 80), 0), "192.0.2.1"),
    ],
)
def test_python_reaches_nobody_else_and_the_error_names_the_host_alone(attempt, host, record_property):
    with pytest.raises(NetworkDeniedError) as raised:
        attempt()
    assert host in str(raised.value)
    assert SECRET.decode() not in str(raised.value)
    record_property(SAYS, str(raised.value))


def test_loopback_and_unix_sockets_go_on(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as one:
        one.sendall(b"x")
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as one:
        server.bind(str(tmp_path / "socket"))
        server.listen()
        one.connect(str(tmp_path / "socket"))
    assert socket.getaddrinfo(socket.gethostname(), 80) or True  # asked, not refused
    assert socket.getaddrinfo(None, 80)


def test_libraries_are_told_and_proxies_are_gone():
    environment = {"https_proxy": "http://proxy", "ALL_PROXY": "socks5://proxy", "no_proxy": "localhost"}
    go_offline(environment)
    assert environment == {"no_proxy": "localhost", **network_isolation.OFFLINE}
    assert network_isolation.OFFLINE.items() <= os.environ.items()


def test_every_process_that_imports_the_package_is_sealed():
    code = "import synthnotes, urllib.request; urllib.request.urlopen('http://192.0.2.1/')"
    assert "NetworkDeniedError" in child(code, http_proxy="http://192.0.2.7:3128").stderr


ISOLATED = "from synthnotes.machinery import network_isolation; assert network_isolation.isolate(); "
# What an audit hook cannot see: connect, called by C. In a namespace there is nowhere to connect to.
BY_C = """
import ctypes, errno, socket, struct
s = socket.socket()
address = struct.pack("=H", socket.AF_INET) + struct.pack("!H", 9) + socket.inet_aton("192.0.2.1") + bytes(8)
failed = ctypes.CDLL(None, use_errno=True).connect(s.fileno(), address, len(address))
assert failed and ctypes.get_errno() == errno.ENETUNREACH, ctypes.get_errno()
"""


@needs_namespaces
def test_in_a_namespace_c_code_and_children_reach_nothing():
    done = child(ISOLATED + f"import subprocess, sys; {BY_C!s}".replace("import subprocess, sys; \n", "\n"))
    assert done.returncode == 0, done.stderr
    devices = child(ISOLATED + "import os; os.execvp('cat', ['cat', '/proc/net/dev'])").stdout
    assert [line.split(":")[0].strip() for line in devices.splitlines()[2:]] == ["lo"]


@needs_namespaces
def test_children_share_the_namespace_and_talk_by_its_loopback():
    code = """
import multiprocessing, os, socket
def tell(port):
    from synthnotes.machinery import network_isolation
    assert network_isolation.isolate()
    socket.create_connection(("127.0.0.1", port)).sendall(network_isolation._namespace().encode())
from synthnotes.machinery import network_isolation
assert network_isolation.isolate()
server = socket.create_server(("127.0.0.1", 0))
process = multiprocessing.get_context("fork").Process(target=tell, args=server.getsockname()[1:])
process.start()
assert server.accept()[0].recv(100).decode() == network_isolation._namespace()
"""
    done = child(code)
    assert done.returncode == 0, done.stderr


def test_a_namespace_can_be_left_out_and_is_not_entered_by_one_of_several_processes():
    for environment in ({network_isolation.SWITCH: "off"}, {"RANK": "1"}):
        assert (
            child(
                "from synthnotes.machinery import network_isolation; assert not network_isolation.isolate()",
                **environment,
            ).returncode
            == 0
        )


def test_a_stage_is_isolated_before_anything_else_is_imported():
    """Threads make it impossible: what comes before must not start any."""
    code = "import sys; sys.argv = ['-m']; import synthnotes.machinery.network_isolation; "
    code += "print({'numpy', 'pandas'} & set(sys.modules))"
    assert child(code).stdout == "set()\n"
    first = Path(network_isolation.__file__).parents[1] / "stages" / "__init__.py"
    text = first.read_text(encoding="utf-8")
    assert text.index("network_isolation.isolate()") < text.index("from synthnotes.machinery import redaction")


@needs_namespaces
def test_a_stage_that_runs_as_a_program_is_in_a_namespace():
    probe = "import os, sys; sys.argv = ['-m']; import synthnotes.stages; "
    probe += "print(os.environ[synthnotes.machinery.network_isolation.INSIDE])"
    assert child(probe).stdout.strip().isdigit()
