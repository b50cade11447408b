"""Network isolation: a process of this package reaches nothing but its own machine.

Two locks, one behind the other:

- `deny_network`, for every process that imports the package: an audit hook sees each connection, datagram and name
  look-up that Python makes, in whatever library, and refuses what goes beyond loopback with the host's name. No library
  can take it away again. It does not see C code that calls the system by itself.
- `isolate`, for every stage: a network namespace of the process's own in which there is nothing but a loopback. It
  holds for C code and for all children, but only Linux has it, and some hosts forbid it; there the first lock stays.
  `SYNTHNOTES_NAMESPACE=off` leaves it out. Unix sockets, by which services of the machine are reached, pass.

Loopback, unix sockets and shared memory stay open: vLLM, accelerate, gloo and NCCL talk to themselves by them.
"""

import fcntl
import os
import socket
import struct
import sys
from collections.abc import MutableMapping
from ctypes import CDLL, get_errno
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import Any

OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "WANDB_MODE": "disabled",
    # What processes say to each other stays on loopback even where there is no namespace.
    "VLLM_HOST_IP": "127.0.0.1",
    "GLOO_SOCKET_IFNAME": "lo",
    "NCCL_SOCKET_IFNAME": "lo",
}
PROXIES = {"http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "ws_proxy", "wss_proxy"}
SWITCH = "SYNTHNOTES_NAMESPACE"
INSIDE = "SYNTHNOTES_IN_NAMESPACE"  # the namespace that a parent has made: its children share it

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1
LOOKUPS = {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo"}
WITHIN = {socket.AF_UNIX, getattr(socket, "AF_NETLINK", socket.AF_UNIX)}  # families that stay on the machine
SENDS = {"socket.connect", "socket.sendto", "socket.sendmsg"}

_denied = False


class NetworkDeniedError(OSError):
    """Something wanted to leave the machine; the message names the host, and nothing of what was to be sent."""


def deny_network() -> None:
    """Denies this process the network, for good: environment, proxies, and an audit hook."""
    global _denied
    go_offline(os.environ)
    if not _denied:
        _denied = True
        sys.addaudithook(_audit)


def go_offline(environment: MutableMapping[str, str]) -> None:
    """Tells libraries that there is no network, and takes the proxies away."""
    for name in [name for name in environment if name.lower() in PROXIES]:
        del environment[name]
    environment.update(OFFLINE)


def isolate() -> bool:
    """Puts this process and all that it will start into a network namespace that holds a loopback alone.

    Must come before the first thread, so before most imports. It is tried in a child first, for there is no way back.

    Returns:
        Whether the process is in such a namespace; False where the host forbids it or the user has switched it off.
    """
    if os.environ.get(SWITCH) == "off" or not sys.platform.startswith("linux"):
        return False
    if os.environ.get(INSIDE) == _namespace():
        return True
    if "RANK" in os.environ:  # one of several processes, which must stay together
        return False
    child = os.fork()
    if not child:
        os._exit(0 if _enter() else 1)
    if os.waitpid(child, 0)[1] or not _enter():
        return False
    os.environ[INSIDE] = _namespace()
    return True


def is_local(host: str) -> bool:
    """Whether a host is this machine: by address a loopback (or none at all), by name `localhost` or its own."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host in ("", "localhost", socket.gethostname()) or host.endswith(".localhost")
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return address.is_loopback or address.is_unspecified


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if not event.startswith("socket."):  # of the many events that are none of its business, most end here
        return
    if event in SENDS:
        connection, address = arguments[0], arguments[1]
        if address is None or connection.family in WITHIN:
            return
        internet = connection.family in (socket.AF_INET, socket.AF_INET6)
        host = address[0] if internet else f"address family {connection.family}"
    elif event in LOOKUPS:
        host = arguments[0][0] if event == "socket.getnameinfo" else arguments[0]
    else:
        return
    name = host.decode("ascii", "replace") if isinstance(host, bytes | bytearray) else str(host or "")
    if not is_local(name):
        raise NetworkDeniedError(f"{name[:100]}: this process may not reach beyond this machine (SECURITY.md).")


def _namespace() -> str:
    """The identity of the network namespace that this process is in."""
    return str(Path("/proc/self/ns/net").stat().st_ino)


def _enter() -> bool:
    """Enters a new network namespace and starts its loopback; root needs no user namespace, which would bind it."""
    libc, user, group = CDLL(None, use_errno=True), os.getuid(), os.getgid()
    try:
        if libc.unshare(CLONE_NEWNET):
            if libc.unshare(CLONE_NEWUSER | CLONE_NEWNET):
                raise OSError(get_errno(), "unshare")
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
            Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            request = struct.pack("16sh14x", b"lo", 0)
            flags = struct.unpack("16sh14x", fcntl.ioctl(any_socket, SIOCGIFFLAGS, request))[1]
            fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))
    except OSError:
        return False
    return True
