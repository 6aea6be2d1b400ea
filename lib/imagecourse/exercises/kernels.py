"""The kernel that runs notebooks."""

import sys

from jupyter_client import KernelManager
from jupyter_client.kernelspec import KernelSpec


class ThisPython(KernelManager):
    """A kernel of the Python that runs the command, whatever others are installed on the computer."""

    @property
    def kernel_spec(self) -> KernelSpec:
        """How it is started; jupyter_client asks for it."""
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=command, display_name="Python", language="python")
