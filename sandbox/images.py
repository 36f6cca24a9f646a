"""The images that the sandbox provides: pause, Argo's three, and the Debian base for image builds."""

import os
import subprocess
from pathlib import Path

from sandbox import debianroot, packages, tools
from sandbox.console import heartbeat, run_logged, say
from sandbox.layout import Layout
from sandbox.registryclient import FilesImage, ensure_pushed

_RECIPE_LABEL = "dev.biojobs.recipe"
_CA = Path("/etc/ssl/certs/ca-certificates.crt")
# The user of Argo's own images.
_USER = "8737"
# image -> the program that it runs
_ARGO = {"argoexec": "argoexec", "workflow-controller": "workflow-controller", "argocli": "argo"}


def argo_images(folder: Path) -> list[FilesImage]:
    """Argo's images as its Dockerfile makes them: one static program over next to nothing."""
    hack = folder.parent / "hack"
    base = {
        "etc/nsswitch.conf": (hack / "nsswitch.conf").read_bytes(),
        "etc/ssh/ssh_known_hosts": (hack / "ssh_known_hosts").read_bytes(),
        "etc/ssl/certs/ca-certificates.crt": _CA.read_bytes(),
        "etc/passwd": f"root:x:0:0:root:/root:/\nargo:x:{_USER}:{_USER}:argo:/home/argo:/\n".encode(),
        "etc/group": f"root:x:0:\nargo:x:{_USER}:\n".encode(),
        "etc/mime.types": b"application/json json\ntext/plain txt log\ntext/html html\napplication/gzip gz tgz\n",
        "home/argo/.keep": b"",
    }
    images: list[FilesImage] = []
    for name, program in _ARGO.items():
        config = {"Entrypoint": [program], "Env": ["PATH=/usr/local/bin:/usr/bin:/bin"]}
        if name != "argoexec":
            config |= {"User": _USER}
        if name == "argocli":
            config |= {"WorkingDir": "/home/argo"}
        files = base | {f"bin/{program}": folder / program}
        images.append(FilesImage(f"argoproj/{name}", tools.version("argo"), files, config))
    return images


def ensure_pause(folder: Path) -> None:
    """Push the first process of every pod."""
    config = {"Entrypoint": ["/pause"], "User": "65535:65535"}
    ensure_pushed(FilesImage("biojobs-sandbox/pause", "1", {"pause": folder / "pause"}, config))


def ensure_argo(folder: Path) -> None:
    """Push Argo's images."""
    for image in argo_images(folder):
        if ensure_pushed(image):
            say(f"pushed {image.repository}:{image.tag}")


def ensure_base(layout: Layout, runtime: Path) -> None:
    """Import the Debian root as the image that Dockerfiles start from."""
    root = packages.ensure_base_root(layout.cache)
    recipe = root.parent.name
    if _label_of_base(layout, runtime) == recipe:
        return
    with heartbeat(f"importing {debianroot.IMAGE} into Docker"):
        changes = ['CMD ["bash"]', "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]
        changes.append(f"LABEL {_RECIPE_LABEL}={recipe}")
        flags = [word for change in changes for word in ("--change", change)]
        command = [*_docker(layout, runtime), "import", *flags, str(root), debianroot.IMAGE]
        run_logged(command, layout.logs / "images.log", env=_environment(layout))


def _label_of_base(layout: Layout, runtime: Path) -> str | None:
    template = f'{{{{index .Config.Labels "{_RECIPE_LABEL}"}}}}'
    command = [*_docker(layout, runtime), "image", "inspect", "--format", template, debianroot.IMAGE]
    done = subprocess.run(command, capture_output=True, text=True, env=_environment(layout))
    return done.stdout.strip() if done.returncode == 0 else None


def _docker(layout: Layout, runtime: Path) -> list[str]:
    return [str(runtime / "bin/docker"), "--host", f"unix://{layout.docker_socket}"]


def _environment(layout: Layout) -> dict[str, str]:
    """The caller's own Docker configuration and context are none of our business."""
    return {"PATH": os.defpath, "HOME": "/root", "DOCKER_CONFIG": str(layout.config / "docker-cli")}
