"""Describes the machine, without its name. Results are comparable only on the same machine."""

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path


def processors():
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def description():
    return {
        "processor": _processor(),
        "cores": processors(),
        "memory": f"{_memory() / 2**30:.0f} GiB",
        "system": _system(),
    }


def line(machine):
    return f"{machine['processor']}, {machine['cores']} cores, {machine['memory']}, {machine['system']}"


def available_memory():
    """Returns the bytes of available memory, or None if the system does not report it."""
    try:
        for entry in Path("/proc/meminfo").read_text().splitlines():
            if entry.startswith("MemAvailable:"):
                return int(entry.split()[1]) * 1024
    except OSError:
        pass
    return None


def versions(packages):
    """Returns the versions of the installed packages."""
    found = {}
    for package in packages:
        try:
            found[package] = metadata.version(package).split("+")[0]
        except metadata.PackageNotFoundError:
            pass
    return found


def _processor():
    try:
        fields = dict(
            (part.strip() for part in entry.split(":", 1))
            for entry in Path("/proc/cpuinfo").read_text().splitlines()
            if ":" in entry
        )
        widths = [name for name in ("avx512f", "avx2") if name in fields.get("flags", "").split()]
        name = fields.get("model name", platform.machine())
        return name + (f" with {widths[0].upper().replace('F', '').replace('AVX512', 'AVX-512')}" if widths else "")
    except OSError:
        query = subprocess.run(
            ["sysctl", "-n", "machdep.cpu.brand_string"], capture_output=True, text=True, check=False
        )
        return query.stdout.strip() or platform.processor()


def _memory():
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _system():
    try:
        return f"{platform.freedesktop_os_release()['PRETTY_NAME']}, {platform.machine()}"
    except (OSError, KeyError):
        return f"{platform.system()} {platform.release()}, {platform.machine()}"
